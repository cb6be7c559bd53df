//! `POST /orders` by many at once.

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{Person, TestApp};
use futures::future::{join, join_all};
use serde_json::{Value, json};

#[tokio::test]
async fn simultaneous_creations_from_one_cart_make_one_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    // The first holds the checkout while the others arrive.
    customer.suffers("payment", "slow:1000").await;

    let answers = join_all((0..8).map(|_| customer.places_an_order())).await;

    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(placed.len(), 1, "{refused:?}");
    for answer in refused {
        answer.expect_retry_after(409);
    }
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 1);
    let books = app.dependencies.books(placed[0].id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1));
    assert_eq!(books["duplicates"], 0);
}

/// The checkout is older than any request; a second order is refused as long as the first has it.
async fn cannot_order_the_same_again(app: &TestApp, customer: &Person<'_>) {
    let long_ago = "update checkouts set expires_at = now() - interval '2 minutes' where user_id =";
    app.database.tamper(&format!("{long_ago} '{}'", customer.id)).await;

    let refused = customer.places_an_order().await.expect_problem(409);

    let orders = app.database.orders_of(&customer.id).await;
    assert_eq!(orders.len(), 1);
    assert!(refused.detail().contains(&format!("order {}", orders[0]["id"])), "{}", refused.text);
    refused.expect_retry_after(409);
}

/// An order whose cart can't be cleared until all is fine again.
async fn places_an_order_that_keeps_its_cart(app: &TestApp, customer: &Person<'_>) -> i64 {
    customer.has_in_cart(&[(5, 1)]).await;
    let clearing = format!("/api/v1/cart/{}/clear", customer.id);
    let fault = json!({ "service": "cart", "user_id": customer.id, "path": clearing, "mode": "status:500" });
    app.dependencies.fail(fault).await;
    customer.places_an_order().await.expect(201).id()
}

#[tokio::test]
async fn a_cart_that_could_not_be_cleared_is_not_ordered_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let id = places_an_order_that_keeps_its_cart(&app, &customer).await;

    cannot_order_the_same_again(&app, &customer).await;
    // Although the task that clears the cart would wait for an hour: that the customer tries again has it tried at once.
    let in_an_hour = format!(
        "update tasks set due_at = now() + interval '1 hour'
        where kind = 'cart.clear' and claimed_at is null and order_id = {id}"
    );
    app.eventually("no worker has the task", async || {
        app.database.tamper(&in_an_hour).await;
        let tasks = app.database.tasks(id).await;
        let clearing = tasks.iter().find(|task| task["kind"] == "cart.clear")?;
        let due_at: DateTime<Utc> = serde_json::from_value(clearing["due_at"].clone()).unwrap();
        (due_at > Utc::now() + TimeDelta::minutes(50)).then_some(())
    })
    .await;
    customer.is_fine_again().await;
    let answer = app
        .eventually("the cart is cleared", async || {
            let answer = customer.places_an_order().await;
            (answer.status == 422).then_some(answer)
        })
        .await;
    assert!(answer.detail().contains("the cart is empty"), "{}", answer.text);
    customer.has_in_cart(&[(5, 1)]).await;
    customer.places_an_order().await.expect(201);
}

#[tokio::test]
async fn a_cart_that_is_filled_after_its_order_was_cancelled_is_left_alone() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = places_an_order_that_keeps_its_cart(&app, &customer).await;

    customer.cancels(id).await.expect(200);
    customer.has_in_cart(&[(7, 2)]).await;
    customer.is_fine_again().await;
    app.all_done(id).await;

    assert_eq!(app.dependencies.cart(&customer.id).await.len(), 1);
    customer.places_an_order().await.expect(201);
}

#[tokio::test]
async fn a_cart_whose_payment_is_unknown_is_not_ordered_again_though_an_admin_confirmed_it() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "status:500").await;
    let id = customer.places_an_order().await.expect(202).id();
    app.admin().sets_status(id, "confirmed").await.expect(200);

    cannot_order_the_same_again(&app, &customer).await;
    customer.is_fine_again().await;
    app.all_done(id).await;
    assert_eq!(app.dependencies.cart(&customer.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_crowd_of_customers_is_served() {
    let app = TestApp::shared().await;
    let crowd: Vec<_> = (0..40).map(|_| app.customer()).collect();

    let answers = join_all(crowd.iter().map(|customer| customer.places_an_order())).await;

    for (customer, answer) in crowd.iter().zip(answers) {
        let order = answer.expect(201);
        assert_eq!(order.json["user_id"], json!(customer.id));
        let books = app.dependencies.books(order.id()).await;
        assert_eq!(books["charges"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn however_a_payment_and_the_staff_meet_the_money_is_right() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let meet = async |(payment, steps): (&str, &[&str])| {
        let customer = app.customer();
        customer.suffers_once("payment", payment).await;
        let staff = async {
            let stored = async || app.database.orders_of(&customer.id).await.first()?["id"].as_i64();
            let id = app.eventually("the order is stored", stored).await;
            for step in steps {
                let answer = admin.sets_status(id, step).await;
                // Whoever comes too late is told so.
                assert!([200, 409].contains(&answer.status), "{}", answer.text);
            }
            id
        };

        let (placed, id) = join(customer.places_an_order(), staff).await;

        assert!([201, 202, 409].contains(&placed.status), "{}", placed.text);
        app.all_done(id).await;
        let case = format!("{payment}, {steps:?}");
        let order = app.database.order(id).await;
        let (charges, refunds) = if order["status"] == "cancelled" { (1, 1) } else { (1, 0) };
        let books = app.dependencies.books(id).await;
        assert_eq!(books["charges"].as_array().map(Vec::len), Some(charges), "{case}: {books}");
        assert_eq!(books["refunds"].as_array().map(Vec::len), Some(refunds), "{case}: {books}");
        let ledger = app.database.ledger(id).await;
        assert_eq!(ledger.len(), charges + refunds, "{case}");
        assert!(ledger.iter().all(|entry| entry["status"] == "succeeded"), "{case}: {ledger:?}");
        app.database.history(id).await;
        let mails = app.dependencies.notifications(&customer.id, "order-confirmation").await;
        assert!(mails.len() <= 1, "{case}: {mails:?}");
        if refunds == 0 {
            assert_eq!(mails.len(), 1, "{case}");
            assert!(app.dependencies.cart(&customer.id).await.is_empty(), "{case}");
        }
    };
    let payments = ["slow:0", "slow:60", "slow:90", "slow:120", "drop_after", "drop"];
    let ways: [&[&str]; 5] = [
        &["cancelled"],
        &["confirmed"],
        &["confirmed", "cancelled"],
        &["confirmed", "preparing"],
        &["confirmed", "preparing", "cancelled"],
    ];
    let cases = payments.iter().flat_map(|payment| ways.iter().map(move |steps| (*payment, *steps)));
    join_all(cases.map(meet)).await;
}
