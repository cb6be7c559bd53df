//! `/health`: alive, ready, and how the dependencies are.

use std::collections::BTreeSet;

use end_to_end::{Proxy, Setup, TestApp, address, servers};
use futures::future::join_all;

#[tokio::test]
async fn health_needs_no_token() {
    let app = TestApp::shared().await;

    app.get("/health").await.expect(200);
    app.get("/health/").await.expect(200);
    app.get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn without_a_usable_key_the_service_is_alive_but_not_ready() {
    let app = TestApp::own(Setup::default().variable("jwt_secret_key", "2short")).await;

    app.get("/health").await.expect(200);
    let answer = app.get("/health/ready").await.expect_retry_after(503);
    assert!(
        answer.detail().starts_with("tokens can't be verified: jwt_secret_key is missing"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("2short"), "{}", answer.text);
}

#[tokio::test]
async fn the_variable_that_is_wrong_is_named_without_its_value() {
    let app = TestApp::own(Setup::default().variable("return_window_days", "12 parsecs")).await;

    app.get("/health").await.expect(200);
    let answer = app.get("/health/ready").await.expect_retry_after(503);
    assert!(
        answer.detail().starts_with("the service can't start: return_window_days is missing"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("parsecs"), "{}", answer.text);
}

#[tokio::test]
async fn with_an_older_schema_the_service_is_not_ready() {
    let app = TestApp::own(Setup::default()).await;
    app.get("/health/ready").await.expect(200);

    let older = "create or replace function schema_version() returns integer language sql as 'select 1'";
    app.database.execute(older).await;

    app.get("/health").await.expect(200);
    app.get("/health/ready").await.expect_retry_after(503);
    assert!(app.log().contains("the schema is at version 1"), "{}", app.log());
}

#[tokio::test]
async fn every_dependency_is_reported_and_one_that_is_down_degrades_the_service() {
    // A port that nobody listens on.
    let app = TestApp::own(Setup::default().variable("cart_service_url", "http://127.0.0.1:9")).await;

    let report = app.get("/health/dependencies").await.expect(200);

    assert_eq!(report.json["status"], "degraded");
    let dependencies = report.json["dependencies"].as_object().unwrap();
    for (name, found) in dependencies {
        let expected = if name == "cart" { "down" } else { "up" };
        assert_eq!(found["status"], expected, "{name}");
        assert!(found["latency_ms"].as_f64().is_some_and(|millis| millis >= 0.0), "{name}");
    }
    let names: BTreeSet<_> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["cart", "notification", "payment", "postgres", "product", "redis"]));
}

#[tokio::test]
async fn without_postgres_the_service_is_down() {
    let (database, _) = servers();
    let proxy = Proxy::to(&address(&database, 5432).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().database_by(proxy.port())).await;

    proxy.cut();

    app.get("/health").await.expect(200);
    app.get("/health/ready").await.expect_retry_after(503);
    let report = app.get("/health/dependencies").await.expect(503);
    assert_eq!(report.header("retry-after"), "5");
    assert_eq!(report.json["status"], "down");
    assert_eq!(report.json["dependencies"]["postgres"]["status"], "down");
}

#[tokio::test]
async fn however_many_ask_for_dependencies_they_are_looked_at_once() {
    let app = TestApp::own(Setup::default()).await;
    let first = app.get("/health/dependencies").await.expect(200);

    let reports = join_all((0..50).map(|_| app.get("/health/dependencies"))).await;

    // One asker may be the first of the next look.
    let looks: BTreeSet<_> =
        reports.iter().chain([&first]).map(|report| report.json["checked_at"].to_string()).collect();
    assert!(looks.len() <= 2, "{looks:?}");
}

#[tokio::test]
async fn a_misspelt_setting_is_refused_and_named() {
    for (variable, value, says) in [
        ("auth_introspection", "true", "must be on or off"),
        ("debug", "yes", "must be true or false"),
        ("log_format", "jsno", "must be text or json"),
        ("service_timeout_ms", "0", "must be from 1 to 10000"),
    ] {
        let app = TestApp::own(Setup::default().variable(variable, value).only("api")).await;

        app.get("/health").await.expect(200);
        app.get("/health/ready").await.expect_problem(503);
        app.customer().get("/orders/my-orders").await.expect_problem(503);

        let log = app.log();
        assert!(log.contains(variable) && log.contains(says), "{variable}={value}: {log}");
    }
}

#[tokio::test]
async fn a_shop_that_cannot_quote_a_delivery_is_not_ready() {
    for (variable, value) in
        [("delivery_fee", "abc"), ("delivery_minutes", "soon"), ("delivery_origin", "100,200")]
    {
        let app = TestApp::own(Setup::default().variable(variable, value).only("api")).await;

        let problem = app.get("/health/ready").await.expect_problem(503);

        assert!(problem.detail().starts_with("no delivery can be quoted"), "{}", problem.text);
        assert!(app.log().contains(variable), "{variable}");
    }
}
