//! What every answer has in common, failures above all.

use end_to_end::{Answer, TestApp, an_order};
use reqwest::Method;

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let app = TestApp::shared().await;
    for path in ["/", "/order", "/orders/1/nothing", "/orders/my-orders/1", "/favicon.ico"] {
        app.get(path).await.expect_problem(404);
        app.customer().get(path).await.expect_problem(404);
    }
}

#[tokio::test]
async fn an_unknown_method_is_answered_with_those_allowed() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for (method, path, allowed) in [
        (Method::DELETE, "/orders/1", "GET"),
        (Method::PATCH, "/orders", "POST"),
        (Method::POST, "/orders/my-orders", "GET"),
        (Method::POST, "/health", "GET"),
    ] {
        let answer = Answer::to(customer.request(method, path)).await.expect_problem(405);
        let allow: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
        assert!(allow.contains(&allowed), "{path}: {allow:?}");
    }
}

#[tokio::test]
async fn a_given_request_id_is_returned() {
    let app = TestApp::shared().await;
    for path in ["/health", "/orders/my-orders", "/nowhere"] {
        let request = app.request(Method::GET, path).header("x-request-id", "click-41");
        let answer = Answer::to(request).await;
        assert_eq!(answer.header("x-request-id"), "click-41");
    }
}

#[tokio::test]
async fn each_request_without_an_id_gets_its_own() {
    let app = TestApp::shared().await;
    let first = app.get("/health").await;
    let second = app.get("/health").await;

    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn no_request_id_stands_in_an_orders_way() {
    let app = TestApp::shared().await;
    for id in ["a".repeat(4_000), "a b".into(), "\"><script>".into(), "".into()] {
        let request = app.customer().request(Method::POST, "/orders").header("x-request-id", id);
        Answer::to(request.json(&an_order())).await.expect(201);
    }
}
