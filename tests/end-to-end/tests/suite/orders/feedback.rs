//! `POST` and `GET /orders/{order_id}/feedback`.

use end_to_end::TestApp;
use futures::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn a_customer_rates_a_delivered_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    let before = app.database.order(id).await;
    customer.reads_feedback(id).await.expect_problem(404);

    let given =
        customer.rates(id, &json!({ "rating": 5, "comment": " Fast delivery! 🚚" })).await.expect(201);

    assert_eq!(given.header("location"), format!("/orders/{id}/feedback"));
    assert_eq!((&given.json["order_id"], &given.json["rating"]), (&json!(id), &json!(5)));
    assert_eq!(given.json["comment"], "Fast delivery! 🚚");
    given.time("created_at");
    assert_eq!(customer.reads_feedback(id).await.expect(200).json, given.json);
    let rows = app.database.feedback(id).await;
    assert_eq!((rows.len(), &rows[0]["rating"]), (1, &json!(5)));
    assert_eq!(app.database.order(id).await, before, "an opinion doesn't change the order");
}

#[tokio::test]
async fn a_rating_counts_from_one_to_five() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    for rating in [
        json!(0),
        json!(6),
        json!(-1),
        json!(4.5),
        json!("5"),
        json!(true),
        json!(1e300),
        json!([5]),
        Value::Null,
    ] {
        customer.rates(id, &json!({ "rating": rating })).await.expect_invalid(&["/rating"]);
    }
    customer.rates(id, &json!({})).await.expect_invalid(&["/rating"]);
    let wrong = json!({ "rating": 0, "comment": 7 });
    customer.rates(id, &wrong).await.expect_invalid(&["/rating", "/comment"]);
    for body in [json!([]), json!(5), Value::Null] {
        customer.rates(id, &body).await.expect_invalid(&[""]);
    }
    assert_eq!(app.database.feedback(id).await, Vec::<Value>::new());

    for rating in 1..=5 {
        let given = customer.rates(id, &json!({ "rating": rating })).await.expect(201);
        assert_eq!((&given.json["rating"], &given.json["comment"]), (&json!(rating), &Value::Null));
    }
    assert_eq!(customer.rates(id, &json!({ "rating": 4.0 })).await.expect(201).raw("/rating"), "4");
}

#[tokio::test]
async fn a_comment_is_a_text_of_some_length() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    for comment in [json!("é".repeat(2001)), json!("a\u{0}"), json!(7), json!(["good"]), json!({})] {
        let body = json!({ "rating": 3, "comment": comment });
        customer.rates(id, &body).await.expect_invalid(&["/comment"]);
    }
    assert_eq!(app.database.feedback(id).await, Vec::<Value>::new());

    let longest = "é".repeat(2000);
    let given = customer.rates(id, &json!({ "rating": 3, "comment": longest })).await.expect(201);
    assert_eq!(given.json["comment"], longest);
}

#[tokio::test]
async fn a_second_rating_replaces_the_first() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    customer.rates(id, &json!({ "rating": 5, "comment": "Fast!" })).await.expect(201);

    customer.rates(id, &json!({ "rating": 1 })).await.expect(201);

    let read = customer.reads_feedback(id).await.expect(200);
    assert_eq!((&read.json["rating"], &read.json["comment"]), (&json!(1), &Value::Null));
    assert_eq!(app.database.feedback(id).await.len(), 1);
}

#[tokio::test]
async fn simultaneous_ratings_leave_one() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    let ratings: Vec<Value> = (0..8).map(|n| json!({ "rating": n % 5 + 1 })).collect();

    let answers = join_all(ratings.iter().map(|rating| customer.rates(id, rating))).await;

    for answer in answers {
        answer.expect(201);
    }
    assert_eq!(app.database.feedback(id).await.len(), 1);
}

#[tokio::test]
async fn only_what_arrived_is_rated() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for status in ["pending", "confirmed", "preparing", "out_for_delivery", "cancelled"] {
        let id = app.database.add_order(&customer.id, status, None).await;
        let refusal = customer.rates(id, &json!({ "rating": 5 })).await.expect_problem(409);
        assert!(refusal.detail().contains("delivered"), "{}", refusal.detail());
        assert_eq!(app.database.feedback(id).await, Vec::<Value>::new(), "{status}");
    }
    for status in ["delivered", "return_requested", "return_approved", "picked_up", "refunded"] {
        let id = app.database.add_order(&customer.id, status, None).await;
        customer.rates(id, &json!({ "rating": 5 })).await.expect(201);
        assert_eq!(app.database.feedback(id).await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn only_the_owner_rates_and_whoever_sees_the_order_reads() {
    let app = TestApp::shared().await;
    let (owner, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&owner.id, "delivered", Some(&courier.id)).await;
    let five = json!({ "rating": 5 });

    for (person, expected) in [(&courier, 403), (&admin, 403), (&app.customer(), 404), (&app.courier(), 404)]
    {
        person.rates(id, &five).await.expect_problem(expected);
    }
    assert_eq!(app.database.feedback(id).await, Vec::<Value>::new());

    owner.rates(id, &five).await.expect(201);
    for person in [&owner, &courier, &admin] {
        person.reads_feedback(id).await.expect(200);
    }
    for stranger in [app.customer(), app.courier()] {
        stranger.reads_feedback(id).await.expect_problem(404);
    }
}
