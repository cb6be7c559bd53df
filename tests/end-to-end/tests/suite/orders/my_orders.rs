//! `GET /orders/my-orders`.

use end_to_end::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn who_never_ordered_has_an_empty_list() {
    let app = TestApp::shared().await;

    let list = app.customer().lists_orders("").await.expect(200);

    assert_eq!(list.json, json!([]));
    assert_eq!(list.next_page(), None);
}

#[tokio::test]
async fn a_listed_order_is_the_same_as_the_order_itself() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let placed = customer.places_an_order().await.expect(201);

    let list = customer.lists_orders("").await.expect(200);

    assert_eq!(list.json, json!([placed.json]));
    assert_eq!(list.raw("/0/total_amount"), "25.97");
    assert_eq!(list.raw("/0/delivery_fee"), "5.00");
}

#[tokio::test]
async fn orders_come_newest_first_ties_by_id() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let newest_first = app.database.add_orders(&customer.id, 60).await;

    for (query, expected) in [
        ("", &newest_first[..20]),
        ("?limit=50", &newest_first[..50]),
        ("?limit=1", &newest_first[..1]),
        ("?limit=7&offset=5", &newest_first[5..12]),
        ("?offset=55", &newest_first[55..]),
        ("?offset=60", &[]),
        ("?offset=2147483647", &[]),
        ("/?limit=2", &newest_first[..2]),
    ] {
        let list = customer.lists_orders(query).await.expect(200);
        assert_eq!(list.ids(), expected, "{query}");
    }
}

#[tokio::test]
async fn links_lead_through_the_whole_list_without_loss_or_repeat() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let newest_first = app.database.add_orders(&customer.id, 45).await;

    let mut seen = Vec::new();
    let mut page = customer.lists_orders("?limit=10").await.expect(200);
    loop {
        assert!(page.ids().len() <= 10);
        seen.extend(page.ids());
        assert!(seen.len() <= 45, "the links run in a circle");
        // An order that arrives meanwhile shifts offsets, but no cursor.
        customer.has_in_cart(&[(5, 1)]).await;
        app.eventually("another order is placed", async || {
            (customer.places_an_order().await.status == 201).then_some(())
        })
        .await;
        let Some(next) = page.next_page() else { break };
        page = customer.get(&next).await.expect(200);
    }

    assert_eq!(seen, newest_first);
}

#[tokio::test]
async fn a_link_after_an_offset_goes_on_where_the_page_ends() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let newest_first = app.database.add_orders(&customer.id, 9).await;

    let page = customer.lists_orders("?limit=3&offset=2").await.expect(200);
    let next = customer.get(&page.next_page().expect("there is more")).await.expect(200);

    assert_eq!(next.ids(), newest_first[5..8]);
}

#[tokio::test]
async fn limits_offsets_and_cursors_have_bounds() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for (query, pointers) in [
        ("?limit=51", &["limit"][..]),
        ("?limit=0", &["limit"]),
        ("?limit=-1", &["limit"]),
        ("?limit=abc", &["limit"]),
        ("?limit=", &["limit"]),
        ("?limit=1.5", &["limit"]),
        ("?limit=99999999999999999999", &["limit"]),
        ("?offset=-1", &["offset"]),
        ("?offset=abc", &["offset"]),
        ("?offset=99999999999999999999", &["offset"]),
        ("?limit=51&offset=-1", &["limit", "offset"]),
        ("?cursor=abc", &["cursor"]),
        ("?cursor=%00", &["cursor"]),
    ] {
        customer.lists_orders(query).await.expect_invalid(pointers);
    }
}

#[tokio::test]
async fn nobody_sees_anothers_orders() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    app.database.add_orders(&customer.id, 3).await;

    for other in [app.customer(), app.courier(), app.admin()] {
        let list = other.lists_orders("").await.expect(200);
        assert_eq!(list.json, json!([]));
        let list = other.lists_orders(&format!("?user_id={}", customer.id)).await.expect(200);
        assert_eq!(list.json, json!([]));
    }
}

#[tokio::test]
async fn a_declined_order_is_listed_as_cancelled() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "decline").await;
    customer.places_an_order().await.expect_problem(402);

    let list = customer.lists_orders("").await.expect(200);

    let statuses: Vec<&Value> = list.json.as_array().unwrap().iter().map(|order| &order["status"]).collect();
    assert_eq!(statuses, ["cancelled"]);
}
