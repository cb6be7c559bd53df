//! `POST /orders/{order_id}/cancel`.

use end_to_end::{Answer, TestApp};
use futures::future::join_all;
use serde_json::{Value, json};

/// Cancelled, with an answer as the specification has it.
#[track_caller]
fn is_cancelled(answer: Answer, refund_initiated: bool) {
    let expected = json!({
        "success": true,
        "message": "Order cancelled successfully",
        "refund_initiated": refund_initiated,
    });
    assert_eq!(answer.expect(200).json, expected);
}

/// Sooner or later as much was paid back as was paid, by exactly one charge and one refund, and the
/// ledger agrees with the payment service's books.
async fn all_money_is_back(app: &TestApp, order_id: i64) {
    app.all_done(order_id).await;
    let books = app.dependencies.books(order_id).await;
    let amounts = |kind: &str| -> Vec<Value> {
        books[kind].as_array().unwrap().iter().map(|entry| entry["amount"].clone()).collect()
    };
    assert_eq!((amounts("charges"), amounts("refunds")), (vec![json!("25.97")], vec![json!("25.97")]));
    let ledger = app.database.ledger(order_id).await;
    let entries: Vec<_> = ledger.iter().map(|entry| (&entry["kind"], &entry["status"])).collect();
    let succeeded = json!("succeeded");
    assert_eq!(entries, [(&json!("charge"), &succeeded), (&json!("refund"), &succeeded)]);
    assert_eq!(ledger[1]["idempotency_key"], books["refunds"][0]["idempotency_key"]);
}

#[tokio::test]
async fn the_owner_cancels_a_paid_order_and_gets_the_money_back() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    is_cancelled(customer.cancels(id).await, true);

    let order = customer.reads_order(id).await.expect(200);
    assert_eq!(order.json["status"], "cancelled");
    assert_eq!(order.json["allowed_actions"], json!([]));
    assert!(order.time("cancelled_at") >= order.time("created_at"));
    let history = app.database.history(id).await;
    let event = history.last().unwrap();
    assert_eq!((&event["actor_id"], &event["actor_role"]), (&json!(customer.id), &json!("user")));
    assert_eq!(event["data"]["status"], "cancelled");
    all_money_is_back(&app, id).await;
    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    assert!(pushes.iter().any(|push| push["body"]["status"] == "cancelled"), "{pushes:?}");
}

#[tokio::test]
async fn an_admin_cancels_an_order_that_is_being_prepared() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    admin.walks(id, &["preparing"]).await;

    is_cancelled(admin.cancels(id).await, true);

    assert_eq!(app.database.order(id).await["status"], "cancelled");
    all_money_is_back(&app, id).await;
}

#[tokio::test]
async fn cancelling_by_the_status_endpoint_pays_back_too() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();

    let order = admin.sets_status(id, "cancelled").await.expect(200);

    assert!(order.time("cancelled_at") >= order.time("created_at"));
    all_money_is_back(&app, id).await;
}

#[tokio::test]
async fn without_money_to_return_none_is_promised() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "confirmed", None).await;

    is_cancelled(customer.cancels(id).await, false);

    app.all_done(id).await;
    assert_eq!(app.database.ledger(id).await, Vec::<Value>::new());
    assert_eq!(app.dependencies.books(id).await["refunds"], json!([]));
}

#[tokio::test]
async fn who_may_cancel_when() {
    let app = TestApp::shared().await;
    let (owner, courier, admin) = (app.customer(), app.courier(), app.admin());
    for (status, by_owner, by_admin) in [
        ("pending", 200, 200),
        ("confirmed", 200, 200),
        ("preparing", 409, 200),
        ("out_for_delivery", 409, 409),
        ("delivered", 409, 409),
        ("cancelled", 409, 409),
        ("return_requested", 409, 409),
        ("return_approved", 409, 409),
        ("picked_up", 409, 409),
        ("refunded", 409, 409),
    ] {
        for (person, expected) in [
            (&owner, by_owner),
            (&admin, by_admin),
            (&courier, 403),
            (&app.courier(), 404),
            (&app.customer(), 404),
        ] {
            let id = app.database.add_order(&owner.id, status, Some(&courier.id)).await;
            let before = app.database.order(id).await;

            let answer = person.cancels(id).await;

            if expected == 200 {
                is_cancelled(answer, false);
                assert_eq!(app.database.order(id).await["status"], "cancelled");
                assert_eq!(app.database.history(id).await.last().unwrap()["actor_id"], json!(person.id));
            } else {
                let refusal = answer.expect_problem(expected);
                // A 409 says when it would be possible.
                assert!(expected != 409 || refusal.detail().contains("confirmed"), "{}", refusal.detail());
                assert_eq!(app.database.order(id).await, before, "{status}");
            }
        }
    }
}

#[tokio::test]
async fn a_courier_cancels_what_they_ordered_themselves() {
    let app = TestApp::shared().await;
    let courier = app.courier();
    let id = app.database.add_order(&courier.id, "confirmed", None).await;

    is_cancelled(courier.cancels(id).await, false);
}

#[tokio::test]
async fn cancelling_again_is_refused_and_pays_nothing_back_again() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    is_cancelled(customer.cancels(id).await, true);
    let cancelled = app.database.order(id).await;

    customer.cancels(id).await.expect_problem(409);
    admin.cancels(id).await.expect_problem(409);
    // By the status endpoint it's the same status again.
    admin.sets_status(id, "cancelled").await.expect(200);

    assert_eq!(app.database.order(id).await, cancelled);
    all_money_is_back(&app, id).await;
}

#[tokio::test]
async fn of_simultaneous_cancellations_one_wins_and_pays_back_once() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    let answers = join_all((0..8).map(|_| customer.cancels(id))).await;

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{lost:?}");
    for answer in lost {
        answer.expect_problem(409);
    }
    assert_eq!(app.database.history(id).await.len(), 3);
    all_money_is_back(&app, id).await;
}

#[tokio::test]
async fn a_refund_is_asked_for_until_it_is_made_and_made_once() {
    let app = TestApp::shared().await;
    // Some of them made the refund, some did not; from here they look alike.
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        let id = customer.places_an_order().await.expect(201).id();
        app.all_done(id).await;
        let fault = json!({
            "service": "payment", "user_id": customer.id, "path": "/payments/refund", "mode": mode, "times": 2,
        });
        app.dependencies.fail(fault).await;

        is_cancelled(customer.cancels(id).await, true);

        all_money_is_back(&app, id).await;
        let calls = app.dependencies.calls(&customer.id, "/payments/refund").await;
        assert!(calls.len() >= 3, "{mode}: {calls:?}");
    };
    let modes = ["status:503", "drop", "drop_after", "timeout", "slow:3000", "garbage", "decline"];
    join_all(modes.map(in_trouble)).await;
}

#[tokio::test]
async fn a_cancelled_order_whose_payment_is_found_made_is_paid_back() {
    let app = TestApp::shared().await;
    let unknown = async |mode: &str| {
        let customer = app.customer();
        customer.suffers_once("payment", mode).await;
        let id = customer.places_an_order().await.expect(202).id();

        customer.cancels(id).await.expect(200);
        // The cart is free at once.
        let second = customer.places_an_order().await.expect(201);

        all_money_is_back(&app, id).await;
        let order = app.database.order(id).await;
        assert_eq!(order["status"], "cancelled", "{mode}");
        app.database.history(id).await;
        assert_eq!(app.dependencies.books(second.id()).await["refunds"], json!([]), "{mode}");
        let mails = app.dependencies.notifications(&customer.id, "order-confirmation").await;
        assert!(mails.iter().all(|mail| mail["body"]["order_id"] == second.id()), "{mails:?}");
    };
    join_all(["drop_after", "timeout", "status:500"].map(unknown)).await;
}

#[tokio::test]
async fn a_cancelled_order_whose_payment_is_found_declined_owes_nothing() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "decline").await;
    customer.suffers_once("payment", "drop").await;
    let id = customer.places_an_order().await.expect(202).id();

    is_cancelled(customer.cancels(id).await, false);
    app.all_done(id).await;

    let books = app.dependencies.books(id).await;
    assert_eq!((&books["charges"], &books["refunds"]), (&json!([]), &json!([])));
    let ledger = app.database.ledger(id).await;
    assert_eq!((ledger.len(), &ledger[0]["status"]), (1, &json!("declined")));
    app.database.history(id).await;
}

#[tokio::test]
async fn an_order_cancelled_while_it_is_being_paid_is_paid_back() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers_once("payment", "slow:1000").await;
    let cancelling = async {
        let id = app
            .eventually("the order is stored", async || {
                app.database.orders_of(&customer.id).await.first()?["id"].as_i64()
            })
            .await;
        admin.cancels(id).await.expect(200);
        id
    };

    let (placed, id) = futures::future::join(customer.places_an_order(), cancelling).await;

    placed.expect_problem(409);
    all_money_is_back(&app, id).await;
    assert_eq!(app.database.order(id).await["status"], "cancelled");
    app.database.history(id).await;
}

#[tokio::test]
async fn an_order_confirmed_by_an_admin_before_its_payment_was_known_stays_paid() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers_once("payment", "drop_after").await;
    let id = customer.places_an_order().await.expect(202).id();

    admin.walks(id, &["confirmed", "preparing"]).await;
    app.all_done(id).await;

    assert_eq!(app.database.order(id).await["status"], "preparing");
    app.database.history(id).await;
    let books = app.dependencies.books(id).await;
    assert_eq!((books["charges"].as_array().map(Vec::len), &books["refunds"]), (Some(1), &json!([])));
    // What was paid late goes back all the same.
    is_cancelled(admin.cancels(id).await, true);
    all_money_is_back(&app, id).await;
}

#[tokio::test]
async fn a_cancellation_that_meets_another_movement_of_money_is_decided_anew() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = customer.places_an_order().await.expect(201).id();
    app.all_done(order).await;

    let cancelled = app.database.overtaking_in_the_ledger(order, customer.cancels(order)).await.expect(200);

    assert_eq!(cancelled.json["refund_initiated"], true);
    app.all_done(order).await;
    let ledger = app.database.ledger(order).await;
    assert_eq!(ledger.len(), 3, "{ledger:?}");
    assert_eq!((&ledger[2]["kind"], &ledger[2]["status"]), (&json!("refund"), &json!("succeeded")));
}
