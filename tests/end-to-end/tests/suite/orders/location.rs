//! `PUT` and `GET /orders/{order_id}/delivery-location`.

use end_to_end::{STATUSES, TestApp, a_place};
use futures::future::join_all;
use serde_json::{Value, json};

#[tokio::test]
async fn a_courier_reports_where_the_order_is_and_its_people_see_it() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;

    let reported = courier.reports_location(id, &a_place()).await.expect(200);

    assert_eq!(reported.json["order_id"], json!(id));
    assert_eq!(
        (&reported.json["latitude"], &reported.json["longitude"]),
        (&json!("40.7128"), &json!("-74.0060"))
    );
    reported.time("last_updated");
    for person in [&customer, &courier, &admin] {
        assert_eq!(person.locates(id).await.expect(200).json, reported.json);
    }
    let event = app.database.history(id).await.pop().unwrap();
    assert_eq!((&event["type"], &event["data"]), (&json!("location"), &a_place()));
    assert_eq!((&event["actor_id"], &event["actor_role"]), (&json!(courier.id), &json!("delivery_partner")));
    let order = customer.reads_order(id).await.expect(200);
    assert_eq!((&order.json["version"], order.header("etag")), (&json!(3), reported.header("etag")));
}

#[tokio::test]
async fn the_last_report_counts() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;
    courier.reports_location(id, &a_place()).await.expect(200);
    let second = json!({ "latitude": 40.75, "longitude": -74 });

    let first_seen = customer.locates(id).await.expect(200).time("last_updated");
    admin.reports_location(id, &second).await.expect(200);

    let seen = customer.locates(id).await.expect(200);
    // Numbers come back as strings.
    assert_eq!((&seen.json["latitude"], &seen.json["longitude"]), (&json!("40.75"), &json!("-74")));
    assert!(seen.time("last_updated") > first_seen);
    assert_eq!(app.database.history(id).await.len(), 4);
}

#[tokio::test]
async fn before_the_first_report_there_is_no_location() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let id = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;

    for person in [&customer, &courier, &app.admin()] {
        person.locates(id).await.expect_problem(404);
    }
}

#[tokio::test]
async fn only_an_order_on_the_road_has_a_location() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    for status in STATUSES.into_iter().filter(|status| *status != "out_for_delivery") {
        let id = app.database.add_order(&customer.id, status, Some(&courier.id)).await;
        let before = app.database.order(id).await;

        for person in [&courier, &admin] {
            let refusal = person.reports_location(id, &a_place()).await.expect_problem(409);
            assert!(refusal.detail().contains("out_for_delivery"), "{}", refusal.detail());
        }
        for person in [&customer, &courier, &admin] {
            person.locates(id).await.expect_problem(409);
        }
        assert_eq!(app.database.order(id).await, before, "{status}");
    }
}

#[tokio::test]
async fn once_delivered_the_order_is_followed_no_more() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let id = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;
    courier.walks(id, &["out_for_delivery"]).await;
    courier.reports_location(id, &a_place()).await.expect(200);

    courier.walks(id, &["delivered"]).await;

    customer.locates(id).await.expect_problem(409);
    courier.reports_location(id, &a_place()).await.expect_problem(409);
    assert_eq!(app.database.history(id).await.len(), 5);
}

#[tokio::test]
async fn who_reports_and_who_follows() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let id = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;
    let own = app.database.add_order(&courier.id, "out_for_delivery", None).await;
    let before = app.database.order(id).await;

    customer.reports_location(id, &a_place()).await.expect_problem(403);
    for stranger in [app.customer(), app.courier()] {
        stranger.reports_location(id, &a_place()).await.expect_problem(404);
        stranger.locates(id).await.expect_problem(404);
    }
    // What a courier ordered for themselves, another carries.
    courier.reports_location(own, &a_place()).await.expect_problem(403);
    assert_eq!(app.database.order(id).await, before);
}

#[tokio::test]
async fn a_place_is_on_earth() {
    let app = TestApp::shared().await;
    let courier = app.courier();
    let id = app.database.add_order(&app.customer().id, "out_for_delivery", Some(&courier.id)).await;
    let before = app.database.order(id).await;
    let (latitude, longitude) = ("/latitude", "/longitude");
    for (body, pointers) in [
        (json!({ "latitude": "90.0001", "longitude": "0" }), &[latitude][..]),
        (json!({ "latitude": -90.5, "longitude": "0" }), &[latitude]),
        (json!({ "latitude": "0", "longitude": "180.1" }), &[longitude]),
        (json!({ "latitude": "0", "longitude": -181 }), &[longitude]),
        (json!({ "latitude": "north", "longitude": "" }), &[latitude, longitude]),
        (json!({ "latitude": "NaN", "longitude": "inf" }), &[latitude, longitude]),
        (json!({ "latitude": true, "longitude": [1] }), &[latitude, longitude]),
        (json!({ "latitude": 1e300, "longitude": "0" }), &[latitude]),
        (json!({ "latitude": "1".repeat(30), "longitude": "0" }), &[latitude]),
        (json!({ "latitude": "1", "longitude": null }), &[longitude]),
        (json!({ "longitude": "1" }), &[latitude]),
        (json!({ "latitude": "x" }), &[latitude, longitude]),
        (json!({ "latitude": null, "longitude": 181 }), &[latitude, longitude]),
        (json!({}), &[latitude, longitude]),
        (json!([]), &[""]),
    ] {
        courier.reports_location(id, &body).await.expect_invalid(pointers);
    }
    assert_eq!(app.database.order(id).await, before);

    for (latitude, longitude) in [("90", "-180"), ("-90", "180"), ("0", "0"), ("-0.5", "179.999999")] {
        let body = json!({ "latitude": latitude, "longitude": longitude });
        let reported = courier.reports_location(id, &body).await.expect(200);
        assert_eq!(
            (&reported.json["latitude"], &reported.json["longitude"]),
            (&json!(latitude), &json!(longitude))
        );
    }
}

#[tokio::test]
async fn simultaneous_reports_each_stand_in_the_history() {
    let app = TestApp::shared().await;
    let courier = app.courier();
    let id = app.database.add_order(&app.customer().id, "out_for_delivery", Some(&courier.id)).await;
    let places: Vec<_> = (1..=4).map(|n| json!({ "latitude": n.to_string(), "longitude": "0" })).collect();

    let answers = join_all(places.iter().map(|place| courier.reports_location(id, place))).await;

    for answer in answers {
        answer.expect(200);
    }
    let history = app.database.history(id).await;
    let mut reported: Vec<_> = history[2..].iter().map(|event| event["data"].clone()).collect();
    let last = reported.last().unwrap().clone();
    reported.sort_by_key(Value::to_string);
    assert_eq!(reported, places);
    assert_eq!(courier.locates(id).await.expect(200).json["latitude"], last["latitude"]);
}
