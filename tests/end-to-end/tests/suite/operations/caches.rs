//! What Redis answers in the database's and the catalogue's place.

use end_to_end::{Proxy, Setup, TestApp, address, servers};
use futures::future::join_all;
use serde_json::json;

fn cached() -> Setup {
    Setup::default().variable("order_cache_seconds", "600").variable("product_cache_seconds", "600")
}

fn key(id: i64) -> String {
    format!("orders:order:{id}")
}

/// Whether an order is in the cache.
fn is_kept(app: &TestApp, id: i64) -> bool {
    redis::cmd("HEXISTS").arg(key(id)).arg("entry").query(&mut app.redis()).unwrap()
}

/// Reads an order until it is in the cache. Who placed it holds its entry for a minute, which is over here at once.
async fn is_cached(app: &TestApp, id: i64) {
    let admin = app.admin();
    app.eventually("the order is in the cache", async || {
        redis::cmd("HDEL").arg(key(id)).arg(&["held", "holder"]).exec(&mut app.redis()).unwrap();
        admin.reads_order(id).await.expect(200);
        is_kept(app, id).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_asked_for_again_is_kept() {
    let app = TestApp::own(cached()).await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "preparing", None).await;

    customer.reads_order(id).await.expect(200);
    assert!(!is_kept(&app, id), "most orders are asked for once");

    is_cached(&app, id).await;
}

#[tokio::test]
async fn an_order_is_read_from_the_cache_by_whoever_may_see_it_and_nobody_else() {
    let app = TestApp::own(cached()).await;
    let (customer, courier, stranger) = (app.customer(), app.courier(), app.customer());
    let id = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;
    is_cached(&app, id).await;

    // Behind the service's back: who reads from the cache doesn't see it.
    app.database.set_status(id, "out_for_delivery").await;

    for person in [&customer, &courier, &app.admin()] {
        // A new instance asks the database first.
        app.eventually("the answer comes from the cache", async || {
            (person.reads_order(id).await.expect(200).json["status"] == "preparing").then_some(())
        })
        .await;
    }
    stranger.reads_order(id).await.expect_problem(404);
    app.courier().reads_order(id).await.expect_problem(404);
}

#[tokio::test]
async fn whatever_changes_an_order_is_seen_at_once() {
    let app = TestApp::own(cached()).await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let order = customer.places_an_order().await.expect(201);
    let id = order.id();
    is_cached(&app, id).await;

    let version = async || customer.reads_order(id).await.expect(200).json["version"].as_i64().unwrap();
    let mut last = version().await;
    let mut is_newer = async |what: &str| {
        let now = version().await;
        assert!(now > last, "{what}: {now} after {last}");
        last = now;
    };
    let items = json!({ "items": [{ "product_id": 5, "quantity": 1 }] });
    customer.put(&format!("/orders/{id}/items"), &items).await.expect(200);
    is_newer("items").await;
    admin.assigns(id, courier.id.as_str()).await.expect(200);
    is_newer("assignment").await;
    admin.sets_status(id, "preparing").await.expect(200);
    is_newer("status").await;
    let bulk = json!({ "order_ids": [id], "status": "out_for_delivery" });
    admin.put("/orders/bulk-status-update", &bulk).await.expect(200);
    is_newer("bulk status").await;
    let place = json!({ "latitude": "40.71", "longitude": "-74" });
    courier.reports_location(id, &place).await.expect(200);
    is_newer("location").await;
    courier.sets_status(id, "delivered").await.expect(200);
    is_newer("delivery").await;
    customer.requests_return(id).await.expect(200);
    is_newer("return").await;
}

#[tokio::test]
async fn a_cancelled_and_a_settled_order_are_seen_at_once() {
    let app = TestApp::own(cached()).await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    is_cached(&app, id).await;
    customer.cancels(id).await.expect(200);
    assert_eq!(customer.reads_order(id).await.expect(200).json["status"], "cancelled");

    let other = app.customer();
    other.suffers_once("payment", "status:500").await;
    let id = other.places_an_order().await.expect(202).id();
    is_cached(&app, id).await;
    app.all_done(id).await;
    assert_eq!(other.reads_order(id).await.expect(200).json["status"], "confirmed");
}

#[tokio::test]
async fn an_order_stays_in_the_cache_while_its_courier_reports_and_strangers_try() {
    let app = TestApp::own(cached()).await;
    let (customer, courier, stranger) = (app.customer(), app.courier(), app.customer());
    let id = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;
    let is_kept_again = async |what: &str| {
        app.eventually(what, async || {
            customer.reads_order(id).await.expect(200);
            is_kept(&app, id).then_some(())
        })
        .await;
    };

    for latitude in 40..43 {
        let place = json!({ "latitude": latitude, "longitude": -74 });
        courier.reports_location(id, &place).await.expect(200);
        is_kept_again("it is kept in its new version").await;
    }
    let items = json!({ "items": [{ "product_id": 5, "quantity": 1 }] });
    stranger.put(&format!("/orders/{id}/items"), &items).await.expect_problem(404);
    customer.cancels(id).await.expect_problem(409);
    is_kept_again("what was refused leaves it there").await;

    let never = app.database.add_order(&customer.id, "confirmed", None).await;
    customer.cancels(never).await.expect(200);
    app.eventually("what is known of an order nobody reads is forgotten in time", async || {
        let left: i64 = redis::cmd("PTTL").arg(key(never)).query(&mut app.redis()).unwrap();
        let is_held: bool =
            redis::cmd("HEXISTS").arg(key(never)).arg("held").query(&mut app.redis()).unwrap();
        (left > 0 && !is_held).then_some(())
    })
    .await;
}

#[tokio::test]
async fn readers_beside_a_writer_never_go_back_in_time() {
    let app = TestApp::own(cached()).await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = app.database.add_order(&customer.id, "pending", None).await;

    let write = async {
        for courier in 0..30 {
            admin.assigns(id, format!("courier-{courier}")).await.expect(200);
        }
    };
    let read = async || {
        let mut last = 0;
        for _ in 0..60 {
            let version = customer.reads_order(id).await.expect(200).json["version"].as_i64().unwrap();
            assert!(version >= last, "{version} after {last}");
            last = version;
        }
    };
    let readers = join_all((0..4).map(|_| read()));
    futures::join!(write, readers);

    let last = customer.reads_order(id).await.expect(200);
    assert_eq!(last.json["delivery_partner_id"], "courier-29");
}

#[tokio::test]
async fn a_writer_that_is_slow_to_answer_does_not_bring_back_what_was() {
    let app = TestApp::own(cached()).await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&customer.id, "confirmed", None).await;
    let product = app.dependencies.product(json!({})).await;
    let of_product = format!("update order_items set product_id = {product} where order_id = {id}");
    app.database.tamper(&of_product).await;
    let slow = json!({ "service": "product", "product_id": product, "mode": "slow:1000", "times": 1 });
    app.dependencies.fail(slow).await;

    // The order is assigned; what its products are is still being asked for when it is cancelled.
    let assign = async { admin.assigns(id, courier.id.as_str()).await.expect(200) };
    let cancel = async {
        app.eventually("the order is assigned", async || {
            (app.database.order(id).await["delivery_partner_id"] == courier.id).then_some(())
        })
        .await;
        customer.cancels(id).await.expect(200);
    };
    futures::join!(assign, cancel);

    // From the second time on that an instance is asked, it would answer from the cache.
    for _ in 0..40 {
        assert_eq!(customer.reads_order(id).await.expect(200).json["status"], "cancelled");
    }
}

#[tokio::test]
async fn products_are_shown_as_last_seen_while_the_catalogue_is_down() {
    let app = TestApp::own(cached().variable("product_cache_seconds", "1")).await;
    let customer = app.customer();
    let product = app.dependencies.product(json!({ "name": "Quince" })).await;
    customer.has_in_cart(&[(product, 1)]).await;
    let id = customer.places(&end_to_end::an_order()).await.expect(201).id();
    let shown =
        async || customer.reads_order(id).await.expect(200).json["items"][0]["product"]["name"].clone();
    assert_eq!(shown().await, "Quince");

    app.dependencies.change_product(product, json!({ "name": "Medlar" })).await;
    app.eventually("the new name is seen", async || (shown().await == "Medlar").then_some(())).await;
    let fault = json!({ "service": "product", "product_id": product, "mode": "status:500" });
    app.dependencies.fail(fault).await;
    app.eventually("the catalogue is asked in vain", async || {
        assert_eq!(shown().await, "Medlar");
        app.log().contains("as it was last seen").then_some(())
    })
    .await;

    let kept = || -> String {
        redis::cmd("GET").arg(format!("orders:product:{product}")).query(&mut app.redis()).unwrap()
    };
    let before = kept();
    assert_eq!(shown().await, "Medlar");
    assert_eq!(kept(), before, "what is outdated stays so");
}

#[tokio::test]
async fn without_redis_orders_come_from_the_database() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    let app = TestApp::own(cached().redis_by(proxy.port()).only("api")).await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "preparing", None).await;
    is_cached(&app, id).await;

    proxy.cut();
    app.admin().sets_status(id, "out_for_delivery").await.expect(200);

    assert_eq!(customer.reads_order(id).await.expect(200).json["status"], "out_for_delivery");
}
