//! `GET /orders/{order_id}/history`.

use end_to_end::TestApp;
use serde_json::json;

#[tokio::test]
async fn every_change_stands_in_the_history_with_who_when_and_what() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    admin.assigns(id, courier.id.as_str()).await.expect(200);
    admin.walks(id, &["preparing"]).await;
    courier.walks(id, &["out_for_delivery"]).await;
    courier.reports_location(id, &json!({ "latitude": "40.7", "longitude": -74 })).await.expect(200);
    courier.walks(id, &["delivered"]).await;
    let last = customer.requests_return_because(id, "bruised").await.expect(200);

    let history = customer.reads_history(id).await.expect(200);

    let events = history.json.as_array().unwrap();
    let (by_customer, by_courier, by_admin) =
        ((&*customer.id, "user"), (&*courier.id, "delivery_partner"), (&*admin.id, "admin"));
    let expected = [
        ("placed", by_customer, json!({ "status": "pending" })),
        ("status", ("order-service", "system"), json!({ "status": "confirmed" })),
        ("delivery", by_admin, json!({ "delivery_partner_id": courier.id })),
        ("status", by_admin, json!({ "status": "preparing" })),
        ("status", by_courier, json!({ "status": "out_for_delivery" })),
        ("location", by_courier, json!({ "latitude": "40.7", "longitude": "-74" })),
        ("status", by_courier, json!({ "status": "delivered" })),
        ("status", by_customer, json!({ "status": "return_requested", "reason": "bruised" })),
    ];
    assert_eq!(events.len(), expected.len(), "{}", history.text);
    for (index, (event, (kind, (actor, role), data))) in events.iter().zip(expected).enumerate() {
        assert_eq!((&event["order_id"], &event["version"]), (&json!(id), &json!(index + 1)));
        assert_eq!((&event["type"], &event["actor_id"]), (&json!(kind), &json!(actor)), "{event}");
        assert_eq!(event["actor_role"], role, "{event}");
        for (field, value) in data.as_object().unwrap() {
            assert_eq!(&event["data"][field], value, "{event}");
        }
        let time = event["created_at"].as_str().unwrap();
        assert!(time.ends_with('Z'), "{time}");
    }
    let times: Vec<&str> = events.iter().filter_map(|event| event["created_at"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(last.json["version"], events.len());
    let stored = app.database.history(id).await;
    for (event, row) in events.iter().zip(&stored) {
        assert_eq!(event["data"], row["data"]);
    }
}

#[tokio::test]
async fn what_was_refused_or_changed_nothing_is_no_history() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = app.database.add_order(&customer.id, "preparing", None).await;
    let before = admin.reads_history(id).await.expect(200);

    admin.sets_status(id, "delivered").await.expect_problem(409);
    admin.sets_status(id, "preparing").await.expect(200);
    customer.cancels(id).await.expect_problem(409);
    customer.requests_return(id).await.expect_problem(409);

    assert_eq!(admin.reads_history(id).await.expect(200).json, before.json);
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_an_orders_history() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let id = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;

    for person in [&customer, &courier, &app.admin()] {
        assert_eq!(person.reads_history(id).await.expect(200).json.as_array().map(Vec::len), Some(2));
    }
    for stranger in [app.customer(), app.courier()] {
        stranger.reads_history(id).await.expect_problem(404);
    }
    app.admin().reads_history(2_000_000_000).await.expect_problem(404);
}

#[tokio::test]
async fn money_keeps_its_decimals_in_the_history() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(5, 10)]).await;
    let id = customer.places_an_order().await.expect(201).id();
    let items = json!({ "items": [{ "product_id": 5, "quantity": 20 }] });
    customer.put(&format!("/orders/{id}/items"), &items).await.expect(200);

    let history = customer.reads_history(id).await.expect(200);

    for amount in ["/0/data/total_amount", "/1/data/paid", "/2/data/total_amount", "/2/data/items/0/price"] {
        let decimals = history.raw(amount).split_once('.').map(|(_, decimals)| decimals.len());
        assert_eq!(decimals, Some(2), "{amount}: {}", history.text);
    }
}
