//! `PUT /orders/bulk-status-update` and `POST /orders/bulk-assign-delivery`.

use end_to_end::{Answer, Person, TestApp};
use futures::future::{join, join_all};
use serde_json::{Value, json};

const NONE: i64 = 2_000_000_000;

async fn set(admin: &Person<'_>, ids: &[i64], status: &str) -> Answer {
    admin.put("/orders/bulk-status-update", &json!({ "order_ids": ids, "status": status })).await
}

async fn assign(admin: &Person<'_>, ids: &[i64], courier: impl Into<Value>) -> Answer {
    let body = json!({ "order_ids": ids, "delivery_partner_id": courier.into() });
    admin.post("/orders/bulk-assign-delivery", &body).await
}

/// The answer tells of each order, in the order they were asked for, whether it went well.
#[track_caller]
fn tells(answer: Answer, expected: &[(i64, Option<&str>)]) -> Answer {
    let answer = answer.expect(200);
    let updated = expected.iter().filter(|(_, status)| status.is_some()).count();
    assert_eq!(answer.json["success"], json!(updated == expected.len()), "{}", answer.text);
    assert_eq!(answer.json["updated_count"], json!(updated));
    assert_eq!(answer.json["total_count"], json!(expected.len()));
    let results = answer.json["results"].as_array().unwrap();
    assert_eq!(results.len(), expected.len());
    for (result, (id, status)) in results.iter().zip(expected) {
        match status {
            Some(status) => assert_eq!(*result, json!({ "order_id": id, "ok": true, "status": status })),
            None => {
                assert_eq!((&result["order_id"], &result["ok"]), (&json!(id), &json!(false)), "{result}");
                assert!(result["error"].as_str().is_some_and(|error| !error.is_empty()), "{result}");
                assert_eq!(result.get("status"), None, "{result}");
            }
        }
    }
    answer
}

async fn add(app: &TestApp, user_id: &str, statuses: &[&str]) -> Vec<i64> {
    let mut ids = Vec::new();
    for status in statuses {
        ids.push(app.database.add_order(user_id, status, None).await);
    }
    ids
}

#[tokio::test]
async fn each_orders_status_changes_on_its_own_merits() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let ids = add(&app, &customer.id, &["confirmed", "preparing", "delivered", "confirmed"]).await;
    let [first, again, delivered, last] = ids[..] else { unreachable!() };
    let (unchanged, refused) = (app.database.order(again).await, app.database.order(delivered).await);

    let answer = set(&admin, &[last, NONE, again, delivered, first], "preparing").await;

    let done = Some("preparing");
    let answer =
        tells(answer, &[(last, done), (NONE, None), (again, done), (delivered, None), (first, done)]);
    let error = answer.json["results"][3]["error"].as_str().unwrap();
    assert!(error.contains("return_requested"), "it says what is possible: {error}");
    for id in [first, last] {
        assert_eq!(app.database.order(id).await["status"], "preparing");
        let event = app.database.history(id).await.pop().unwrap();
        assert_eq!((&event["actor_id"], &event["version"]), (&json!(admin.id), &json!(3)));
        app.all_done(id).await;
    }
    assert_eq!(app.database.order(again).await, unchanged);
    assert_eq!(app.database.order(delivered).await, refused);
    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    let mut told: Vec<_> = pushes.iter().filter_map(|push| push["body"]["order_id"].as_i64()).collect();
    told.sort_unstable();
    assert_eq!(told, [first, last]);
}

#[tokio::test]
async fn orders_cancelled_together_are_each_paid_back() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let place = async |_| app.customer().places_an_order().await.expect(201).id();
    let ids = join_all((0..3).map(place)).await;

    let answer = set(&admin, &ids, "cancelled").await;

    tells(answer, &[(ids[0], Some("cancelled")), (ids[1], Some("cancelled")), (ids[2], Some("cancelled"))]);
    for id in ids {
        assert!(app.database.order(id).await["cancelled_at"].is_string());
        app.all_done(id).await;
        let books = app.dependencies.books(id).await;
        assert_eq!(books["refunds"].as_array().map(Vec::len), Some(1), "{books}");
        assert_eq!(books["refunds"][0]["amount"], "25.97");
    }
}

#[tokio::test]
async fn an_order_whose_money_moves_meanwhile_holds_up_no_other() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = customer.places_an_order().await.expect(201).id();
    app.all_done(order).await;
    let other = app.database.add_order(&customer.id, "confirmed", None).await;

    let ids = [order, other];
    let cancelling = set(&admin, &ids, "cancelled");
    let answer = app.database.overtaking_in_the_ledger(order, cancelling).await.expect(200);

    assert_eq!((&answer.json["success"], &answer.json["updated_count"]), (&json!(true), &json!(2)));
    app.all_done(order).await;
    assert_eq!(app.database.ledger(order).await.len(), 3);
}

#[tokio::test]
async fn each_order_is_assigned_on_its_own_merits() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let ids = add(&app, &customer.id, &["confirmed", "cancelled", "out_for_delivery"]).await;
    let already = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;
    let unchanged = app.database.order(already).await;

    let answer = assign(&admin, &[ids[0], ids[1], ids[2], already, NONE], courier.id.as_str()).await;

    tells(
        answer,
        &[
            (ids[0], Some("confirmed")),
            (ids[1], None),
            (ids[2], Some("out_for_delivery")),
            (already, Some("preparing")),
            (NONE, None),
        ],
    );
    for id in [ids[0], ids[2]] {
        assert_eq!(app.database.order(id).await["delivery_partner_id"], json!(courier.id));
        let event = app.database.history(id).await.pop().unwrap();
        assert_eq!((&event["type"], &event["actor_id"]), (&json!("delivery"), &json!(admin.id)));
    }
    assert_eq!(app.database.order(already).await, unchanged);
    assert_eq!(app.database.order(ids[1]).await["delivery_partner_id"], Value::Null);
    assert_eq!(courier.lists_all_orders("").await.expect(200).ids(), [already, ids[2], ids[0]]);

    // A number names a courier as well.
    tells(assign(&admin, &ids[..1], 456).await, &[(ids[0], Some("confirmed"))]);
    assert_eq!(app.database.order(ids[0]).await["delivery_partner_id"], "456");
    // So does one that is written as a decimal, and an order's id may be.
    let body = json!({ "order_ids": [ids[0] as f64], "delivery_partner_id": 457.0 });
    let answer = admin.post("/orders/bulk-assign-delivery", &body).await;
    tells(answer, &[(ids[0], Some("confirmed"))]);
    assert_eq!(app.database.order(ids[0]).await["delivery_partner_id"], "457");
}

#[tokio::test]
async fn one_to_five_hundred_different_orders_are_named() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&app.customer().id, "confirmed", None).await;
    let before = app.database.order(id).await;
    let many = |count: i64| (NONE..NONE + count).collect::<Vec<_>>();
    for (ids, pointer) in [
        (json!([]), "/order_ids"),
        (json!(many(501)), "/order_ids"),
        (Value::Null, "/order_ids"),
        (json!(id), "/order_ids"),
        (json!(id.to_string()), "/order_ids"),
        (json!({ "0": id }), "/order_ids"),
        (json!([id, NONE, id]), "/order_ids/2"),
        (json!([id, "7"]), "/order_ids/1"),
        (json!([id, 1.5]), "/order_ids/1"),
        (json!([id, null]), "/order_ids/1"),
        (json!([id, 0]), "/order_ids/1"),
        (json!([-1, id]), "/order_ids/0"),
        (json!([2_147_483_648_i64]), "/order_ids/0"),
        (json!([1e300]), "/order_ids/0"),
        (json!([[id]]), "/order_ids/0"),
        (json!([id, id as f64]), "/order_ids/1"),
    ] {
        let body = json!({ "order_ids": ids, "status": "preparing", "delivery_partner_id": "456" });
        admin.put("/orders/bulk-status-update", &body).await.expect_invalid(&[pointer]);
        admin.post("/orders/bulk-assign-delivery", &body).await.expect_invalid(&[pointer]);
    }
    for wrong in
        [json!({ "order_ids": [id] }), json!({ "order_ids": [id], "status": "x", "delivery_partner_id": "" })]
    {
        admin.put("/orders/bulk-status-update", &wrong).await.expect_invalid(&["/status"]);
        let answer = admin.post("/orders/bulk-assign-delivery", &wrong).await;
        answer.expect_invalid(&["/delivery_partner_id"]);
    }
    let wrong = json!({ "order_ids": [0, id, "7", id], "status": "x", "delivery_partner_id": 1.5 });
    let ids = ["/order_ids/0", "/order_ids/2", "/order_ids/3"];
    let answer = admin.put("/orders/bulk-status-update", &wrong).await;
    answer.expect_invalid(&[&ids[..], &["/status"]].concat());
    let answer = admin.post("/orders/bulk-assign-delivery", &wrong).await;
    answer.expect_invalid(&[&ids[..], &["/delivery_partner_id"]].concat());
    assert_eq!(app.database.order(id).await, before);

    let most = many(500);
    let answer = set(&admin, &most, "preparing").await;
    tells(answer, &most.iter().map(|id| (*id, None)).collect::<Vec<_>>());
}

#[tokio::test]
async fn five_hundred_orders_change_at_once() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let ids = app.database.add_orders(&customer.id, 500).await;

    let answer = set(&admin, &ids, "return_requested").await;

    tells(answer, &ids.iter().map(|id| (*id, Some("return_requested"))).collect::<Vec<_>>());
    for id in [ids[0], ids[499]] {
        assert_eq!(app.database.history(id).await.len(), 2);
    }
}

#[tokio::test]
async fn of_simultaneous_bulk_updates_one_takes_each_order() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    for _ in 0..5 {
        let ids = app.database.add_orders(&customer.id, 120).await;
        let reversed: Vec<_> = ids.iter().rev().copied().collect();

        let (one, other) =
            join(set(&admin, &ids, "return_requested"), set(&admin, &reversed, "return_requested")).await;

        for answer in [one.expect(200), other.expect(200)] {
            assert_eq!(answer.json["total_count"], 120);
        }
        for id in &ids {
            assert_eq!(app.database.order(*id).await["status"], "return_requested");
            assert_eq!(app.database.history(*id).await.len(), 2);
        }
    }
}

#[tokio::test]
async fn simultaneous_bulk_assignments_say_truly_what_became_of_each_order() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let mut ids = add(&app, &customer.id, &["confirmed"; 30]).await;
    let forth = ids.clone();
    ids.reverse();

    let (one, other) = join(assign(&admin, &forth, "1"), assign(&admin, &ids, "2")).await;

    let (one, other) = (one.expect(200), other.expect(200));
    let took = |answer: &Answer, id: i64| {
        let results = answer.json["results"].as_array().unwrap();
        results.iter().any(|result| result["order_id"] == id && result["ok"] == true)
    };
    for id in ids {
        let history = app.database.history(id).await;
        let wins = usize::from(took(&one, id)) + usize::from(took(&other, id));
        assert!(wins >= 1, "somebody wins");
        assert_eq!(history.len(), 2 + wins);
        let last = &history.last().unwrap()["data"]["delivery_partner_id"];
        assert_eq!(&app.database.order(id).await["delivery_partner_id"], last);
    }
}

#[tokio::test]
async fn who_waits_for_somebody_who_waits_too_is_served_after_them() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let one = app.database.add_order(&customer.id, "confirmed", None).await;
    let other = app.database.add_order(&customer.id, "confirmed", None).await;

    let both = [one, other];
    let answer = app.database.deadlocking(both, set(&admin, &both, "preparing")).await;

    tells(answer, &[(one, Some("preparing")), (other, Some("preparing"))]);
    assert_eq!(app.database.events(one).await.len(), app.database.events(other).await.len());
}
