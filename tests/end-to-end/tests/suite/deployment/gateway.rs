//! The service behind the gateway that `deploy/gateway` describes.

use std::io::{Read, Write};
use std::net::TcpStream;

use end_to_end::{Answer, EventStream, Gateway, Recorder, TestApp, an_order};
use reqwest::Method;
use serde_json::json;

async fn before(app: &TestApp) -> Gateway {
    Gateway::before(app.url("").trim_start_matches("http://")).await
}

/// What arrives at the service when the gateway gets this request, whose answer is empty.
async fn passed_on(headers: &[(&str, &str)]) -> Vec<String> {
    let service = Recorder::listen();
    let gateway = Gateway::before(&service.address()).await;
    let mut request = gateway.request(Method::POST, "/orders/?a=b%2Fc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, answer) = tokio::join!(service.head(), request.send());
    assert_eq!(answer.unwrap().status(), 204);
    head
}

fn values<'a>(head: &'a [String], name: &str) -> Vec<&'a str> {
    head.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

#[tokio::test]
async fn an_order_is_placed_through_tls() {
    let app = TestApp::shared().await;
    let (gateway, customer) = (before(&app).await, app.customer());
    customer.has_in_cart(&[(5, 2)]).await;

    let request = gateway.request(Method::POST, "/orders").bearer_auth(&customer.token);
    let order =
        Answer::to(request.header("x-request-id", "from-outside").json(&an_order())).await.expect(201);

    assert_eq!(order.json["status"], "confirmed");
    assert_eq!(order.header("x-request-id"), "from-outside");
    assert_eq!(order.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(app.database.events(order.id()).await[0]["request_id"], "from-outside");
}

#[tokio::test]
async fn live_events_pass_at_once() {
    let app = TestApp::shared().await;
    let (gateway, customer, admin) = (before(&app).await, app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let path = format!("/orders/{order}/tracking-stream");

    let request = gateway.request(Method::GET, &path).bearer_auth(&customer.token);
    let mut stream = EventStream::open(request).await.unwrap();
    // Each arrives while the stream goes on and nothing else is written to it.
    for (status, version) in [("confirmed", 2), ("preparing", 3), ("out_for_delivery", 4)] {
        if version > 2 {
            admin.sets_status(order, status).await.expect(200);
        }
        let (name, id, event) = stream.next().await.unwrap();
        assert_eq!((name.as_str(), id, &event["data"]["status"]), ("status", version, &json!(status)));
    }
    drop(stream);
    let request =
        gateway.request(Method::GET, &path).bearer_auth(&customer.token).header("last-event-id", "3");
    assert_eq!(EventStream::open(request).await.unwrap().next().await.unwrap().1, 4);
}

#[tokio::test]
async fn the_service_is_told_who_calls_and_not_what_they_claim() {
    let head = passed_on(&[
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-proto", "http"),
    ])
    .await;

    assert_eq!(values(&head, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&head, "x-forwarded-proto"), ["https"]);
    assert!(values(&head, "forwarded").is_empty());
    assert_eq!(values(&head, "host"), ["localhost"]);
    assert_eq!(head[0], "post /orders/?a=b%2fc http/1.1");
}

#[tokio::test]
async fn what_the_service_reads_passes_as_it_came() {
    let sent = [
        ("authorization", "bearer abc"),
        ("idempotency-key", "\"a key\""),
        ("if-match", "\"3\""),
        ("last-event-id", "7"),
        ("origin", "https://shop.example.com"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("x-request-id", "my-own.id_1"),
    ];
    let head = passed_on(&sent).await;
    for (name, value) in sent {
        assert_eq!(values(&head, name), [value], "{name}");
    }
}

#[tokio::test]
async fn a_request_without_a_usable_id_gets_one() {
    for headers in [&[][..], &[("x-request-id", "with a blank")]] {
        let head = passed_on(headers).await;
        let [id] = values(&head, "x-request-id")[..] else { panic!("{head:?}") };
        assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_before_the_service() {
    let app = TestApp::shared().await;
    let (gateway, customer) = (before(&app).await, app.customer());
    let body = json!({ "delivery_address": "x".repeat(70_000) });

    let request = gateway.request(Method::POST, "/orders").bearer_auth(&customer.token).json(&body);
    let answer = Answer::to(request).await.expect_problem(413);

    assert_eq!(answer.json["instance"], "/orders");
}

#[tokio::test]
async fn what_is_for_inside_is_not_there_from_outside() {
    let app = TestApp::shared().await;
    let (gateway, admin) = (before(&app).await, app.admin());
    for path in ["/", "/metrics", "/health", "/health/ready", "/admin/users/x/data", "/ordersx", "/Orders"] {
        let request = gateway.request(Method::GET, path).bearer_auth(&admin.token);
        let answer = Answer::to(request).await.expect_problem(404);
        assert_eq!(
            (answer.detail(), &answer.json["instance"]),
            ("there is nothing at this path", &json!(path))
        );
    }
    Answer::to(gateway.request(Method::GET, "/orders?limit=1").bearer_auth(&admin.token)).await.expect(200);
}

/// What only decoding makes a public path is another path for the service.
#[tokio::test]
async fn a_path_cant_be_disguised() {
    let service = Recorder::listen();
    let gateway = Gateway::before(&service.address()).await;
    for path in
        ["/admin/..%2forders", "/admin%2f..%2forders", "/%6frders", "//orders", "/metrics%2f..%2forders"]
    {
        let answer = Answer::to(gateway.request(Method::GET, path)).await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_service_that_is_down_is_a_503() {
    let gateway = Gateway::before("127.0.0.1:1").await;

    let answer = Answer::to(gateway.request(Method::GET, "/orders?limit=%22")).await.expect_problem(503);

    assert_eq!((answer.header("retry-after"), &answer.json["instance"]), ("5", &json!("/orders")));
}

#[tokio::test]
async fn a_ticket_is_never_logged() {
    let app = TestApp::shared().await;
    let (gateway, customer) = (before(&app).await, app.customer());
    let order = app.database.add_order(&customer.id, "refunded", None).await;
    let ticket = customer.asks_for_a_ticket(order).await.expect(201).json["ticket"].take();
    let path = format!("/orders/{order}/tracking-stream?ticket={}", ticket.as_str().unwrap());

    EventStream::open(gateway.request(Method::GET, &path)).await.unwrap().rest().await;

    let line = app
        .eventually("the gateway logs the request", async || {
            gateway.log().lines().find(|line| line.contains("tracking-stream")).map(str::to_owned)
        })
        .await;
    assert!(!line.contains(ticket.as_str().unwrap()), "{line}");
    assert!(
        serde_json::from_str::<serde_json::Value>(&line).is_ok_and(|line| line["status"] == 200),
        "{line}"
    );
}

#[tokio::test]
async fn without_tls_nobody_is_answered() {
    let gateway = Gateway::before("127.0.0.1:1").await;
    let mut connection = TcpStream::connect(("127.0.0.1", gateway.port())).unwrap();
    connection.write_all(b"GET /orders HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}
