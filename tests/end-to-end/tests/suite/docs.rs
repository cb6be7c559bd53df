//! `GET /openapi.json` and `GET /docs`.

use std::collections::BTreeSet;

use end_to_end::{Browser, Setup, TestApp};
use serde_json::{Value, json};

use crate::roles::routes;

/// The operations of a description, as `METHOD /path`.
fn operations(description: &Value) -> BTreeSet<String> {
    let paths = description["paths"].as_object().expect("a description has paths");
    let methods = |(path, item): (&String, &Value)| {
        let fields = item.as_object().expect("a path has operations").keys();
        let methods = fields.filter(|field| *field != "parameters");
        methods.map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[tokio::test]
async fn the_description_covers_every_route() {
    let app = TestApp::shared().await;

    let description = app.get("/openapi.json").await.expect(200).json;

    assert_eq!(description["openapi"], "3.1.0");
    let templated = |path: &str| {
        let segments = path.split('/').map(|segment| match segment.strip_prefix(':') {
            Some(name) => format!("{{{name}}}"),
            None => segment.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    };
    let served = routes().iter().map(|(method, path)| format!("{method} {}", templated(path))).collect();
    assert_eq!(operations(&description), served);
}

#[tokio::test]
async fn the_service_goes_by_the_name_it_is_given() {
    let app = TestApp::own(Setup::default().variable("app_name", "Corner Shop Orders")).await;

    let description = app.get("/openapi.json").await.expect(200).json;

    assert_eq!(description["info"]["title"], "Corner Shop Orders");
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere() {
    let app = TestApp::shared().await;

    let page = app.get("/docs").await;

    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains("://"), "the page names no address");
    // What lets the page's own script run is never the same twice.
    assert_ne!(app.get("/docs").await.header("content-security-policy"), policy);
}

#[tokio::test]
async fn a_browser_shows_every_operation_and_asks_nobody_else() {
    let app = TestApp::shared().await;
    let description = app.get("/openapi.json").await.expect(200).json;
    let mut browser = Browser::start().await;

    browser.visit(&app.url("/docs")).await;

    let shown = "[...document.querySelectorAll('.operation > summary')]
        .map(one => one.children[0].textContent + ' ' + one.children[1].textContent)";
    let mut found = Value::Null;
    app.eventually("the page shows operations", async || {
        found = browser.evaluate(shown).await;
        found.as_array().is_some_and(|found| !found.is_empty()).then_some(())
    })
    .await;
    let found: Vec<String> = serde_json::from_value(found).expect("a list of texts");
    assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "each stands there once: {found:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), operations(&description));

    let schemas = browser.evaluate("[...document.querySelectorAll('.schema')].map(one => one.id)").await;
    let described = description["components"]["schemas"].as_object().expect("there are schemas");
    assert_eq!(schemas, json!(described.keys().collect::<Vec<_>>()));
    // Every link within the page leads somewhere.
    let lost = "[...document.querySelectorAll('a[href^=\"#\"]')]
        .filter(link => !document.getElementById(link.hash.slice(1))).length";
    assert_eq!(browser.evaluate(lost).await, json!(0));
    let loaded = browser.evaluate("performance.getEntriesByType('resource').map(one => one.name)").await;
    assert_eq!(loaded, json!([app.url("/openapi.json")]));
}
