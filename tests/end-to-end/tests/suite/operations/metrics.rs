//! `GET /metrics`, as Prometheus reads it.

use end_to_end::{Proxy, Setup, TestApp, address, servers};
use prometheus_parse::{Scrape, Value};

async fn scrape(app: &TestApp) -> Scrape {
    let answer = app.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    Scrape::parse(answer.text.lines().map(|line| Ok(line.to_owned()))).expect("Prometheus can read it")
}

/// The value of the series with these labels.
fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has_labels = |sample: &&prometheus_parse::Sample| {
        labels.iter().all(|(name, value)| sample.labels.get(name) == Some(value))
    };
    let sample = scrape.samples.iter().filter(|sample| sample.metric == name).find(has_labels)?;
    match &sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => Some(*value),
        Value::Histogram(buckets) => buckets.last().map(|bucket| bucket.count),
        Value::Summary(_) => None,
    }
}

#[tokio::test]
async fn what_all_instances_counted_is_added_up() {
    let app = TestApp::own(Setup::default()).await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = customer.places_an_order().await.expect(201);
    for _ in 0..3 {
        customer.reads_order(order.id()).await.expect(200);
    }
    admin.reads_order(0).await.expect_problem(404);
    admin.sets_status(order.id(), "preparing").await.expect(200);
    app.get("/nowhere").await.expect_problem(404);
    let poor = app.customer();
    poor.suffers_once("payment", "status:402").await;
    poor.places_an_order().await.expect_problem(402);

    let found = app
        .eventually("everything is counted", async || {
            let found = scrape(&app).await;
            let read = [("route", "/orders/:order_id"), ("method", "GET"), ("status", "200")];
            let refused = [("route", "/orders"), ("method", "POST"), ("status", "402")];
            let counted = |labels| value(&found, "order_http_requests_total", labels);
            (counted(&read) == Some(3.0) && counted(&refused) == Some(1.0)).then_some(found)
        })
        .await;

    let request = |labels: &[(&str, &str)]| value(&found, "order_http_requests_total", labels);
    assert_eq!(request(&[("route", "/orders/:order_id"), ("status", "404")]), Some(1.0));
    assert_eq!(request(&[("route", "none"), ("status", "404")]), Some(1.0));
    let durations = "order_http_request_duration_seconds";
    assert_eq!(value(&found, durations, &[("route", "/orders/:order_id"), ("method", "GET")]), Some(4.0));
    assert_eq!(value(&found, "order_placed_total", &[("source", "cart")]), Some(2.0));
    for (from, to, count) in
        [("pending", "confirmed", 1.0), ("confirmed", "preparing", 1.0), ("pending", "cancelled", 1.0)]
    {
        let counted = value(&found, "order_transitions_total", &[("from", from), ("to", to)]);
        assert_eq!(counted, Some(count), "{from} to {to}");
    }
    for outcome in ["approved", "declined"] {
        let counted = value(&found, "order_payments_total", &[("kind", "charge"), ("outcome", outcome)]);
        assert_eq!(counted, Some(1.0), "{outcome}");
    }
    assert_eq!(value(&found, "order_metrics_source_up", &[("source", "redis")]), Some(1.0));
    assert_eq!(value(&found, "order_tasks_dead", &[]), Some(0.0));
    for gauge in ["order_tasks_queued", "order_tasks_overdue", "order_tasks_lag_seconds"] {
        assert!(value(&found, gauge, &[]).is_some(), "{gauge}");
    }
    assert!(value(&found, "order_build_info", &[]).is_some());
}

#[tokio::test]
async fn without_redis_the_figures_say_what_they_lack() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().redis_by(proxy.port()).only("api")).await;

    proxy.cut();
    let without = scrape(&app).await;

    assert_eq!(value(&without, "order_metrics_source_up", &[("source", "redis")]), Some(0.0));
    assert_eq!(value(&without, "order_metrics_source_up", &[("source", "postgres")]), Some(1.0));
    assert_eq!(value(&without, "order_http_requests_total", &[]), None);

    // What was counted meanwhile is not lost.
    for _ in 0..5 {
        app.get("/nowhere").await.expect_problem(404);
    }
    proxy.mend();
    app.eventually("the figures are back", async || {
        value(&scrape(&app).await, "order_http_requests_total", &[("route", "none")]).map(drop)
    })
    .await;
}
