//! `GET /analytics/top-customers` and `/analytics/cancellation-rate`: over all orders there are, so
//! each test has an application of its own.

use std::collections::BTreeMap;

use chrono::{Duration, Utc};
use end_to_end::{STATUSES, Setup, TestApp};
use fastrand::Rng;
use serde_json::json;

use super::money;

#[tokio::test]
async fn top_customers_are_ranked_by_what_they_spent_or_ordered() {
    let app = TestApp::own(Setup::default()).await;
    let admin = app.admin();
    assert_eq!(admin.get("/analytics/top-customers").await.expect(200).json, json!([]));
    let mut random = Rng::with_seed(1);
    let mut orders = Vec::new();
    let mut totals: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for number in 0..900 {
        let user = format!("customer-{:03}", random.u32(0..130));
        let status = *random.choice(&STATUSES).unwrap();
        // Few amounts, so that some customers tie; and more in sum than one order may cost.
        let cents = if number < 3 { 9_999_999_999 } else { random.i64(1..=4) * 12_345 };
        orders.push(json!({ "user_id": user, "status": status, "total_amount": money(cents) }));
        if !["cancelled", "refunded"].contains(&status) {
            let total = totals.entry(user).or_default();
            *total = (total.0 + 1, total.1 + cents);
        }
    }
    app.database.insert_orders(&orders).await;
    let mut by_spent: Vec<_> = totals.iter().collect();
    let mut by_orders = by_spent.clone();
    by_spent.sort_by_key(|(user, (count, cents))| (-cents, -count, user.to_string()));
    by_orders.sort_by_key(|(user, (count, cents))| (-count, -cents, user.to_string()));
    for (query, ranked, limit) in [
        ("", &by_spent, 10),
        ("?sort=spent&limit=100", &by_spent, 100),
        ("?sort=orders&limit=100", &by_orders, 100),
        ("?limit=1", &by_spent, 1),
    ] {
        let expected: Vec<_> = ranked
            .iter()
            .take(limit)
            .map(|(user, (count, cents))| {
                let spent = money(*cents);
                format!(r#"{{"user_id":"{user}","order_count":{count},"total_spent":{spent}}}"#)
            })
            .collect();
        let shown = admin.get(&format!("/analytics/top-customers{query}")).await.expect(200);
        assert_eq!(shown.text, format!("[{}]", expected.join(",")), "{query}");
    }
    for (query, pointers) in [
        ("?limit=0", &["limit"][..]),
        ("?limit=101", &["limit"]),
        ("?limit=ten&sort=name", &["limit", "sort"]),
    ] {
        admin.get(&format!("/analytics/top-customers{query}")).await.expect_invalid(pointers);
    }
}

#[tokio::test]
async fn the_cancellation_rate_counts_the_orders_of_the_last_days() {
    let app = TestApp::own(Setup::default()).await;
    let admin = app.admin();
    let rate = admin.get("/analytics/cancellation-rate").await.expect(200);
    assert_eq!(
        rate.text,
        r#"{"period":"30 days","cancellation_rate":0.00,"total_orders":0,"cancelled_orders":0}"#
    );
    let mut random = Rng::with_seed(3);
    let now = Utc::now();
    // On the half hour, so that none is on a border.
    let orders: Vec<_> = (0..600)
        .map(|_| (random.i64(0..24 * 400), *random.choice(&["delivered", "cancelled", "refunded"]).unwrap()))
        .collect();
    let stored: Vec<_> = orders
        .iter()
        .map(|(hours, status)| {
            let created_at = now - Duration::hours(*hours) - Duration::minutes(30);
            json!({ "user_id": "customer", "created_at": created_at, "status": status })
        })
        .collect();
    app.database.insert_orders(&stored).await;
    for (query, days) in
        [("", 30), ("?period_days=1", 1), ("?period_days=7", 7), ("?period_days=3650", 3_650)]
    {
        let counted: Vec<_> = orders.iter().filter(|(hours, _)| *hours < 24 * days).collect();
        let cancelled = counted.iter().filter(|(_, status)| *status == "cancelled").count();

        let rate = admin.get(&format!("/analytics/cancellation-rate{query}")).await.expect(200);

        assert_eq!(rate.json["period"], format!("{days} days"));
        assert_eq!(rate.json["total_orders"], counted.len());
        assert_eq!(rate.json["cancelled_orders"], cancelled);
        let percent = 100.0 * cancelled as f64 / counted.len() as f64;
        assert_eq!(rate.raw("/cancellation_rate"), format!("{percent:.2}"));
    }
    for query in ["?period_days=0", "?period_days=3651", "?period_days=-1", "?period_days=month"] {
        admin.get(&format!("/analytics/cancellation-rate{query}")).await.expect_invalid(&["period_days"]);
    }
}
