//! A person who uses the service.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::app::TestApp;
use crate::tokens::{Token, claims};

/// An order's body as the specification's example has it.
pub fn an_order() -> Value {
    json!({
        "delivery_address": "123 Main St, City, State 12345",
        "delivery_latitude": "40.7128",
        "delivery_longitude": "-74.0060",
    })
}

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

    /// Orders what is in the cart.
    pub async fn places_an_order(&self) -> Answer {
        self.places(&an_order()).await
    }

    pub async fn places(&self, order: &Value) -> Answer {
        Answer::to(self.request(Method::POST, "/orders").json(order)).await
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
