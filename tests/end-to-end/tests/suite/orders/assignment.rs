//! `PUT /orders/{order_id}/assign-delivery`.

use end_to_end::TestApp;
use futures::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn an_order_is_given_to_a_courier() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    courier.reads_order(id).await.expect_problem(404);

    let assigned = admin.assigns(id, courier.id.as_str()).await.expect(200);

    assert_eq!(assigned.json["delivery_partner_id"], json!(courier.id));
    assert_eq!(assigned.json["status"], "confirmed");
    assert_eq!(assigned.header("etag"), "\"3\"");
    assert_eq!(app.database.order(id).await["delivery_partner_id"], json!(courier.id));
    let event = app.database.history(id).await.pop().unwrap();
    let data = json!({ "delivery_partner_id": courier.id });
    assert_eq!((&event["type"], &event["data"]), (&json!("delivery"), &data));
    assert_eq!((&event["actor_id"], &event["actor_role"]), (&json!(admin.id), &json!("admin")));
    courier.reads_order(id).await.expect(200);
}

#[tokio::test]
async fn a_courier_is_named_by_a_string_or_a_number() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = app.database.add_order(&customer.id, "confirmed", None).await;

    for (given, kept) in [
        (json!(456), "456"),
        (json!("457"), "457"),
        (json!(458.0), "458"),
        (json!(1e2), "100"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("Zoë|7/b"), "Zoë|7/b"),
        (json!("a".repeat(255)), &"a".repeat(255)),
    ] {
        let assigned = admin.assigns(id, given).await.expect(200);
        assert_eq!(assigned.json["delivery_partner_id"], kept);
        assert_eq!(app.database.order(id).await["delivery_partner_id"], kept);
    }
    app.database.history(id).await;
}

#[tokio::test]
async fn the_same_courier_again_changes_nothing() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&app.customer().id, "confirmed", None).await;
    admin.assigns(id, "456").await.expect(200);
    let assigned = app.database.order(id).await;

    admin.assigns(id, 456).await.expect(200);

    assert_eq!(app.database.order(id).await, assigned);
    assert_eq!(app.database.history(id).await.len(), 3);
}

#[tokio::test]
async fn another_courier_takes_over() {
    let app = TestApp::shared().await;
    let (first, second, admin) = (app.courier(), app.courier(), app.admin());
    let id = app.database.add_order(&app.customer().id, "preparing", Some(&first.id)).await;

    admin.assigns(id, second.id.as_str()).await.expect(200);

    first.sets_status(id, "out_for_delivery").await.expect_problem(404);
    second.sets_status(id, "out_for_delivery").await.expect(200);
}

#[tokio::test]
async fn an_order_is_assigned_before_it_is_delivered() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    for status in ["pending", "confirmed", "preparing", "out_for_delivery"] {
        let id = app.database.add_order(&customer.id, status, None).await;
        let assigned = admin.assigns(id, "456").await.expect(200);
        assert_eq!(assigned.json["status"], status);
    }
    for status in ["delivered", "cancelled", "return_requested", "return_approved", "picked_up", "refunded"] {
        let id = app.database.add_order(&customer.id, status, None).await;
        let before = app.database.order(id).await;

        let refusal = admin.assigns(id, "456").await.expect_problem(409);

        assert!(refusal.detail().contains("out_for_delivery"), "{}", refusal.detail());
        assert_eq!(app.database.order(id).await, before, "{status}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_courier_is_refused() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&app.customer().id, "confirmed", None).await;
    let before = app.database.order(id).await;
    for wrong in [
        Value::Null,
        json!(""),
        json!("a".repeat(256)),
        json!("nul\u{0}"),
        json!(-1),
        json!(4.5),
        json!(1e30),
        json!(true),
        json!(["456"]),
        json!({ "id": 456 }),
    ] {
        admin.assigns(id, wrong).await.expect_invalid(&["/delivery_partner_id"]);
    }
    let path = format!("/orders/{id}/assign-delivery");
    admin.put(&path, &json!({})).await.expect_invalid(&["/delivery_partner_id"]);
    admin.put(&path, &json!("456")).await.expect_invalid(&[""]);
    assert_eq!(app.database.order(id).await, before);
    admin.assigns(2_000_000_000, "456").await.expect_problem(404);
}

#[tokio::test]
async fn simultaneous_assignments_are_one_after_another() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&app.customer().id, "confirmed", None).await;
    let couriers = ["1", "2", "3", "4"];

    let answers = join_all(couriers.map(|courier| admin.assigns(id, courier))).await;

    for (courier, answer) in couriers.iter().zip(answers) {
        assert_eq!(answer.expect(200).json["delivery_partner_id"], json!(courier));
    }
    let history = app.database.history(id).await;
    assert_eq!(history.len(), 6);
    let last = &history.last().unwrap()["data"]["delivery_partner_id"];
    assert_eq!(&app.database.order(id).await["delivery_partner_id"], last);
}
