//! The notification service: no order waits for it, and it is told sooner or later.

use end_to_end::{Setup, TestApp};
use futures::future::join_all;
use serde_json::Value;

use super::{ODD, TROUBLES, places_in_time};

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
    let unread = ["garbage", "wrong_types", "status:204", "text:"];
    join_all(ODD.into_iter().chain(unread).map(content)).await;
}

/// A refusal may be of this message or of whoever sends it (a wrong key, a path that moved), and only people
/// can tell which. So it is tried again like any failure; the service counts as alive.
#[tokio::test]
async fn a_message_that_keeps_being_refused_is_given_up_until_an_admin_sends_it_again() {
    let setup = Setup::default().variable("task_max_attempts", "2").variable("circuit_failures", "1");
    let app = TestApp::own(setup).await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers("notification", "status:422").await;

    let order = customer.places_an_order().await.expect(201);

    let given_up = format!("/admin/tasks?status=dead&order_id={}", order.id());
    let dead = app
        .eventually("both messages are given up", async || {
            let dead = admin.get(&given_up).await.expect(200);
            (dead.ids().len() == 2).then_some(dead)
        })
        .await;
    for task in dead.json.as_array().unwrap() {
        assert_eq!(task["attempts"], 2, "{task}");
        assert!(task["last_error"].as_str().unwrap().contains("422"), "{task}");
    }
    let other = app.customer();
    app.all_done(other.places_an_order().await.expect(201).id()).await;

    customer.is_fine_again().await;
    for id in dead.ids() {
        admin.post(&format!("/admin/tasks/{id}/retry"), &Value::Null).await.expect(200);
    }
    app.all_done(order.id()).await;
    for kind in ["order-confirmation", "order-status"] {
        assert_eq!(app.dependencies.notifications(&customer.id, kind).await.len(), 1, "{kind}");
    }
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
