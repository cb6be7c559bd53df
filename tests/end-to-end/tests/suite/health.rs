//! `GET /health`.

use end_to_end::TestApp;

#[tokio::test]
async fn health_needs_no_token() {
    let app = TestApp::shared().await;

    app.get("/health").await.expect(200);
    app.get("/health/").await.expect(200);
}
