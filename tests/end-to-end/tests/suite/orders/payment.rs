//! `POST /orders`, where the payment doesn't simply succeed: nobody is charged twice, or for nothing.

use end_to_end::{Answer, Person, Setup, TestApp};
use futures::future::join_all;
use serde_json::{Value, json};

/// The one order this customer has, as it is stored.
async fn only_order(app: &TestApp, customer: &Person<'_>) -> (i64, Value) {
    let mut orders = app.database.orders_of(&customer.id).await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    let order = orders.remove(0);
    (order["id"].as_i64().unwrap(), order)
}

async fn cancelled_and_uncharged(app: &TestApp, customer: &Person<'_>) {
    let (id, order) = only_order(app, customer).await;
    assert_eq!(order["status"], "cancelled");
    assert!(order["cancelled_at"].is_string());
    let books = app.dependencies.books(id).await;
    assert_eq!((&books["charges"], &books["refunds"]), (&json!([]), &json!([])));
    let ledger = app.database.ledger(id).await;
    assert!(ledger.iter().all(|movement| movement["status"] == "declined"), "{ledger:?}");
    let events = app.database.events(id).await;
    assert_eq!(events.last().unwrap()["version"], order["version"]);
    assert_eq!(app.dependencies.cart(&customer.id).await.len(), 2, "the cart is kept");
}

/// Sooner or later the order is confirmed, paid exactly once and told about once.
async fn settles_with_one_charge(app: &TestApp, customer: &Person<'_>, answer: &Answer) {
    app.all_done(answer.id()).await;
    let order = customer.reads_order(answer.id()).await.expect(200);
    assert_eq!(order.json["status"], "confirmed");
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1), "{books}");
    assert_eq!(books["charges"][0]["amount"], order.raw("/total_amount"));
    assert_eq!(books["refunds"], json!([]));
    let ledger = app.database.ledger(order.id()).await;
    assert_eq!((ledger.len(), &ledger[0]["status"]), (1, &json!("succeeded")));
    assert_eq!(app.dependencies.cart(&customer.id).await, Vec::<Value>::new());
    assert_eq!(app.dependencies.notifications(&customer.id, "order-confirmation").await.len(), 1);
}

#[tokio::test]
async fn a_declined_payment_cancels_the_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "decline").await;

    customer.places_an_order().await.expect_problem(402);

    cancelled_and_uncharged(&app, &customer).await;
    let (id, _) = only_order(&app, &customer).await;
    let order = customer.reads_order(id).await.expect(200);
    assert_eq!(order.json["status"], "cancelled");
    assert_eq!(order.json["allowed_actions"], json!([]));
    order.time("cancelled_at");
}

#[tokio::test]
async fn whatever_refuses_the_payment_cancels_the_order() {
    let app = TestApp::shared().await;
    let refused = async |(mode, status): (&str, u16)| {
        let customer = app.customer();
        customer.suffers_once("payment", mode).await;

        let answer = customer.places_an_order().await;

        assert_eq!(answer.status, status, "{mode}: {}", answer.text);
        cancelled_and_uncharged(&app, &customer).await;
    };
    join_all(
        [
            ("status:400", 402),
            ("status:422", 402),
            ("text:{\"status\": \"declined\"}", 402),
            ("text:{\"success\": false}", 402),
            // Whoever says so has charged nothing, and won't.
            ("status:401", 503),
            ("status:403", 503),
            ("status:404", 503),
            ("status:405", 503),
        ]
        .map(refused),
    )
    .await;
}

#[tokio::test]
async fn after_a_decline_the_same_cart_can_be_ordered() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("payment", "decline").await;

    customer.places_an_order().await.expect_problem(402);
    let order = customer.places_an_order().await.expect(201);

    assert_eq!(order.raw("/total_amount"), "25.97");
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_payment_of_unknown_outcome_leaves_the_order_pending_until_it_is_settled() {
    let app = TestApp::shared().await;
    let unknown = async |mode: &str| {
        let customer = app.customer();
        customer.suffers_once("payment", mode).await;

        let answer = customer.places_an_order().await.expect(202);

        assert_eq!(answer.json["status"], "pending", "{mode}");
        assert_eq!(answer.header("location"), format!("/orders/{}", answer.id()));
        // It comes by itself, in its time.
        customer.sees_order_become(answer.id(), "confirmed").await;
        settles_with_one_charge(&app, &customer, &answer).await;
    };
    // Some of them charged the customer, some did not; from here they look alike.
    join_all(
        [
            "timeout",
            "slow:4000",
            "drop",
            "drop_after",
            "cut",
            "text:",
            "text:null",
            "status:101",
            "status:204",
            "status:304",
            "status:409",
            "status:429",
            "status:500",
            "status:503",
        ]
        .map(unknown),
    )
    .await;
}

#[tokio::test]
async fn a_payment_service_that_talks_nonsense_charges_once_all_the_same() {
    let app = TestApp::shared().await;
    let nonsense = async |mode: &str| {
        let customer = app.customer();
        customer.suffers_once("payment", mode).await;

        let answer = customer.places_an_order().await;

        assert!([201, 202].contains(&answer.status), "{mode}: {}", answer.text);
        settles_with_one_charge(&app, &customer, &answer).await;
    };
    join_all(["garbage", "wrong_types", "huge", "redirect", "mislabelled"].map(nonsense)).await;
}

#[tokio::test]
async fn a_payment_that_keeps_failing_is_tried_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let fault = json!({ "service": "payment", "user_id": customer.id, "mode": "status:502", "times": 3 });
    app.dependencies.fail(fault).await;

    let answer = customer.places_an_order().await.expect(202);

    settles_with_one_charge(&app, &customer, &answer).await;
}

#[tokio::test]
async fn a_payment_found_declined_later_cancels_the_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "decline").await;
    customer.suffers_once("payment", "drop").await;

    let answer = customer.places_an_order().await.expect(202);
    app.all_done(answer.id()).await;

    cancelled_and_uncharged(&app, &customer).await;
    customer.is_fine_again().await;
    app.eventually("the cart can be ordered again", async || {
        (customer.places_an_order().await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_decline_that_meets_an_admins_confirmation_is_in_the_history() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "decline").await;
    customer.suffers_once("payment", "drop").await;
    let id = customer.places_an_order().await.expect(202).id();

    let confirmed = format!(
        "with changed as (update orders set status = 'confirmed', version = version + 1 where id = {id} returning *)
        insert into order_events (order_id, version, type, actor_id, actor_role, data)
        select id, version, 'status', 'ada', 'admin', jsonb_build_object('status', status) from changed"
    );
    app.database.overtaking(&confirmed, app.all_done(id)).await;

    let (order, history) = (app.database.order(id).await, app.database.history(id).await);
    assert_eq!((&order["status"], &order["version"]), (&json!("confirmed"), &json!(3)));
    assert_eq!(
        (&history[2]["type"], &history[2]["data"]["reason"]),
        (&json!("payment"), &json!("payment_declined"))
    );
}

#[tokio::test]
async fn an_approval_is_entered_though_other_money_of_the_order_moves() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("payment", "drop_after").await;
    let id = customer.places_an_order().await.expect(202).id();
    customer.cancels(id).await.expect(200);

    app.database.overtaking_in_the_ledger(id, app.all_done(id)).await;

    let books = app.dependencies.books(id).await;
    assert_eq!(books["charges"][0]["amount"], books["refunds"][0]["amount"], "{books}");
    let log = app.log();
    let is_failure =
        |line: &&str| line.contains("a task failed") && line.contains(&format!("\"order_id\":{id},"));
    assert_eq!(log.lines().find(is_failure), None);
}

#[tokio::test]
async fn while_a_payment_is_unsettled_the_cart_is_not_ordered_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "status:500").await;

    let first = customer.places_an_order().await.expect(202);
    customer.places_an_order().await.expect_retry_after(409);
    assert_eq!(only_order(&app, &customer).await.0, first.id());

    customer.is_fine_again().await;
    settles_with_one_charge(&app, &customer, &first).await;
}

#[tokio::test]
async fn a_payment_service_that_was_not_reached_cancels_the_order() {
    let app = TestApp::own(Setup::default().without_service("payment")).await;
    let customer = app.customer();

    customer.places_an_order().await.expect_retry_after(503);
    cancelled_and_uncharged(&app, &customer).await;

    // The cart is free for the next try at once.
    customer.places_an_order().await.expect_retry_after(503);
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 2);
}

#[tokio::test]
async fn a_payment_that_a_task_has_asked_for_too_is_left_to_it() {
    let app = TestApp::own(Setup::default().without_service("payment")).await;
    let customer = app.customer();
    // As after a host that stood still for long between storing the order and asking for its payment.
    app.database.tamper("alter table tasks alter column attempts set default 1").await;

    let order = customer.places_an_order().await.expect(202);

    assert_eq!(order.json["status"], "pending");
    assert_eq!(app.database.ledger(order.id()).await[0]["status"], "pending");
}

#[tokio::test]
async fn an_order_that_is_refunded_before_its_payment_is_known_is_in_nobodys_way() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers("payment", "status:500").await;
    let order = customer.places_an_order().await.expect(202).id();

    admin.walks(order, &["confirmed", "preparing", "out_for_delivery", "delivered"]).await;
    admin.walks(order, &["return_requested", "return_approved", "picked_up", "refunded"]).await;

    customer.is_fine_again().await;
    customer.places_an_order().await.expect(201);
    app.all_done(order).await;
    let books = app.dependencies.books(order).await;
    assert_eq!(books["charges"][0]["amount"], books["refunds"][0]["amount"]);
}

#[tokio::test]
async fn a_payment_that_is_approved_after_it_was_declined_goes_back() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "slow:1000").await;

    // As by a task that asked at the same time, and was told something else.
    let decline = async {
        let order =
            app.eventually("it is stored", async || app.database.orders_of(&customer.id).await.pop()).await;
        app.database
            .tamper(&format!(
                "with charge as (
                    update payments set status = 'declined', settled_at = now() where order_id = {0}
                ), task as (
                    delete from tasks where order_id = {0}
                )
                update orders set status = 'cancelled', cancelled_at = now(), version = version + 1 where id = {0}",
                order["id"]
            ))
            .await;
    };
    let (answer, ()) = futures::future::join(customer.places_an_order(), decline).await;

    answer.expect_problem(409);
    let (id, order) = only_order(&app, &customer).await;
    app.all_done(id).await;
    assert_eq!(order["status"], "cancelled");
    let books = app.dependencies.books(id).await;
    assert_eq!(books["charges"][0]["amount"], books["refunds"][0]["amount"], "{books}");
}

#[tokio::test]
async fn an_approval_that_comes_late_for_an_order_that_became_cheaper_is_paid_back_in_part() {
    let app = TestApp::own(Setup::default().variable("payment_timeout_ms", "10000")).await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers("payment", "slow:2500").await;

    // Confirmed by hand, declined as far as a task knows, and changed to a single apple.
    let change = async {
        let order =
            app.eventually("it is stored", async || app.database.orders_of(&customer.id).await.pop()).await;
        let id = order["id"].as_i64().unwrap();
        admin.sets_status(id, "confirmed").await.expect(200);
        let declined = format!(
            "with charge as (
                update payments set status = 'declined', settled_at = now() where order_id = {id}
            )
            delete from tasks where order_id = {id} and kind = 'payment.settle'"
        );
        app.database.tamper(&declined).await;
        let items = json!({ "items": [{ "product_id": 5, "quantity": 1 }] });
        customer.put(&format!("/orders/{id}/items"), &items).await.expect(200);
    };
    let (answer, ()) = futures::future::join(customer.places_an_order(), change).await;

    let id = answer.expect(201).id();
    app.all_done(id).await;
    let books = app.dependencies.books(id).await;
    assert_eq!(books["charges"][0]["amount"], "25.97", "{books}");
    assert_eq!(books["refunds"][0]["amount"], "17.98", "{books}");
    assert_eq!(app.database.order(id).await["total_amount"].to_string(), "7.99");
}

#[tokio::test]
async fn a_cart_whose_order_is_being_stored_for_long_is_not_ordered_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let (id, token) = (&customer.id, "another request's");
    app.database.tamper(&format!("insert into users (uid) values ('{id}')")).await;
    let claim = "insert into checkouts (user_id, token, expires_at) values";
    app.database.tamper(&format!("{claim} ('{id}', $${token}$$, now() - interval '1 minute')")).await;

    // What the other request stores is seen when this one has been waiting for it.
    let stored = format!(
        "with placed as (
            insert into orders (user_id, total_amount, delivery_fee, delivery_address)
            values ('{id}', 25.97, 5.00, '123 Main St') returning id, user_id
        )
        update checkouts c set order_id = p.id from placed p where c.user_id = p.user_id"
    );
    let answer = app.database.overtaking(&stored, customer.places_an_order()).await;

    answer.expect_retry_after(409);
    assert_eq!(app.database.orders_of(id).await.len(), 1);
}
