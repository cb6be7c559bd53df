//! What a request that died leaves to the one that is sent in its place.

use chrono::Utc;
use end_to_end::{Person, Setup, TestApp, an_order};
use futures::future::join;
use reqwest::Method;
use serde_json::json;

use super::{a_template, is_fresh, is_replay, only_order, posts};

#[tokio::test]
async fn a_request_that_died_before_it_did_anything_is_carried_out() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[]).await;
    posts(&customer, "/orders", "k", &an_order()).await.expect_problem(422);
    app.database.answers_were_lost(&customer.id).await;
    customer.has_in_cart(&[(5, 1)]).await;

    let order = is_fresh(posts(&customer, "/orders", "k", &an_order()).await.expect(201));

    is_replay(&order, &posts(&customer, "/orders", "k", &an_order()).await);
    assert_eq!(only_order(&app, &customer).await, (order.id(), 1, 0));
}

#[tokio::test]
async fn until_its_lease_ends_a_dead_request_counts_as_in_flight() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("payment", "slow:1000").await;
    let retries = async {
        app.eventually("the first has the key", async || {
            (!app.database.idempotency_keys(&customer.id).await.is_empty()).then_some(())
        })
        .await;
        posts(&customer, "/orders", "k", &an_order()).await.expect_retry_after(409);
        // Another request is told so even now.
        posts(&customer, "/orders", "k", &json!({})).await.expect_invalid(&["Idempotency-Key"]);
    };

    let (first, ()) = join(posts(&customer, "/orders", "k", &an_order()), retries).await;

    is_replay(&first.expect(201), &posts(&customer, "/orders", "k", &an_order()).await);
}

#[tokio::test]
async fn a_stored_order_is_answered_as_it_stands() {
    let app = TestApp::shared().await;
    // What the payment made of the order, and what the retry is answered.
    for (payment, status) in [("slow:0", 201), ("drop_after", 202), ("decline", 402)] {
        let customer = app.customer();
        customer.suffers_once("payment", payment).await;
        posts(&customer, "/orders", "k", &an_order()).await;
        app.database.answers_were_lost(&customer.id).await;
        // Neither the cart nor the catalogue is asked again.
        customer.suffers("cart", "status:500").await;

        let again = is_fresh(posts(&customer, "/orders", "k", &an_order()).await);

        assert_eq!(again.status, status, "{payment}: {}", again.text);
        is_replay(&again, &posts(&customer, "/orders", "k", &an_order()).await);
        customer.is_fine_again().await;
        let (id, charges, _) = only_order(&app, &customer).await;
        assert_eq!(charges, usize::from(status != 402));
        if status != 402 {
            assert_eq!((again.id(), again.header("location")), (id, format!("/orders/{id}").as_str()));
        }
    }
}

#[tokio::test]
async fn a_stored_order_is_answered_even_if_it_could_not_be_placed_now() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = customer.post("/templates", &a_template()).await.expect(201).id();
    let path = format!("/templates/{template}/order");
    let first = posts(&customer, &path, "k", &an_order()).await.expect(201);
    app.database.answers_were_lost(&customer.id).await;
    customer.delete(&format!("/templates/{template}")).await.expect_nothing();

    let again = is_fresh(posts(&customer, &path, "k", &an_order()).await.expect(201));

    assert_eq!(again.json, first.json);
    assert_eq!(only_order(&app, &customer).await, (first.id(), 1, 0));
}

#[tokio::test]
async fn what_was_done_is_not_done_again_and_answered_alike() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let cancelled = customer.places_an_order().await.expect(201).id();
    let [returned, rated, assigned] = app
        .database
        .insert_orders(&[(); 3].map(|()| json!({ "user_id": customer.id, "delivered_at": Utc::now() })))
        .await
        .try_into()
        .unwrap();
    app.database.set_status(assigned, "preparing").await;
    let assignment = json!({ "order_ids": [assigned, rated], "delivery_partner_id": "courier-7" });
    for (person, path, body) in [
        (&customer, format!("/orders/{cancelled}/cancel"), json!({})),
        (&customer, format!("/orders/{returned}/request-return"), json!({ "reason": "stale" })),
        (&customer, format!("/orders/{rated}/feedback"), json!({ "rating": 4 })),
        (&customer, "/templates".to_owned(), a_template()),
        (&admin, "/orders/bulk-assign-delivery".to_owned(), assignment),
    ] {
        let first = is_fresh(posts(person, &path, &path, &body).await);
        assert!([200, 201].contains(&first.status), "{}", first.text);
        app.database.answers_were_lost(&person.id).await;

        let again = is_fresh(posts(person, &path, &path, &body).await);

        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.headers.get("location"), first.headers.get("location"));
        is_replay(&again, &posts(person, &path, &path, &body).await);
    }
    app.all_done(cancelled).await;
    let books = app.dependencies.books(cancelled).await;
    assert_eq!(books["refunds"].as_array().map(Vec::len), Some(1));
    for (id, versions) in [(cancelled, 3), (returned, 2), (assigned, 3)] {
        assert_eq!(app.database.history(id).await.len(), versions, "{id}");
    }
    assert_eq!(customer.get("/templates").await.expect(200).ids().len(), 1);
}

#[tokio::test]
async fn a_request_given_up_for_dead_changes_nothing_any_more() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let product = app.dependencies.product(json!({})).await;
    let items = json!([{ "product_id": product, "quantity": 1 }]);
    let template =
        customer.post("/templates", &json!({ "name": "Slow", "items": items })).await.expect(201).id();
    let path = format!("/templates/{template}/order");
    let fault = json!({ "service": "product", "product_id": product, "mode": "slow:1000", "times": 1 });
    app.dependencies.fail(fault).await;
    let retry = async {
        app.eventually("the first waits for the product", async || {
            (!app.dependencies.product_calls(product).await.is_empty()).then_some(())
        })
        .await;
        app.database.claims_lapse(&customer.id).await;
        posts(&customer, &path, "k", &an_order()).await.expect(201)
    };

    let (late, order) = join(posts(&customer, &path, "k", &an_order()), retry).await;

    late.expect_retry_after(409);
    is_replay(&order, &posts(&customer, &path, "k", &an_order()).await);
    assert_eq!(only_order(&app, &customer).await, (order.id(), 1, 0));
}

#[tokio::test]
async fn a_host_that_dies_while_it_waits_for_the_payment_leaves_one_order() {
    let app = TestApp::own(Setup::default()).await;
    let mortal = TestApp::own(Setup::default().beside(&app)).await;
    let customer = app.customer();
    customer.suffers_once("payment", "slow:1000").await;
    let lost = Person::new(&mortal, &customer.id, "user");
    let request = lost.request(Method::POST, "/orders").header("idempotency-key", "k").json(&an_order());
    let sent = tokio::spawn(request.send());
    app.eventually("the order is stored", async || {
        app.database.orders_of(&customer.id).await.first().cloned()
    })
    .await;

    drop(mortal);

    assert!(sent.await.unwrap().is_err(), "nobody is left to answer");
    posts(&customer, "/orders", "k", &an_order()).await.expect_retry_after(409);
    app.database.claims_lapse(&customer.id).await;
    let order = is_fresh(posts(&customer, "/orders", "k", &an_order()).await.expect(202));
    customer.sees_order_become(order.id(), "confirmed").await;
    assert_eq!(only_order(&app, &customer).await, (order.id(), 1, 0));
    is_replay(&order, &posts(&customer, "/orders", "k", &an_order()).await);
}
