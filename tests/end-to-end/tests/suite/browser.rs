//! What a page in a real browser sees.

use end_to_end::{Browser, Proxy, TestApp};
use serde_json::{Value, json};

/// Follows the order as any page would, and keeps what it is told in `seen`.
fn follow(path: &str) -> String {
    format!(
        "window.seen = [];
         window.source = new EventSource({});
         for (const name of ['status', 'location', 'eta', 'items', 'delivery']) {{
             source.addEventListener(name, event =>
                 seen.push([name, event.lastEventId, JSON.parse(event.data).data.status ?? null]));
         }}",
        json!(path)
    )
}

/// Waits until the page has been told of exactly these events.
async fn is_told(app: &TestApp, browser: &mut Browser, events: Value) {
    let (count, mut seen) = (events.as_array().map(Vec::len), Value::Null);
    app.eventually(&format!("the page is told {events}"), async || {
        seen = browser.evaluate("window.seen").await;
        (seen.as_array().map(Vec::len) >= count).then_some(())
    })
    .await;
    assert_eq!(seen, events);
}

#[tokio::test]
async fn a_page_follows_an_order_by_event_source() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", Some(&courier.id)).await;
    let ticket = customer.asks_for_a_ticket(order).await.expect(201).json["ticket"].take();
    // The page and the service have one origin, on a way that can be cut. Its policy allows it to ask there.
    let proxy = Proxy::to(app.url("").trim_start_matches("http://")).await.unwrap();
    let mut browser = Browser::start().await;
    browser.visit(&format!("http://127.0.0.1:{}/docs", proxy.port())).await;

    let path = format!("/orders/{order}/tracking-stream?ticket={}", ticket.as_str().unwrap());
    browser.evaluate(&follow(&path)).await;
    is_told(&app, &mut browser, json!([["status", "2", "confirmed"]])).await;

    admin.walks(order, &["preparing", "out_for_delivery"]).await;
    let place = json!({ "latitude": "40.71", "longitude": "-74.00" });
    courier.reports_location(order, &place).await.expect(200);
    let mut events = vec![
        json!(["status", "2", "confirmed"]),
        json!(["status", "3", "preparing"]),
        json!(["status", "4", "out_for_delivery"]),
        json!(["location", "5", null]),
    ];
    is_told(&app, &mut browser, json!(events)).await;

    // What happens while the browser is offline it is told when it comes back by itself.
    proxy.cut();
    admin.walks(order, &["delivered", "return_requested"]).await;
    proxy.mend();
    events.extend([json!(["status", "6", "delivered"]), json!(["status", "7", "return_requested"])]);
    is_told(&app, &mut browser, json!(events)).await;

    admin.walks(order, &["return_approved", "picked_up", "refunded"]).await;
    events.extend([
        json!(["status", "8", "return_approved"]),
        json!(["status", "9", "picked_up"]),
        json!(["status", "10", "refunded"]),
    ]);
    is_told(&app, &mut browser, json!(events)).await;
    app.eventually("the page knows that nothing more comes", async || {
        (browser.evaluate("source.readyState === EventSource.CLOSED").await == true).then_some(())
    })
    .await;
    is_told(&app, &mut browser, json!(events)).await;
}
