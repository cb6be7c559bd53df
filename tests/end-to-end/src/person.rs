//! A person who uses the service.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::app::TestApp;
use crate::event_stream::EventStream;
use crate::examples::an_order;
use crate::tokens::{Token, claims};

pub struct Person<'a> {
    app: &'a TestApp,
    pub id: String,
    pub token: String,
}

impl<'a> Person<'a> {
    pub fn new(app: &'a TestApp, id: &str, role: &str) -> Person<'a> {
        Person::with_claims(app, id, claims(id, role))
    }

    pub fn with_claims(app: &'a TestApp, id: &str, claims: Value) -> Person<'a> {
        Person { app, id: id.to_owned(), token: Token::signed(claims) }
    }

    pub fn email(&self) -> String {
        format!("{}@example.com", self.id)
    }

    /// A request with this person's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }

    /// Orders what is in the cart.
    pub async fn places_an_order(&self) -> Answer {
        self.places(&an_order()).await
    }

    pub async fn places(&self, order: &Value) -> Answer {
        self.post("/orders", order).await
    }

    /// Sends these bytes as an order.
    pub async fn places_raw(&self, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, "/orders").header("content-type", "application/json");
        Answer::to(request.body(body)).await
    }

    pub async fn reads_order(&self, order_id: i64) -> Answer {
        self.get(&format!("/orders/{order_id}")).await
    }

    /// The person's own orders; `query` is empty or begins with `?`.
    pub async fn lists_orders(&self, query: &str) -> Answer {
        self.get(&format!("/orders/my-orders{query}")).await
    }

    pub async fn sets_status(&self, order_id: i64, status: &str) -> Answer {
        self.put(&format!("/orders/{order_id}/status"), &json!({ "status": status })).await
    }

    /// Takes an order through these states, one after another.
    pub async fn walks(&self, order_id: i64, statuses: &[&str]) {
        for status in statuses {
            self.sets_status(order_id, status).await.expect(200);
        }
    }

    /// `courier_id` is a string or a number.
    pub async fn assigns(&self, order_id: i64, courier_id: impl Into<Value>) -> Answer {
        let body = json!({ "delivery_partner_id": courier_id.into() });
        self.put(&format!("/orders/{order_id}/assign-delivery"), &body).await
    }

    pub async fn cancels(&self, order_id: i64) -> Answer {
        Answer::to(self.request(Method::POST, &format!("/orders/{order_id}/cancel"))).await
    }

    pub async fn requests_return(&self, order_id: i64) -> Answer {
        Answer::to(self.request(Method::POST, &format!("/orders/{order_id}/request-return"))).await
    }

    pub async fn requests_return_because(&self, order_id: i64, reason: impl Into<Value>) -> Answer {
        let body = json!({ "reason": reason.into() });
        self.post(&format!("/orders/{order_id}/request-return"), &body).await
    }

    pub async fn rates(&self, order_id: i64, feedback: &Value) -> Answer {
        self.post(&format!("/orders/{order_id}/feedback"), feedback).await
    }

    pub async fn reads_feedback(&self, order_id: i64) -> Answer {
        self.get(&format!("/orders/{order_id}/feedback")).await
    }

    pub async fn reads_history(&self, order_id: i64) -> Answer {
        self.get(&format!("/orders/{order_id}/history")).await
    }

    pub async fn reports_location(&self, order_id: i64, place: &Value) -> Answer {
        self.put(&format!("/orders/{order_id}/delivery-location"), place).await
    }

    pub async fn locates(&self, order_id: i64) -> Answer {
        self.get(&format!("/orders/{order_id}/delivery-location")).await
    }

    /// Opens the tracking stream.
    pub async fn follows(&self, order_id: i64) -> EventStream {
        let request = self.request(Method::GET, &format!("/orders/{order_id}/tracking-stream"));
        EventStream::open(request).await.expect("the stream is opened")
    }

    /// Opens the tracking stream again, having seen this event last.
    pub async fn follows_after(&self, order_id: i64, last_event_id: impl ToString) -> EventStream {
        let request = self.request(Method::GET, &format!("/orders/{order_id}/tracking-stream"));
        let request = request.header("last-event-id", last_event_id.to_string());
        EventStream::open(request).await.expect("the stream is opened")
    }

    /// A ticket for the tracking stream.
    pub async fn asks_for_a_ticket(&self, order_id: i64) -> Answer {
        Answer::to(self.request(Method::POST, &format!("/orders/{order_id}/tracking-ticket"))).await
    }

    /// The orders of everyone; `query` is empty or begins with `?`.
    pub async fn lists_all_orders(&self, query: &str) -> Answer {
        self.get(&format!("/orders{query}")).await
    }

    /// Fills this person's cart with products and quantities.
    pub async fn has_in_cart(&self, lines: &[(u32, i64)]) {
        self.app.dependencies.fill_cart(&self.id, lines).await;
    }

    /// A fault that strikes this person alone.
    pub async fn suffers(&self, service: &str, mode: &str) {
        let fault = json!({ "service": service, "user_id": self.id, "mode": mode });
        self.app.dependencies.fail(fault).await;
    }

    /// A fault that strikes this person alone, and only the next call.
    pub async fn suffers_once(&self, service: &str, mode: &str) {
        let fault = json!({ "service": service, "user_id": self.id, "mode": mode, "times": 1 });
        self.app.dependencies.fail(fault).await;
    }

    pub async fn is_fine_again(&self) {
        self.app.dependencies.recover(&self.id).await;
    }

    /// Waits until the order has this status.
    pub async fn sees_order_become(&self, order_id: i64, status: &str) -> Answer {
        let what = format!("order {order_id} becomes {status}");
        self.app
            .eventually(&what, async || {
                let answer = self.reads_order(order_id).await;
                (answer.json["status"] == status).then_some(answer)
            })
            .await
    }
}
