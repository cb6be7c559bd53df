//! The notification service: no order waits for it, and it is told sooner or later.

use end_to_end::TestApp;
use futures::future::join_all;
use serde_json::Value;

use super::places_in_time;

/// Those after which a message may not have arrived.
const TROUBLES: [&str; 11] = [
    "timeout",
    "drop",
    "drop_after",
    "cut",
    "huge",
    "redirect",
    "status:304",
    "status:401",
    "status:429",
    "status:500",
    "status:503",
];

#[tokio::test]
async fn a_notification_service_in_trouble_is_told_later() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        customer.suffers_once("notification", mode).await;

        let order = places_in_time(&customer).await.expect(201);

        app.all_done(order.id()).await;
        for kind in ["order-confirmation", "order-status"] {
            let told = app.dependencies.notifications(&customer.id, kind).await;
            assert!(!told.is_empty(), "{mode}: {kind}");
            // Who is told again can tell.
            assert!(told.iter().all(|one| one["idempotency_key"] == told[0]["idempotency_key"]), "{told:?}");
        }
    };
    join_all(TROUBLES.map(in_trouble)).await;
}

#[tokio::test]
async fn whatever_the_notification_service_says_of_success_is_success() {
    let app = TestApp::shared().await;
    let content = async |mode: &str| {
        let customer = app.customer();
        customer.suffers("notification", mode).await;

        let order = places_in_time(&customer).await.expect(201);

        app.all_done(order.id()).await;
        assert_eq!(app.dependencies.calls(&customer.id, "/notifications").await.len(), 2, "{mode}");
    };
    join_all(["slow:500", "mislabelled", "garbage", "wrong_types", "status:204", "text:"].map(content)).await;
}

#[tokio::test]
async fn a_task_that_failed_says_why() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("notification", "status:503").await;

    let order = customer.places_an_order().await.expect(201);

    app.eventually("the failed tries are noted", async || {
        let tasks = app.database.tasks(order.id()).await;
        let said = |task: &Value| task["last_error"].as_str().is_some_and(|error| error.contains("503"));
        (tasks.len() == 2 && tasks.iter().all(said)).then_some(())
    })
    .await;
    customer.is_fine_again().await;
    app.all_done(order.id()).await;
}
