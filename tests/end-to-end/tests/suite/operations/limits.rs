//! What is too much, and headers that protect.

use end_to_end::{Answer, TestApp};
use reqwest::Method;

#[tokio::test]
async fn addresses_and_headers_have_a_limit() {
    let app = TestApp::shared().await;

    let long = format!("/orders?user_id={}", "x".repeat(9_000));
    app.get(&long).await.expect_problem(414);

    let many = app.request(Method::GET, "/orders").header("x-filler", "x".repeat(40_000));
    Answer::to(many).await.expect_problem(431);
}

#[tokio::test]
async fn nothing_personal_is_kept_by_caches_or_shown_in_frames() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = customer.places_an_order().await.expect(201);

    for path in [format!("/orders/{}", order.id()), "/orders/my-orders".into(), "/orders/0".into()] {
        let answer = customer.get(&path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}
