//! `POST /orders/{order_id}/request-return`, and the way back it begins.

use chrono::Duration;
use end_to_end::{Answer, TestApp};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn an_order_goes_back_and_so_does_its_money() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    admin.assigns(id, courier.id.as_str()).await.expect(200);
    admin.walks(id, &["preparing"]).await;
    courier.walks(id, &["out_for_delivery", "delivered"]).await;

    let requested = customer.requests_return_because(id, " The apples are bruised.\n").await.expect(200);

    assert_eq!(requested.json["status"], "return_requested");
    assert_eq!(requested.header("etag"), format!("\"{}\"", requested.json["version"]));
    let history = app.database.history(id).await;
    let event = history.last().unwrap();
    let data = json!({ "status": "return_requested", "reason": "The apples are bruised." });
    assert_eq!((&event["type"], &event["data"]), (&json!("status"), &data));
    assert_eq!((&event["actor_id"], &event["actor_role"]), (&json!(customer.id), &json!("user")));

    admin.walks(id, &["return_approved"]).await;
    courier.walks(id, &["picked_up"]).await;
    app.all_done(id).await;
    assert_eq!(app.dependencies.books(id).await["refunds"], json!([]), "not before it is refunded");
    admin.walks(id, &["refunded"]).await;
    // Again is no new refund.
    admin.sets_status(id, "refunded").await.expect(200);
    app.all_done(id).await;

    let books = app.dependencies.books(id).await;
    let refunds = books["refunds"].as_array().unwrap();
    assert_eq!((refunds.len(), &refunds[0]["amount"]), (1, &json!("25.97")), "{books}");
    let ledger = app.database.ledger(id).await;
    assert_eq!(ledger.len(), 2);
    assert_eq!((&ledger[1]["kind"], &ledger[1]["status"]), (&json!("refund"), &json!("succeeded")));
    let order = customer.reads_order(id).await.expect(200);
    assert_eq!(order.raw("/total_amount"), "25.97");
    order.time("delivered_at");
}

#[tokio::test]
async fn a_return_can_be_asked_for_within_a_week() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let week = Duration::days(7);
    for (ago, expected) in [
        (Duration::zero(), 200),
        (Duration::days(6), 200),
        (week - Duration::minutes(1), 200),
        (week + Duration::seconds(1), 409),
        (Duration::days(365), 409),
    ] {
        let id = app.database.add_delivered(&customer.id, ago).await;
        let before = app.database.order(id).await;
        let order = customer.reads_order(id).await.expect(200);
        let is_offered = order.json["allowed_actions"].as_array().unwrap().contains(&json!("request_return"));
        assert_eq!(is_offered, expected == 200, "{ago}");

        let answer = customer.requests_return(id).await;

        if expected == 200 {
            let answer = answer.expect(200);
            assert_eq!(answer.json["status"], "return_requested", "{ago}");
            assert_eq!(app.database.order(id).await["delivered_at"], before["delivered_at"]);
            app.database.history(id).await;
        } else {
            let refusal = answer.expect_problem(409);
            assert!(refusal.detail().contains("7 days"), "{}", refusal.detail());
            assert_eq!(app.database.order(id).await, before, "{ago}");
        }
    }
}

#[tokio::test]
async fn only_what_is_delivered_can_be_returned() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for status in [
        "pending",
        "confirmed",
        "preparing",
        "out_for_delivery",
        "cancelled",
        "return_requested",
        "return_approved",
        "picked_up",
        "refunded",
    ] {
        let id = app.database.add_order(&customer.id, status, None).await;
        let before = app.database.order(id).await;

        let refusal = customer.requests_return(id).await.expect_problem(409);

        assert!(refusal.detail().contains("delivered"), "{}", refusal.detail());
        assert_eq!(app.database.order(id).await, before, "{status}");
    }
}

#[tokio::test]
async fn a_return_needs_no_reason() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let path = |id| format!("/orders/{id}/request-return");
    for body in [
        json!({}),
        json!({ "reason": null }),
        json!({ "reason": "" }),
        json!({ "reason": " \n\t " }),
        json!({ "note": "is ignored" }),
    ] {
        let id = app.database.add_order(&customer.id, "delivered", None).await;

        customer.post(&path(id), &body).await.expect(200);

        let event = app.database.history(id).await.pop().unwrap();
        assert_eq!(event["data"], json!({ "status": "return_requested", "reason": null }), "{body}");
    }
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    let request = customer.request(Method::POST, &path(id)).header("content-type", "application/json");
    Answer::to(request.body("")).await.expect(200);
}

#[tokio::test]
async fn a_reason_is_a_text_of_at_most_a_thousand_characters() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    let before = app.database.order(id).await;
    for reason in
        [json!("🍏".repeat(1001)), json!(7), json!(true), json!(["bruised"]), json!({}), json!("a\u{0}")]
    {
        customer.requests_return_because(id, reason).await.expect_invalid(&["/reason"]);
    }
    for body in [json!([]), json!("bruised"), json!(7)] {
        customer.post(&format!("/orders/{id}/request-return"), &body).await.expect_invalid(&[""]);
    }
    for body in ["{", "reason=bruised", " "] {
        let request = customer.request(Method::POST, &format!("/orders/{id}/request-return"));
        Answer::to(request.body(body)).await.expect_invalid(&[""]);
    }
    assert_eq!(app.database.order(id).await, before);

    customer.requests_return_because(id, "🍏".repeat(1000)).await.expect(200);
}

#[tokio::test]
async fn a_refused_return_leaves_the_order_delivered_when_it_was() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = app.database.add_delivered(&customer.id, Duration::days(3)).await;
    let delivered_at = app.database.order(id).await["delivered_at"].clone();
    customer.requests_return(id).await.expect(200);

    let refused = admin.sets_status(id, "delivered").await.expect(200);

    assert_eq!(refused.json["status"], "delivered");
    assert_eq!(app.database.order(id).await["delivered_at"], delivered_at);
    // It can be asked for once more, as long as the week lasts.
    customer.requests_return(id).await.expect(200);
    let late = app.database.add_delivered(&customer.id, Duration::days(8)).await;
    admin.walks(late, &["return_requested", "delivered"]).await;
    customer.requests_return(late).await.expect_problem(409);
    app.database.history(late).await;
}

#[tokio::test]
async fn of_simultaneous_requests_one_wins() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;

    let answers = join_all((0..6).map(|_| customer.requests_return(id))).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{lost:?}");
    for answer in lost {
        answer.expect_problem(409);
    }
    assert_eq!(app.database.history(id).await.len(), 3);
    app.all_done(id).await;
    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    let told: Vec<&Value> = pushes.iter().map(|push| &push["body"]["status"]).collect();
    assert_eq!(told, ["return_requested"]);
}
