//! `PUT /orders/{order_id}/items`.

use end_to_end::{Answer, Person, TestApp};
use futures::future::join_all;
use serde_json::{Value, json};

/// The sample cart: two apples at 2.99 and a bottle of oil at 14.99, 25.97 with the delivery.
const APPLE: u32 = 5;
const OIL: u32 = 8;

async fn changes(person: &Person<'_>, id: i64, lines: &[(u32, i64)]) -> Answer {
    let line =
        |(product_id, quantity): &(u32, i64)| json!({ "product_id": product_id, "quantity": quantity });
    let items: Vec<Value> = lines.iter().map(line).collect();
    person.put(&format!("/orders/{id}/items"), &json!({ "items": items })).await
}

/// What the ledger holds, as kind, amount and status.
async fn ledger(app: &TestApp, id: i64) -> Vec<(String, String, String)> {
    let text = |entry: &Value, field: &str| match &entry[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let entries = app.database.ledger(id).await;
    entries.iter().map(|entry| (text(entry, "kind"), text(entry, "amount"), text(entry, "status"))).collect()
}

/// Everything is settled, and the payment service holds exactly what the order costs.
async fn is_paid_exactly(app: &TestApp, id: i64) {
    app.all_done(id).await;
    let books = app.dependencies.books(id).await;
    let cents = |kind: &str| -> i64 {
        let amounts = books[kind].as_array().unwrap().iter().map(|entry| entry["amount"].as_str().unwrap());
        amounts.map(|amount| amount.replace('.', "").parse::<i64>().unwrap()).sum()
    };
    let order = app.database.order(id).await;
    let total = (order["total_amount"].as_f64().unwrap() * 100.0).round() as i64;
    let owed = if order["status"] == "cancelled" { 0 } else { total };
    assert_eq!(cents("charges") - cents("refunds"), owed, "{books}");
    let pending = ledger(app, id).await.into_iter().filter(|(_, _, status)| status == "pending").count();
    assert_eq!(pending, 0);
}

#[tokio::test]
async fn more_is_charged_before_the_items_change() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    let order = changes(&customer, id, &[(APPLE, 4), (OIL, 1)]).await.expect(200);

    assert_eq!(order.raw("/total_amount"), "31.95");
    assert_eq!(order.raw("/delivery_fee"), "5.00");
    assert_eq!((&order.json["version"], order.header("etag")), (&json!(3), "\"3\""));
    assert_eq!(order.json["items"][0]["quantity"], 4);
    assert_eq!(order.json["items"][0]["product"]["name"], "Apple");
    let items = app.database.items(id).await;
    assert_eq!((items.len(), &items[0]["product_name"]), (2, &json!("Apple")));
    let event = app.database.history(id).await.pop().unwrap();
    assert_eq!((&event["type"], &event["actor_id"]), (&json!("items"), &json!(customer.id)));
    assert_eq!(event["data"]["items"][0], json!({ "product_id": APPLE, "quantity": 4, "price": 2.99 }));
    let entry = |kind: &str, amount: &str| (kind.to_owned(), amount.to_owned(), "succeeded".to_owned());
    assert_eq!(ledger(&app, id).await, [entry("charge", "25.97"), entry("charge", "5.98")]);
    is_paid_exactly(&app, id).await;
}

#[tokio::test]
async fn less_goes_back_after_the_items_changed() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    let order = changes(&customer, id, &[(APPLE, 1)]).await.expect(200);

    assert_eq!(order.raw("/total_amount"), "7.99");
    is_paid_exactly(&app, id).await;
    let entries = ledger(&app, id).await;
    assert_eq!(entries[1], ("refund".to_owned(), "17.98".to_owned(), "succeeded".to_owned()));
}

#[tokio::test]
async fn the_same_total_moves_no_money() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    let as_dear = app.dependencies.product(json!({ "price": 14.99 })).await;

    let order = changes(&customer, id, &[(APPLE, 2), (as_dear, 1)]).await.expect(200);

    assert_eq!((&order.json["version"], order.raw("/total_amount")), (&json!(3), "25.97"));
    assert_eq!(ledger(&app, id).await.len(), 1);
    is_paid_exactly(&app, id).await;
}

#[tokio::test]
async fn the_same_items_again_change_nothing() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    let before = app.database.items(id).await;

    let order = changes(&customer, id, &[(OIL, 1), (APPLE, 2)]).await.expect(200);

    assert_eq!((&order.json["version"], order.header("etag")), (&json!(2), "\"2\""));
    assert_eq!(app.database.items(id).await, before);
    assert_eq!(app.database.events(id).await.len(), 2);
}

#[tokio::test]
async fn an_admin_changes_the_items_of_a_customer_at_todays_prices() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let product = app.dependencies.product(json!({ "name": "Figs", "price": 4.00 })).await;
    customer.has_in_cart(&[(product, 2)]).await;
    let id = customer.places_an_order().await.expect(201).id();
    app.dependencies.change_product(product, json!({ "name": "Figs", "price": 4.50 })).await;

    let order = changes(&admin, id, &[(product, 2)]).await.expect(200);

    assert_eq!((order.raw("/total_amount"), order.raw("/items/0/price")), ("14.00", "4.50"));
    is_paid_exactly(&app, id).await;
}

#[tokio::test]
async fn a_declined_difference_leaves_the_order_as_it_was() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    customer.suffers_once("payment", "decline").await;

    let problem = changes(&customer, id, &[(APPLE, 9)]).await.expect_problem(402);

    assert!(problem.detail().contains("unchanged"), "{}", problem.text);
    let order = customer.reads_order(id).await.expect(200);
    assert_eq!((&order.json["version"], order.raw("/total_amount")), (&json!(2), "25.97"));
    is_paid_exactly(&app, id).await;
    changes(&customer, id, &[(APPLE, 9)]).await.expect(200);
    is_paid_exactly(&app, id).await;
}

#[tokio::test]
async fn a_difference_of_unknown_outcome_goes_back_and_the_order_stays() {
    let app = TestApp::shared().await;
    for mode in ["drop_after", "drop", "status:500", "garbage"] {
        let customer = app.customer();
        let id = customer.places_an_order().await.expect(201).id();
        customer.suffers_once("payment", mode).await;

        changes(&customer, id, &[(APPLE, 9), (OIL, 1)]).await.expect_retry_after(503);
        changes(&customer, id, &[(APPLE, 1)]).await.expect_retry_after(409);

        is_paid_exactly(&app, id).await;
        assert_eq!(app.database.order(id).await["version"], 2, "{mode}");
        changes(&customer, id, &[(APPLE, 9), (OIL, 1)]).await.expect(200);
        is_paid_exactly(&app, id).await;
    }
}

#[tokio::test]
async fn cancelling_while_the_difference_is_unknown_gives_all_money_back() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    customer.suffers_once("payment", "drop_after").await;
    changes(&customer, id, &[(APPLE, 9), (OIL, 1)]).await.expect_retry_after(503);

    customer.cancels(id).await.expect(200);

    is_paid_exactly(&app, id).await;
}

#[tokio::test]
async fn of_many_simultaneous_changes_each_is_paid_or_none() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    let answers =
        join_all((3..=10).map(async |n| changes(&customer, id, &[(APPLE, n), (OIL, 1)]).await)).await;

    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)), "{answers:?}");
    let changed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(app.database.history(id).await.len(), 2 + changed);
    is_paid_exactly(&app, id).await;
}

#[tokio::test]
async fn items_change_until_the_order_is_being_prepared() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    for status in ["preparing", "out_for_delivery", "delivered", "cancelled", "refunded"] {
        let id = app.database.add_order(&customer.id, status, None).await;
        for person in [&customer, &admin] {
            let problem = changes(person, id, &[(APPLE, 1)]).await.expect_problem(409);
            assert!(problem.detail().contains("only one that is pending or confirmed"), "{}", problem.text);
        }
    }
    let id = app.database.add_order(&customer.id, "confirmed", None).await;
    let order = changes(&customer, id, &[(APPLE, 1)]).await.expect(200);
    assert_eq!(order.json["status"], "confirmed");
}

#[tokio::test]
async fn items_of_a_pending_order_wait_for_its_payment() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("payment", "drop").await;
    let order = customer.places_an_order().await.expect(202);
    assert_eq!(order.json["allowed_actions"], json!(["cancel"]));

    for quantity in [1, 99] {
        changes(&customer, order.id(), &[(APPLE, quantity)]).await.expect_retry_after(409);
    }

    is_paid_exactly(&app, order.id()).await;
    changes(&customer, order.id(), &[(APPLE, 99)]).await.expect(200);
    is_paid_exactly(&app, order.id()).await;
}

#[tokio::test]
async fn nobody_pays_a_difference_on_top_of_what_was_never_paid() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers_once("payment", "drop").await;
    let id = customer.places_an_order().await.expect(202).id();
    admin.sets_status(id, "confirmed").await.expect(200);
    customer.suffers("payment", "decline").await;
    app.all_done(id).await;
    customer.is_fine_again().await;

    let problem = changes(&customer, id, &[(APPLE, 99)]).await.expect_problem(409);

    assert!(problem.detail().contains("declined"), "{}", problem.text);
    let event = app.database.history(id).await.pop().unwrap();
    assert_eq!((&event["type"], &event["actor_role"]), (&json!("payment"), &json!("system")));
    assert_eq!(event["data"], json!({ "status": "confirmed", "reason": "payment_declined" }));
    assert_eq!(app.database.ledger(id).await.len(), 1);
    changes(&customer, id, &[(APPLE, 1)]).await.expect(200);
    assert_eq!(app.database.ledger(id).await.len(), 1);
}

#[tokio::test]
async fn whatever_is_wrong_with_the_items_is_named() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    let scarce = app.dependencies.product(json!({ "stock_quantity": 3 })).await;
    let path = format!("/orders/{id}/items");
    for (items, pointer) in [
        (json!(null), "/items"),
        (json!([]), "/items"),
        (json!({}), "/items"),
        (json!([{ "quantity": 1 }]), "/items/0/product_id"),
        (json!([{ "product_id": 5 }]), "/items/0/quantity"),
        (
            json!([{ "product_id": 5, "quantity": 1 }, { "product_id": 8, "quantity": 0 }]),
            "/items/1/quantity",
        ),
        (json!([{ "product_id": 5, "quantity": 1.5 }]), "/items/0/quantity"),
        (
            json!([{ "product_id": 5, "quantity": 1 }, { "product_id": 5, "quantity": 1 }]),
            "/items/1/product_id",
        ),
        (json!([{ "product_id": 999, "quantity": 1 }]), "/items/0/product_id"),
        (json!([{ "product_id": scarce, "quantity": 4 }]), "/items/0/quantity"),
    ] {
        customer.put(&path, &json!({ "items": items })).await.expect_invalid(&[pointer]);
    }
    assert_eq!(app.database.order(id).await["version"], 2);
}

#[tokio::test]
async fn an_outdated_etag_changes_nothing_and_charges_nothing() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    let body = json!({ "items": [{ "product_id": APPLE, "quantity": 9 }] });

    let request = customer.request(reqwest::Method::PUT, &format!("/orders/{id}/items"));
    Answer::to(request.header("If-Match", "\"1\"").json(&body)).await.expect_problem(412);

    assert_eq!(ledger(&app, id).await.len(), 1);
}

#[tokio::test]
async fn what_two_write_to_an_orders_items_at_once_is_shown() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let before = app.database.items(order).await.len();
    let add = |product: i32| {
        format!(
            "insert into order_items (order_id, product_id, quantity, price) values ({order}, {product}, 1, 1.5)"
        )
    };

    app.database.overtaking(&add(6), app.database.tamper(&add(7))).await;

    let shown = customer.reads_order(order).await.expect(200).json["items"].take();
    assert_eq!(shown.as_array().map(Vec::len), Some(before + 2), "{shown}");
}
