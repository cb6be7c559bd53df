//! Web pages of other origins.

use end_to_end::{Answer, Setup, TestApp};
use reqwest::Method;

const SHOP: &str = "https://shop.example.com";

async fn app() -> TestApp {
    TestApp::own(Setup::default().variable("cors_origins", &format!("[\"{SHOP}\"]"))).await
}

#[tokio::test]
async fn a_configured_origin_may_ask_and_read() {
    let app = app().await;
    let preflight = app
        .request(Method::OPTIONS, "/orders/1/items")
        .header("origin", SHOP)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type");

    let allowed = Answer::to(preflight).await.expect_nothing();

    assert_eq!(allowed.header("access-control-allow-origin"), SHOP);
    assert_eq!(allowed.header("access-control-allow-methods"), "PUT");
    for name in ["authorization", "content-type", "idempotency-key", "if-match"] {
        assert!(allowed.header("access-control-allow-headers").contains(name), "{name}");
    }
    // Failures are readable, too.
    for path in ["/health", "/orders/1", "/nowhere"] {
        let answer = Answer::to(app.request(Method::GET, path).header("origin", SHOP)).await;
        assert_eq!(answer.header("access-control-allow-origin"), SHOP, "{path}");
        assert_eq!(answer.header("vary"), "origin", "{path}");
        assert!(answer.header("access-control-expose-headers").contains("etag"), "{path}");
    }
}

#[tokio::test]
async fn other_origins_get_no_permission() {
    let app = app().await;
    for origin in ["https://evil.example", "https://shop.example.com.evil.example", "null"] {
        let preflight = app
            .request(Method::OPTIONS, "/orders")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        let answer = Answer::to(preflight).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}");
        let answer = Answer::to(app.request(Method::GET, "/health").header("origin", origin)).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}");
    }
}
