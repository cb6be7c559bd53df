//! The log, as an engineer on call reads it.

use end_to_end::{Answer, Person, Setup, TestApp, an_order};
use reqwest::Method;
use serde_json::{Value, json};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACESTATE: &str = "shop=basket-7,rojo=00f067aa0ba902b7";

/// The lines that tell of a request.
fn lines(app: &TestApp, request_id: &str) -> Vec<Value> {
    let log = app.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["request_id"] == request_id).collect()
}

async fn place(customer: &Person<'_>, request_id: &str, order: &Value) -> Answer {
    customer.has_in_cart(&[(5, 1)]).await;
    let request = customer.request(Method::POST, "/orders").header("x-request-id", request_id);
    let request = request.header("traceparent", TRACEPARENT).header("tracestate", TRACESTATE);
    Answer::to(request.json(order)).await
}

#[tokio::test]
async fn every_request_has_a_line_that_says_who_what_and_how_long() {
    let app = TestApp::own(Setup::default()).await;
    let customer = app.customer();
    let order = place(&customer, "click-1", &an_order()).await.expect(201);
    let path = format!("/orders/{}", order.id());
    Answer::to(customer.request(Method::GET, &path).header("x-request-id", "look-1")).await.expect(200);

    let line =
        app.eventually("the request is logged", async || lines(&app, "look-1").into_iter().next()).await;

    for (field, expected) in [
        ("level", json!("info")),
        ("component", json!("api")),
        ("method", json!("GET")),
        ("route", json!("/orders/:order_id")),
        ("path", json!(path)),
        ("status", json!(200)),
        ("role", json!("user")),
        ("order_id", json!(order.id())),
    ] {
        assert_eq!(line[field], expected, "{field} in {line}");
    }
    assert!(line["duration_ms"].as_f64().is_some_and(|millis| millis > 0.0), "{line}");
    assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    assert_eq!(lines(&app, "click-1")[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn a_tasks_lines_and_calls_name_the_request_that_caused_it() {
    let app = TestApp::own(Setup::default()).await;
    let customer = app.customer();
    customer.suffers_once("notification", "status:500").await;

    let order = place(&customer, "click-2", &an_order()).await.expect(201);

    let of_tasks = || lines(&app, "click-2").into_iter().find(|line| line["component"] == "tasks");
    let line = app.eventually("the failed task is logged", async || of_tasks()).await;
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "{line}");
    app.all_done(order.id()).await;
    let calls = app.dependencies.calls(&customer.id, "/notifications").await;
    assert!(!calls.is_empty());
    for call in calls {
        assert_eq!(call["request_id"], "click-2", "{call}");
        assert_eq!(call["traceparent"], TRACEPARENT, "{call}");
        assert_eq!(call["tracestate"], TRACESTATE, "{call}");
    }
}

#[tokio::test]
async fn the_log_holds_no_token_address_or_email() {
    let app = TestApp::own(Setup::default().variable("log_level", "debug")).await;
    let customer = app.customer();
    let mut order = an_order();
    order["delivery_address"] = json!("77 Secret Garden Lane");
    customer.suffers_once("payment", "status:500").await;
    customer.suffers_once("notification", "garbage").await;

    let placed = place(&customer, "click-3", &order).await.expect(202);
    app.all_done(placed.id()).await;
    order["delivery_latitude"] = json!("91.123456");
    place(&customer, "click-4", &order).await.expect_problem(422);
    let ticket = customer.asks_for_a_ticket(placed.id()).await.expect(201).json["ticket"].clone();
    let ticket = ticket.as_str().unwrap();
    app.get(&format!("/orders/{}/history?ticket={ticket}", placed.id())).await.expect_problem(401);

    let log = app.log();
    assert!(log.contains("click-4"), "{log}");
    for secret in ["Secret Garden", "91.123456", ticket, &customer.email(), "eyJ", "Bearer"] {
        assert!(!log.contains(secret), "{secret} in\n{log}");
    }
}

#[tokio::test]
async fn people_can_have_lines_for_people() {
    let app = TestApp::own(Setup::default().variable("log_format", "text")).await;

    app.get("/nowhere").await.expect_problem(404);

    app.eventually("the request is logged", async || {
        app.log()
            .lines()
            .any(|line| line.contains(" INFO answered ") && line.contains("status=404"))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn whose_data_an_admin_asks_for_is_not_in_the_log() {
    let app = TestApp::own(Setup::default()).await;
    let admin = app.admin();

    admin.get("/admin/users/ottilie@example.com/data").await.expect_problem(404);
    admin.delete("/admin/users/ottilie@example.com/data").await.expect_problem(404);

    let route = "/admin/users/:user_id/data";
    app.eventually("both are logged", async || (app.log().matches(route).count() == 2).then_some(())).await;
    assert!(!app.log().contains("ottilie"), "{}", app.log());
}
