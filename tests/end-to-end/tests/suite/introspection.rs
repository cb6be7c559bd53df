//! Tokens that the Auth Service confirms as well.

use end_to_end::{Setup, TestApp};
use serde_json::json;

async fn app() -> TestApp {
    TestApp::own(Setup::default().variable("auth_introspection", "on")).await
}

#[tokio::test]
async fn a_token_is_confirmed_once_and_then_known_for_a_while() {
    let app = app().await;
    let customer = app.customer();

    for _ in 0..3 {
        customer.get("/orders/my-orders").await.expect(200);
    }

    assert_eq!(app.dependencies.calls(&customer.id, "/introspect").await.len(), 1);
    assert!(!app.log().contains("eyJ"), "a token is in the log");
}

#[tokio::test]
async fn a_revoked_token_opens_nothing() {
    let app = app().await;
    let customer = app.customer();
    customer.suffers("auth", "inactive").await;

    let answer = customer.get("/orders/my-orders").await.expect_problem(401);

    assert!(answer.header("www-authenticate").contains("revoked"));
    app.get("/health").await.expect(200);
}

#[tokio::test]
async fn while_the_auth_service_is_down_nobody_gets_in() {
    for mode in ["status:500", "timeout", "garbage", "redirect"] {
        let app = app().await;
        let customer = app.customer();
        app.dependencies.fail(json!({ "service": "auth", "mode": mode })).await;

        customer.get("/orders/my-orders").await.expect_retry_after(503);
        assert_eq!(app.database.orders_of(&customer.id).await.len(), 0, "{mode}");
    }
}
