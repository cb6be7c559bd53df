//! Input that no route understands, at every route that takes some.

use std::convert::Infallible;

use end_to_end::{Answer, TestApp, an_order};
use futures::{StreamExt as _, stream};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::roles::{concrete, table};

const MAX_BODY: usize = 64 * 1024;

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused_everywhere() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&admin.id, "confirmed", None).await;
    let nested = "[".repeat(10_000);
    let bodies: [&[u8]; 9] = [
        b"{",
        b"[]",
        b"null",
        b"\"text\"",
        b"status=delivered",
        b"{} {}",
        b"{\"status\":\"\xff\"}",
        b"{\"rating\":1e999}",
        nested.as_bytes(),
    ];
    for row in table().into_iter().filter(|row| (row.body)(id) != json!({})) {
        let path = concrete(&app, row.path, id, &admin).await;
        for body in bodies {
            let request = admin.request(row.method.clone(), &path).body(body.to_vec());
            let answer = Answer::to(request).await;
            let said = format!(
                "{} {path} with {:?}",
                row.method,
                String::from_utf8_lossy(&body[..body.len().min(20)])
            );
            assert_eq!(answer.status, 422, "{said}: {}", answer.text);
            assert!(answer.expect_problem(422).json["errors"].is_array(), "{said}");
        }
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let compressed = |coding| customer.request(Method::POST, "/orders").header("content-encoding", coding);

    let refused = Answer::to(compressed("gzip").json(&an_order())).await.expect_problem(415);

    assert_eq!(refused.header("accept-encoding"), "identity");
    Answer::to(compressed("identity").json(&an_order())).await.expect(201);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_everywhere() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    let id = app.database.add_order(&admin.id, "confirmed", None).await;
    for row in table().into_iter().filter(|row| row.method != Method::GET) {
        let path = concrete(&app, row.path, id, &admin).await;
        let request = admin.request(row.method.clone(), &path).body(" ".repeat(MAX_BODY + 1));
        Answer::to(request).await.expect_problem(413);
    }
    assert_eq!(app.database.order(id).await["status"], "confirmed");
}

#[tokio::test]
async fn a_body_that_does_not_go_on_is_not_waited_for() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let endless = stream::once(async { Ok::<_, Infallible>("{") }).chain(stream::pending());

    let request = customer.request(Method::POST, "/orders").body(Body::wrap_stream(endless));

    Answer::to(request).await.expect_problem(408);
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_body_of_the_very_limit_is_read() {
    let app = TestApp::shared().await;
    let (admin, customer) = (app.admin(), app.customer());
    let id = app.database.add_order(&customer.id, "confirmed", None).await;
    let mut body = json!({ "status": "preparing" }).to_string();
    body.push_str(&" ".repeat(MAX_BODY - body.len()));

    let request = admin.request(Method::PUT, &format!("/orders/{id}/status")).body(body);

    Answer::to(request).await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_an_id_is_found_nowhere() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for row in table().into_iter().filter(|row| row.path.contains(':')) {
        for id in ["0", "-1", "abc", "01", "1.0", "1e3", "2147483648", "9999999999999999999999", "%00", "%ff"]
        {
            let path = row.path.replace(":order_id", id).replace(":template_id", id).replace(":id", id);
            let request = admin.request(row.method.clone(), &path).json(&(row.body)(1));
            let answer = Answer::to(request).await;
            assert_eq!(answer.status, 404, "{} {path}: {}", row.method, answer.text);
            answer.expect_problem(404);
        }
    }
}

#[tokio::test]
async fn a_token_of_strange_characters_is_none() {
    let app = TestApp::shared().await;
    // (Bytes that are no UTF-8 the host refuses by itself.)
    for (name, value) in [("authorization", "Bearer ü"), ("authorization", ""), ("token", "✗"), ("token", "")]
    {
        let request = app.request(Method::GET, "/orders/my-orders").header(name, value.as_bytes());
        Answer::to(request).await.expect_problem(401);
    }
}

#[tokio::test]
async fn a_query_that_is_no_text_is_refused() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for name in ["user_id", "delivery_partner_id", "status", "created_from", "limit", "cursor"] {
        let answer = admin.get(&format!("/orders?{name}=%ff%fe")).await.expect_problem(422);
        assert_eq!(answer.json["errors"][0]["pointer"], name, "{}", answer.text);
    }
}
