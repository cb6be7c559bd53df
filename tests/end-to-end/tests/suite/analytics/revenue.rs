//! `GET /analytics/revenue`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use end_to_end::{STATUSES, TestApp, unique};
use fastrand::Rng;
use serde_json::json;

use super::{money, time};

/// A time zone's clock in 2011, in minutes east of UTC, and when it is another.
struct Zone {
    name: &'static str,
    standard: i64,
    summer: i64,
    summer_time: (&'static str, &'static str),
}

/// Among them one whose midnight comes twice (Havana, November 13) and one where it is missing
/// (Beirut, March 27).
const ZONES: [Zone; 6] = [
    Zone {
        name: "UTC",
        standard: 0,
        summer: 0,
        summer_time: ("2011-01-01T00:00:00Z", "2011-01-01T00:00:00Z"),
    },
    Zone {
        name: "Europe/Berlin",
        standard: 60,
        summer: 120,
        summer_time: ("2011-03-27T01:00:00Z", "2011-10-30T01:00:00Z"),
    },
    // To Postgres an abbreviation of the time in winter.
    Zone {
        name: "CET",
        standard: 60,
        summer: 120,
        summer_time: ("2011-03-27T01:00:00Z", "2011-10-30T01:00:00Z"),
    },
    Zone {
        name: "America/Havana",
        standard: -300,
        summer: -240,
        summer_time: ("2011-03-20T05:00:00Z", "2011-11-13T05:00:00Z"),
    },
    Zone {
        name: "Asia/Beirut",
        standard: 120,
        summer: 180,
        summer_time: ("2011-03-26T22:00:00Z", "2011-10-29T21:00:00Z"),
    },
    Zone {
        name: "Asia/Kolkata",
        standard: 330,
        summer: 330,
        summer_time: ("2011-01-01T00:00:00Z", "2011-01-01T00:00:00Z"),
    },
];

impl Zone {
    fn date(&self, at: DateTime<Utc>) -> NaiveDate {
        let is_summer = time(self.summer_time.0) <= at && at < time(self.summer_time.1);
        let minutes = if is_summer { self.summer } else { self.standard };
        (at + Duration::minutes(minutes)).date_naive()
    }
}

#[tokio::test]
async fn revenue_is_summed_by_the_days_of_a_time_zone() {
    let app = TestApp::shared().await;
    let mut random = Rng::with_seed(2011);
    let user = unique("customer");
    // Dense around the changes of the clocks, every half hour.
    let mut times: Vec<_> = ["2011-03-18T00:00:00Z", "2011-10-28T00:00:00Z", "2011-11-12T00:00:00Z"]
        .iter()
        .flat_map(|start| (0..480).map(|n| time(start) + Duration::minutes(30 * n)))
        .collect();
    times.extend(
        (0..500).map(|_| time("2011-01-01T00:00:00Z") + Duration::seconds(random.i64(0..31_536_000))),
    );
    let orders: Vec<_> = times
        .into_iter()
        .map(|at| (at, *random.choice(&STATUSES).unwrap(), random.i64(0..10_000_000)))
        .collect();
    let stored: Vec<_> = orders
        .iter()
        .map(|(at, status, cents)| {
            json!({ "user_id": user, "created_at": at, "status": status, "total_amount": money(*cents) })
        })
        .collect();
    app.database.insert_orders(&stored).await;
    let admin = app.admin();
    for zone in ZONES {
        for (start, end) in [
            ("2011-01-02", "2011-12-30"),
            ("2011-03-20", "2011-03-20"),
            ("2011-03-26", "2011-03-28"),
            ("2011-10-30", "2011-10-30"),
            ("2011-10-29", "2011-11-13"),
            ("2011-11-12", "2011-11-12"),
        ] {
            let days: RangeInclusive<NaiveDate> = start.parse().unwrap()..=end.parse().unwrap();
            let mut expected: BTreeMap<NaiveDate, (i64, i64)> = BTreeMap::new();
            for (at, status, cents) in &orders {
                let date = zone.date(*at);
                if days.contains(&date) && !["cancelled", "refunded"].contains(status) {
                    let day = expected.entry(date).or_default();
                    *day = (day.0 + 1, day.1 + cents);
                }
            }
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(date, (count, cents))| {
                    let total = money(cents);
                    format!(r#"{{"date":"{date}","order_count":{count},"total_revenue":{total}}}"#)
                })
                .collect();
            let query = format!("?start_date={start}&end_date={end}&tz={}", zone.name);

            let revenue = admin.get(&format!("/analytics/revenue{query}")).await.expect(200);

            assert_eq!(revenue.text, format!("[{}]", expected.join(",")), "{query}");
        }
    }
}

#[tokio::test]
async fn instants_bound_revenue_too_and_both_are_included() {
    let app = TestApp::shared().await;
    let user = unique("customer");
    let times = ["09:59:59.999999", "10:00:00", "12:00:00", "14:00:00", "14:00:00.000001"];
    let orders = times.map(|at| json!({ "user_id": user, "created_at": format!("2010-07-01T{at}Z") }));
    app.database.insert_orders(&orders).await;
    let admin = app.admin();
    for (start, end, count) in [
        ("2010-07-01T10:00:00Z", "2010-07-01T14:00:00Z", 3),
        ("2010-07-01T12:00:00%2B02:00", "2010-07-01T12:00:00Z", 2),
        ("2010-07-01T12:00:00Z", "2010-07-01", 3),
        ("2010-07-01", "2010-07-01T10:00:00Z", 2),
        ("2010-07-01", "2010-07-01", 5),
    ] {
        let path = format!("/analytics/revenue?start_date={start}&end_date={end}");
        let revenue = admin.get(&path).await.expect(200);
        assert_eq!(revenue.json[0]["order_count"], count, "{path}");
        assert_eq!(revenue.json.as_array().map(Vec::len), Some(1));
    }
    let path = "/analytics/revenue?start_date=2010-07-02&end_date=2010-07-03";
    assert_eq!(admin.get(path).await.expect(200).json, json!([]));
}

#[tokio::test]
async fn the_time_zone_says_whether_a_day_comes_before_an_instant() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for (start, end, zone, is_period) in [
        ("2011-03-01", "2011-03-01T00:30:00%2B02:00", "Europe/Athens", true),
        ("2011-03-01", "2011-02-28T22:00:00Z", "Europe/Athens", true),
        ("2011-03-01", "2011-02-28T21:59:59.999999Z", "Europe/Athens", false),
        ("2011-03-02", "2011-03-02T05:00:00Z", "America/Los_Angeles", false),
        ("2011-03-02T07:59:59Z", "2011-03-01", "America/Los_Angeles", true),
        ("2011-03-02T08:00:00Z", "2011-03-01", "America/Los_Angeles", false),
        ("2011-03-02", "2011-03-01T10:00:00Z", "UTC", false),
        // There this day was left out, and had no instants.
        ("2011-12-30", "2011-12-30", "Pacific/Apia", true),
    ] {
        for report in ["revenue", "delivery-performance"] {
            let path = format!("/analytics/{report}?start_date={start}&end_date={end}&tz={zone}");
            let answer = admin.get(&path).await;
            if is_period {
                assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            } else {
                answer.expect_invalid(&["start_date"]);
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_period_is_named() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for (query, pointers) in [
        ("", &["start_date", "end_date"][..]),
        ("?start_date=2011-01-01", &["end_date"]),
        ("?end_date=x", &["start_date", "end_date"]),
        ("?start_date=2011-01-02&end_date=2011-01-01&tz=%00", &["start_date", "tz"]),
        ("?start_date=2011-01-02&end_date=2011-01-01", &["start_date"]),
        ("?start_date=2001-01-01&end_date=2011-12-31", &["end_date"]),
        ("?start_date=2011-02-29&end_date=2011-13-01", &["start_date", "end_date"]),
        ("?start_date=0001-01-01&end_date=2011-01-01", &["start_date"]),
        ("?start_date=2011-01-01&end_date=9999-12-31", &["end_date"]),
        ("?start_date=2011-01-01&end_date=2011-01-01&tz=Europe/Atlantis", &["tz"]),
        ("?start_date=2011-01-01&end_date=2011-01-01&tz=Foo5", &["tz"]),
        ("?start_date=2011-01-01&end_date=2011-01-01&tz=%00", &["tz"]),
        ("?start_date=2011-01-01&end_date=2011-01-01&tz=", &["tz"]),
    ] {
        admin.get(&format!("/analytics/revenue{query}")).await.expect_invalid(pointers);
    }
    for (query, pointers) in [
        ("?start_date=2011-01-02&end_date=2011-01-01", &["start_date"][..]),
        ("?end_date=tomorrow", &["end_date"]),
        ("?tz=Nowhere", &["tz"]),
    ] {
        admin.get(&format!("/analytics/delivery-performance{query}")).await.expect_invalid(pointers);
    }
    let edges = "?start_date=9997-12-31&end_date=9998-12-31&tz=Pacific/Kiritimati";
    assert_eq!(admin.get(&format!("/analytics/revenue{edges}")).await.expect(200).json, json!([]));
    let edges = "?start_date=1900-01-01&end_date=1909-12-31&tz=Pacific/Pago_Pago";
    assert_eq!(admin.get(&format!("/analytics/revenue{edges}")).await.expect(200).json, json!([]));
}
