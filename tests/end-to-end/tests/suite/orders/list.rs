//! `GET /orders`: everyone's orders, for staff.

use end_to_end::{Answer, Person, TestApp, unique};
use serde_json::{Value, json};
use url::form_urlencoded;

fn query(fields: &[(&str, &str)]) -> String {
    format!("?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

async fn listed(person: &Person<'_>, fields: &[(&str, &str)]) -> Vec<i64> {
    person.lists_all_orders(&query(fields)).await.expect(200).ids()
}

#[tokio::test]
async fn orders_are_filtered_by_customer_courier_and_status() {
    let app = TestApp::shared().await;
    let (ann, ben, admin) = (app.customer(), app.customer(), app.admin());
    let (carl, dora) = (app.courier(), app.courier());
    let first = app.database.add_order(&ann.id, "preparing", Some(&carl.id)).await;
    let second = app.database.add_order(&ann.id, "delivered", Some(&dora.id)).await;
    let third = app.database.add_order(&ben.id, "delivered", Some(&carl.id)).await;
    let fourth = app.database.add_order(&ben.id, "preparing", None).await;

    let (user, partner, status) = ("user_id", "delivery_partner_id", "status");
    for (fields, expected) in [
        (&[(user, &*ann.id)][..], &[second, first][..]),
        (&[(user, &*ben.id)], &[fourth, third]),
        (&[(partner, &*carl.id)], &[third, first]),
        (&[(partner, &*dora.id)], &[second]),
        (&[(user, &*ann.id), (partner, &*carl.id)], &[first]),
        (&[(user, &*ben.id), (status, "preparing")], &[fourth]),
        (&[(partner, &*carl.id), (status, "delivered")], &[third]),
        (&[(user, &*ann.id), (partner, &*dora.id), (status, "delivered")], &[second]),
        (&[(user, &*ann.id), (partner, &*dora.id), (status, "preparing")], &[]),
        (&[(user, &*ann.id), (status, "cancelled")], &[]),
        (&[(user, "nobody")], &[]),
        (&[(user, "' or true --")], &[]),
        (&[(user, &*ann.id), ("unknown", "is ignored")], &[second, first]),
    ] {
        assert_eq!(listed(&admin, fields).await, expected, "{fields:?}");
    }
    let all = admin.lists_all_orders("?status=preparing&limit=50").await.expect(200);
    assert!(!all.ids().is_empty());
    assert!(all.json.as_array().unwrap().iter().all(|order| order["status"] == "preparing"));
}

#[tokio::test]
async fn orders_are_filtered_by_time_both_ends_included() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    // At 10:00 two of them, at 10:01 and 10:02 three each, at 10:03 one.
    let ids = app.database.add_orders(&customer.id, 9).await;

    let (from, to) = ("created_from", "created_to");
    for (fields, expected) in [
        (&[(from, "2026-01-01T10:02:00Z")][..], &ids[..4]),
        (&[(from, "2026-01-01T10:02:00.000001Z")], &ids[..1]),
        (&[(to, "2026-01-01T10:01:00Z")], &ids[4..]),
        (&[(to, "2026-01-01T10:00:59.999999Z")], &ids[7..]),
        (&[(from, "2026-01-01T10:01:00Z"), (to, "2026-01-01T10:02:00Z")], &ids[1..7]),
        // The same from elsewhere.
        (&[(from, "2026-01-01T15:31:00+05:30"), (to, "2026-01-01T02:02:00-08:00")], &ids[1..7]),
        (&[(from, "2026-01-01T10:02:00Z"), ("status", "delivered")], &ids[..4]),
        (&[(from, "2026-01-01T10:02:00Z"), ("status", "pending")], &[]),
        (&[(from, "2026-01-01T10:04:00Z")], &[]),
        (&[(from, "0000-01-01T00:00:00Z"), (to, "9999-12-31T23:59:59Z")], &ids),
    ] {
        let fields = [&[("user_id", &*customer.id)], fields].concat();
        assert_eq!(listed(&admin, &fields).await, expected, "{fields:?}");
    }
}

#[tokio::test]
async fn a_courier_sees_the_orders_assigned_to_them_and_no_others() {
    let app = TestApp::shared().await;
    let (customer, courier, other) = (app.customer(), app.courier(), app.courier());
    let first = app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await;
    let second = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;
    app.database.add_order(&customer.id, "preparing", Some(&other.id)).await;
    app.database.add_order(&customer.id, "preparing", None).await;
    // Placed by them, but for someone else to carry.
    app.database.add_order(&courier.id, "preparing", Some(&other.id)).await;

    assert_eq!(listed(&courier, &[]).await, [second, first]);
    assert_eq!(listed(&courier, &[("user_id", &customer.id)]).await, [second, first]);
    assert_eq!(listed(&courier, &[("status", "preparing")]).await, [first]);
    assert_eq!(listed(&courier, &[("delivery_partner_id", &courier.id)]).await, [second, first]);
    assert_eq!(listed(&courier, &[("delivery_partner_id", &other.id)]).await, [0_i64; 0]);
    assert_eq!(listed(&app.courier(), &[]).await, [0_i64; 0]);
}

#[tokio::test]
async fn a_listed_order_is_as_its_reader_sees_it() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    admin.assigns(id, courier.id.as_str()).await.expect(200);

    for person in [&courier, &admin] {
        let list = person.lists_all_orders(&query(&[("user_id", &customer.id)])).await.expect(200);
        let order = person.reads_order(id).await.expect(200);
        assert_eq!(list.json, json!([order.json]));
        assert_eq!(list.raw("/0/total_amount"), "25.97");
    }
}

/// Follows the links from a page to the end.
async fn to_the_end(person: &Person<'_>, mut page: Answer, limit: usize) -> Vec<i64> {
    let mut seen = page.ids();
    while let Some(next) = page.next_page() {
        assert_eq!(page.ids().len(), limit, "only the last page is short");
        assert!(next.starts_with("/orders?"), "{next}");
        page = person.get(&next).await.expect(200);
        seen.extend(page.ids());
        assert!(seen.len() <= 100, "the links run in a circle");
    }
    seen
}

#[tokio::test]
async fn links_lead_through_ties_and_keep_the_filters() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = unique("Zoë|a&b=c d+%/?#");
    let expected = app.database.add_orders(&id, 23).await;
    let cancelled = app.database.add_order(&id, "cancelled", None).await;
    // Pages of 1, 2, 4 and 23 end amid orders of the same instant, or with the last one.
    for limit in [1, 2, 4, 23] {
        let fields = [("user_id", &*id), ("status", "delivered"), ("limit", &*limit.to_string())];
        let page = admin.lists_all_orders(&query(&fields)).await.expect(200);

        assert_eq!(to_the_end(&admin, page, limit).await, expected, "by {limit}");
    }
    let page = admin.lists_all_orders(&query(&[("user_id", &id), ("limit", "5")])).await.expect(200);
    let all = [&[cancelled], &*expected].concat();
    assert_eq!(to_the_end(&admin, page, 5).await, all);
}

#[tokio::test]
async fn a_link_keeps_the_time_that_was_asked_for() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let ids = app.database.add_orders(&customer.id, 9).await;
    let fields = [
        ("created_to", "2026-01-01T15:32:00+05:30"),
        ("created_from", "2026-01-01T10:01:00Z"),
        ("user_id", &*customer.id),
        ("limit", "2"),
        ("offset", "1"),
    ];

    let page = admin.lists_all_orders(&query(&fields)).await.expect(200);

    assert_eq!(to_the_end(&admin, page, 2).await, ids[2..7]);
}

#[tokio::test]
async fn a_couriers_links_lead_to_their_orders_alone() {
    let app = TestApp::shared().await;
    let (customer, courier) = (app.customer(), app.courier());
    let mut expected = Vec::new();
    for _ in 0..5 {
        app.database.add_order(&customer.id, "preparing", None).await;
        expected.insert(0, app.database.add_order(&customer.id, "preparing", Some(&courier.id)).await);
    }

    let page = courier.lists_all_orders("?limit=2").await.expect(200);

    assert_eq!(to_the_end(&courier, page, 2).await, expected);
}

#[tokio::test]
async fn a_page_has_at_most_fifty_orders() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let ids = app.database.add_orders(&customer.id, 60).await;
    let user = ("user_id", &*customer.id);

    assert_eq!(listed(&admin, &[user]).await, ids[..20]);
    assert_eq!(listed(&admin, &[user, ("limit", "50")]).await, ids[..50]);
    assert_eq!(listed(&admin, &[user, ("limit", "50"), ("offset", "50")]).await, ids[50..]);
    for limit in ["0", "51", "-1", "x", ""] {
        admin.lists_all_orders(&query(&[user, ("limit", limit)])).await.expect_invalid(&["limit"]);
    }
    admin.lists_all_orders("?offset=1&cursor=1.1").await.expect_invalid(&["offset"]);
}

#[tokio::test]
async fn what_cannot_be_a_filter_is_refused_by_name() {
    let app = TestApp::shared().await;
    let (courier, admin) = (app.courier(), app.admin());
    let long = "a".repeat(256);
    for (name, value) in [
        ("status", "shipped"),
        ("status", ""),
        ("status", "Preparing"),
        ("user_id", ""),
        ("user_id", &long),
        ("user_id", "nul\0"),
        ("delivery_partner_id", ""),
        ("delivery_partner_id", &long),
        ("created_from", "yesterday"),
        ("created_from", "2026-01-01"),
        ("created_from", "2026-01-01T00:00:00"),
        ("created_from", "2026-02-30T00:00:00Z"),
        ("created_to", "1767225600"),
        ("created_to", "+12026-01-01T00:00:00Z"),
        ("created_to", ""),
    ] {
        for person in [&courier, &admin] {
            person.lists_all_orders(&query(&[(name, value)])).await.expect_invalid(&[name]);
        }
    }
    let wrong = query(&[("created_to", "x"), ("status", "x"), ("user_id", ""), ("delivery_partner_id", "")]);
    let answer = admin.lists_all_orders(&wrong).await;
    answer.expect_invalid(&["user_id", "delivery_partner_id", "status", "created_to"]);
    let backwards =
        query(&[("created_from", "2026-01-02T00:00:00Z"), ("created_to", "2026-01-01T00:00:00Z")]);
    admin.lists_all_orders(&backwards).await.expect_invalid(&["created_from"]);
    let plus = admin.lists_all_orders("?created_from=2026-01-01T00:00:00+00:00").await;
    assert!(plus.detail().contains("%2B"), "{}", plus.text);
    let wrong = query(&[("status", "x"), ("limit", "99"), ("cursor", "x")]);
    admin.lists_all_orders(&wrong).await.expect_invalid(&["status", "limit", "cursor"]);
}

#[tokio::test]
async fn customers_are_told_to_look_at_their_own() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    app.database.add_order(&customer.id, "preparing", None).await;

    for query in ["", "?limit=x", &query(&[("user_id", &customer.id)])] {
        let refusal = customer.lists_all_orders(query).await.expect_problem(403);
        assert_eq!(refusal.json.get("errors"), None::<&Value>);
    }
}
