//! `GET /analytics/delivery-performance`.

use std::ops::RangeInclusive;

use chrono::{Duration, NaiveDate};
use end_to_end::{TestApp, unique};
use fastrand::Rng;
use serde_json::{Value, json};

use super::time;

/// A delivery as the test made it up.
struct Delivery {
    partner: Option<String>,
    on_time: Option<bool>,
    minutes: Option<f64>,
    rating: Option<i64>,
}

fn average(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Between the two neighbours of the place where it belongs.
fn percentile(numbers: &[f64], part: f64) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

#[track_caller]
fn has_figures(shown: &Value, of: &[&Delivery]) {
    let count = |on_time: &[Option<bool>]| of.iter().filter(|d| on_time.contains(&d.on_time)).count();
    let (on_time, estimated) = (count(&[Some(true)]), count(&[Some(true), Some(false)]));
    let minutes: Vec<f64> = of.iter().filter_map(|d| d.minutes).collect();
    let ratings: Vec<f64> = of.iter().filter_map(|d| d.rating).map(|stars| stars as f64).collect();
    assert_eq!(shown["delivered_count"], of.len(), "{shown}");
    assert_eq!(shown["on_time_count"], on_time, "{shown}");
    for (name, figure) in [
        ("on_time_rate", (estimated > 0).then(|| 100.0 * on_time as f64 / estimated as f64)),
        ("average_delivery_minutes", average(&minutes)),
        ("p50_delivery_minutes", percentile(&minutes, 0.5)),
        ("p90_delivery_minutes", percentile(&minutes, 0.9)),
        ("average_rating", average(&ratings)),
    ] {
        match (shown[name].as_f64(), figure) {
            (None, None) => assert_eq!(shown[name], Value::Null, "{name}"),
            (Some(shown), Some(figure)) => {
                assert!((shown - figure).abs() < 0.0051, "{name}: {shown}, not {figure}");
            }
            (shown, figure) => panic!("{name}: {shown:?}, not {figure:?}"),
        }
    }
}

#[tokio::test]
async fn delivery_performance_is_measured_by_the_day_of_delivery() {
    let app = TestApp::shared().await;
    let mut random = Rng::with_seed(2012);
    let user = unique("customer");
    let couriers = [Some(unique("courier")), Some(unique("courier")), Some(unique("courier")), None];
    let (mut stored, mut deliveries) = (Vec::new(), Vec::new());
    for _ in 0..700 {
        let delivered_at = time("2012-01-01T00:00:00Z") + Duration::seconds(random.i64(0..31_536_000));
        let took = Duration::milliseconds(random.i64(60_000..30_000_000));
        let is_scheduled = random.u8(0..5) == 0;
        let late = (random.u8(0..10) > 0).then(|| random.i64(-3_000..3_000));
        let partner = random.choice(&couriers).unwrap().clone();
        let rating = random.bool().then(|| random.i64(1..=5));
        stored.push(json!({
            "user_id": user,
            "status": random.choice(&["delivered", "return_requested", "refunded"]).unwrap(),
            "delivery_partner_id": partner,
            "created_at": delivered_at - took,
            "delivered_at": delivered_at,
            "estimated_delivery_time": late.map(|late| delivered_at - Duration::seconds(late)),
            "scheduled_for": is_scheduled.then_some(delivered_at),
            "rating": rating,
        }));
        let minutes = (!is_scheduled).then_some(took.num_milliseconds() as f64 / 60_000.0);
        let on_time = late.map(|late| late <= 0);
        deliveries.push((delivered_at.date_naive(), Delivery { partner, on_time, minutes, rating }));
    }
    // One that is still under way.
    stored
        .push(json!({ "user_id": user, "status": "out_for_delivery", "created_at": "2012-06-01T00:00:00Z" }));
    app.database.insert_orders(&stored).await;
    let admin = app.admin();
    for (start, end) in
        [("2012-01-01", "2012-12-31"), ("2012-02-29", "2012-03-31"), ("2012-06-01", "2012-06-01")]
    {
        let days: RangeInclusive<NaiveDate> = start.parse().unwrap()..=end.parse().unwrap();
        let all: Vec<_> = deliveries.iter().filter(|(day, _)| days.contains(day)).map(|(_, d)| d).collect();
        let path = format!("/analytics/delivery-performance?start_date={start}&end_date={end}");

        let shown = admin.get(&path).await.expect(200);

        has_figures(&shown.json, &all);
        let by_partner = shown.json["by_partner"].as_array().unwrap();
        let mut partners: Vec<_> = couriers.iter().flatten().collect();
        partners.retain(|id| all.iter().any(|d| d.partner.as_ref() == Some(id)));
        assert_eq!(by_partner.len(), partners.len());
        for shown in by_partner {
            let partner = shown["delivery_partner_id"].as_str().unwrap();
            let of: Vec<_> = all.iter().copied().filter(|d| d.partner.as_deref() == Some(partner)).collect();
            has_figures(shown, &of);
        }
        let counts: Vec<_> = by_partner.iter().map(|p| p["delivered_count"].as_i64().unwrap()).collect();
        assert!(counts.is_sorted_by(|a, b| a >= b), "the busiest first: {counts:?}");
    }
    let year = "/analytics/delivery-performance?start_date=2012-01-01&end_date=2012-12-31";
    let year = admin.get(year).await.expect(200);
    for figure in ["on_time_rate", "average_delivery_minutes", "p90_delivery_minutes", "average_rating"] {
        let shown = year.raw(&format!("/{figure}"));
        assert_eq!(shown.split_once('.').map(|(_, decimals)| decimals.len()), Some(2), "{shown}");
    }
}

#[tokio::test]
async fn without_deliveries_there_is_nothing_to_measure() {
    let app = TestApp::shared().await;
    let path = "/analytics/delivery-performance?start_date=2009-01-01&end_date=2009-12-31";

    let shown = app.admin().get(path).await.expect(200);

    has_figures(&shown.json, &[]);
    assert_eq!(shown.json["by_partner"], json!([]));
    app.admin().get("/analytics/delivery-performance").await.expect(200);
    app.admin().get("/analytics/delivery-performance?start_date=2012-01-01").await.expect(200);
}
