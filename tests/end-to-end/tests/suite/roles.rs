//! Who may do what: every route, asked by everyone there is.

use chrono::{Duration, Utc};
use end_to_end::{Answer, Person, TestApp, an_order};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

const ROUTES: &str = include_str!("../../../../src/api/src/routes/mod.rs");

/// Who asks, in the order of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asker {
    Nobody,
    /// Another customer.
    Stranger,
    Owner,
    /// The courier the order is assigned to.
    Courier,
    OtherCourier,
    Admin,
}

const ASKERS: [Asker; 6] =
    [Asker::Nobody, Asker::Stranger, Asker::Owner, Asker::Courier, Asker::OtherCourier, Asker::Admin];

pub struct Row {
    pub method: Method,
    pub path: &'static str,
    /// The order's status beforehand.
    status: &'static str,
    /// What is sent, about the order of this id.
    pub body: fn(i64) -> Value,
    /// The answer's status, by asker.
    answers: [u16; 6],
}

/// A line of the table.
fn row(route: &'static str, status: &'static str, body: fn(i64) -> Value, answers: [u16; 6]) -> Row {
    let (method, path) = route.split_once(' ').expect("a route is a method and a path");
    Row { method: method.parse().expect("a method"), path, status, body, answers }
}

#[rustfmt::skip]
pub fn table() -> Vec<Row> {
    vec![
        //                                                                                   nobody stranger owner courier other admin
        row("GET /health",                             "confirmed",        nothing,          [200,  200,     200,  200,    200,  200]),
        row("GET /health/ready",                       "confirmed",        nothing,          [200,  200,     200,  200,    200,  200]),
        row("GET /health/dependencies",                "confirmed",        nothing,          [200,  200,     200,  200,    200,  200]),
        row("GET /metrics",                            "confirmed",        nothing,          [200,  200,     200,  200,    200,  200]),
        row("GET /openapi.json",                       "confirmed",        nothing,          [200,  200,     200,  200,    200,  200]),
        row("GET /docs",                               "confirmed",        nothing,          [200,  200,     200,  200,    200,  200]),
        row("POST /orders",                            "confirmed",        delivery,         [401,  201,     201,  201,    201,  201]),
        row("GET /orders",                             "confirmed",        nothing,          [401,  403,     403,  200,    200,  200]),
        row("GET /orders/my-orders",                   "confirmed",        nothing,          [401,  200,     200,  200,    200,  200]),
        row("POST /orders/scheduled",                  "confirmed",        delivery_later,   [401,  201,     201,  201,    201,  201]),
        row("PUT /orders/bulk-status-update",          "preparing",        bulk_step,        [401,  403,     403,  403,    403,  200]),
        row("POST /orders/bulk-assign-delivery",       "preparing",        bulk_assignment,  [401,  403,     403,  403,    403,  200]),
        row("GET /orders/:order_id",                   "confirmed",        nothing,          [401,  404,     200,  200,    404,  200]),
        row("PUT /orders/:order_id/status",            "preparing",        step,             [401,  403,     403,  200,    404,  200]),
        row("PUT /orders/:order_id/assign-delivery",   "preparing",        assignment,       [401,  403,     403,  403,    403,  200]),
        row("PUT /orders/:order_id/items",             "confirmed",        items,            [401,  404,     200,  403,    404,  200]),
        row("POST /orders/:order_id/cancel",           "confirmed",        nothing,          [401,  404,     200,  403,    404,  200]),
        row("POST /orders/:order_id/request-return",   "delivered",        nothing,          [401,  404,     200,  403,    404,  403]),
        row("POST /orders/:order_id/feedback",         "delivered",        rating,           [401,  404,     201,  403,    404,  403]),
        row("GET /orders/:order_id/feedback",          "delivered",        nothing,          [401,  404,     200,  200,    404,  200]),
        row("GET /orders/:order_id/history",           "confirmed",        nothing,          [401,  404,     200,  200,    404,  200]),
        row("GET /orders/:order_id/delivery-location", "out_for_delivery", nothing,          [401,  404,     200,  200,    404,  200]),
        row("PUT /orders/:order_id/delivery-location", "out_for_delivery", place,            [401,  404,     403,  200,    404,  200]),
        row("GET /orders/:order_id/tracking-stream",   "cancelled",        nothing,          [401,  404,     200,  200,    404,  200]),
        row("POST /orders/:order_id/tracking-ticket",  "confirmed",        nothing,          [401,  404,     201,  201,    404,  201]),
        row("GET /orders/export",                      "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("POST /templates",                         "confirmed",        template,         [401,  201,     201,  201,    201,  201]),
        row("GET /templates",                          "confirmed",        nothing,          [401,  200,     200,  200,    200,  200]),
        row("GET /templates/:template_id",             "confirmed",        nothing,          [401,  404,     200,  404,    404,  200]),
        row("DELETE /templates/:template_id",          "confirmed",        nothing,          [401,  404,     204,  404,    404,  204]),
        row("POST /templates/:template_id/order",      "confirmed",        delivery,         [401,  404,     201,  404,    404,  403]),
        row("GET /analytics/revenue",                  "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("GET /analytics/delivery-performance",     "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("GET /analytics/top-customers",            "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("GET /analytics/cancellation-rate",        "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("GET /admin/tasks",                        "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("POST /admin/tasks/:task_id/retry",        "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("GET /admin/reconciliation",               "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("GET /admin/users/:user_id/data",          "confirmed",        nothing,          [401,  403,     403,  403,    403,  200]),
        row("DELETE /admin/users/:user_id/data",       "delivered",        nothing,          [401,  403,     403,  403,    403,  204]),
    ]
}

fn nothing(_: i64) -> Value {
    json!({})
}

fn delivery(_: i64) -> Value {
    an_order()
}

fn delivery_later(_: i64) -> Value {
    let mut order = an_order();
    order["scheduled_for"] = json!((Utc::now() + Duration::hours(2)).to_rfc3339());
    order
}

fn bulk_step(order_id: i64) -> Value {
    json!({ "order_ids": [order_id], "status": "out_for_delivery" })
}

fn bulk_assignment(order_id: i64) -> Value {
    json!({ "order_ids": [order_id], "delivery_partner_id": "456" })
}

fn step(_: i64) -> Value {
    json!({ "status": "out_for_delivery" })
}

fn assignment(_: i64) -> Value {
    json!({ "delivery_partner_id": "456" })
}

fn items(_: i64) -> Value {
    json!({ "items": [{ "product_id": 5, "quantity": 1 }] })
}

fn rating(_: i64) -> Value {
    json!({ "rating": 5 })
}

fn place(_: i64) -> Value {
    json!({ "latitude": "40.7", "longitude": "-74" })
}

fn template(_: i64) -> Value {
    json!({ "name": "Weekly Grocery Pack", "items": [{ "product_id": 5, "quantity": 2 }] })
}

/// The lines of the service's route table: methods and paths.
pub fn routes() -> Vec<(Method, &'static str)> {
    let route = |line: &'static str| {
        let (method, rest) = line.trim().split_once(" \"")?;
        let (path, _) = rest.split_once("\" => ")?;
        Some((method.parse().ok()?, path))
    };
    ROUTES.lines().filter_map(route).collect()
}

#[test]
fn every_route_stands_in_the_table() {
    let sorted = |mut routes: Vec<String>| {
        routes.sort_unstable();
        routes
    };
    let served = routes().iter().map(|(method, path)| format!("{method} {path}")).collect();
    let stated = table().iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(sorted(stated), sorted(served));
}

#[tokio::test]
async fn each_is_answered_as_the_table_says() {
    let app = TestApp::shared().await;
    for row in table() {
        join_all(ASKERS.map(|asker| ask(&app, &row, asker))).await;
    }
}

/// Asks for a fresh order's sake, and looks whether a refusal left it alone.
pub async fn ask(app: &TestApp, row: &Row, asker: Asker) {
    let (owner, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&owner.id, row.status, Some(&courier.id)).await;
    if row.method == Method::GET {
        prepare(row.path, id, &owner, &courier).await;
    }
    let before = state(app, id).await;
    let path = concrete(app, row.path, id, &owner).await;
    let request = match asker {
        Asker::Nobody => app.request(row.method.clone(), &path),
        Asker::Stranger => app.customer().request(row.method.clone(), &path),
        Asker::Owner => owner.request(row.method.clone(), &path),
        Asker::Courier => courier.request(row.method.clone(), &path),
        Asker::OtherCourier => app.courier().request(row.method.clone(), &path),
        Asker::Admin => admin.request(row.method.clone(), &path),
    };

    let answer = Answer::to(request.json(&(row.body)(id))).await;

    let expected = row.answers[asker as usize];
    assert_eq!(answer.status, expected, "{} {} by {asker:?}: {}", row.method, row.path, answer.text);
    if expected == 204 {
        answer.expect_nothing();
        return;
    }
    if expected < 300 {
        // The stream and the figures have forms of their own.
        if !answer.header("content-type").starts_with("text/") {
            answer.expect(expected);
        }
        return;
    }
    let problem = answer.expect_problem(expected);
    if expected == 401 {
        assert!(problem.header("www-authenticate").starts_with("Bearer"));
    }
    let told = problem.text.replace(&path, "");
    assert!(!told.contains(&owner.id), "nothing is told of the order: {}", problem.text);
    assert_eq!(state(app, id).await, before, "{} {} by {asker:?}", row.method, row.path);
}

/// The path for this order, a task of it or a template of the owner's, with the query it can't do without.
pub async fn concrete(app: &TestApp, path: &str, id: i64, owner: &Person<'_>) -> String {
    if path.contains(":user_id") {
        return path.replace(":user_id", &owner.id);
    }
    if path.contains(":task_id") {
        let task = app.database.add_task(id, json!({ "status": "dead" })).await;
        return path.replace(":task_id", &task.to_string());
    }
    if path.contains(":template_id") {
        let kept = owner.post("/templates", &template(id)).await.expect(201);
        return path.replace(":template_id", &kept.id().to_string());
    }
    let query = if path == "/analytics/revenue" { "?start_date=2020-01-01&end_date=2020-01-31" } else { "" };
    path.replace(":order_id", &id.to_string()) + query
}

/// Makes sure that there is something to read.
async fn prepare(path: &str, id: i64, owner: &Person<'_>, courier: &Person<'_>) {
    match path {
        "/orders/:order_id/feedback" => drop(owner.rates(id, &rating(id)).await.expect(201)),
        "/orders/:order_id/delivery-location" => {
            drop(courier.reports_location(id, &place(id)).await.expect(200));
        }
        _ => {}
    }
}

/// Everything that is stored about an order.
async fn state(app: &TestApp, id: i64) -> (Value, Vec<Value>, Vec<Value>) {
    let (order, history) = (app.database.order(id).await, app.database.history(id).await);
    (order, history, app.database.feedback(id).await)
}
