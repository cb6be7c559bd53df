//! The stand-ins of the dependent services as the tests see them: what they hold, what went wrong,
//! what they were asked.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Client, Method};

use serde_json::{Value, json};

use crate::client::client;

pub struct Dependencies {
    url: String,
    client: Client,
}

impl Dependencies {
    pub fn at(url: &str) -> Dependencies {
        Dependencies { url: url.to_owned(), client: client() }
    }

    async fn control(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the stand-ins answer");
        assert!(answer.status().is_success(), "{path}: {:?}", answer.text().await);
        answer.json().await.expect("the stand-ins answer in JSON")
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        match self.control(Method::GET, path, None).await {
            Value::Array(list) => list,
            other => panic!("{path} is no list: {other}"),
        }
    }

    /// A product of the calling test's own, otherwise a plain one.
    pub async fn product(&self, fields: Value) -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(1_000);

        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.change_product(id, fields).await;
        id
    }

    pub async fn change_product(&self, id: u32, fields: Value) {
        self.control(Method::PUT, &format!("/_products/{id}"), Some(&fields)).await;
    }

    pub async fn remove_product(&self, id: u32) {
        self.control(Method::DELETE, &format!("/_products/{id}"), None).await;
    }

    /// Fills a cart with these products and quantities.
    pub async fn fill_cart(&self, user_id: &str, lines: &[(u32, i64)]) {
        let item =
            |(product_id, quantity): &(u32, i64)| json!({ "product_id": product_id, "quantity": quantity });
        let items: Vec<Value> = lines.iter().map(item).collect();
        self.set_cart(user_id, json!(items)).await;
    }

    pub async fn set_cart(&self, user_id: &str, items: Value) {
        self.control(Method::PUT, &format!("/_carts/{user_id}"), Some(&json!({ "items": items }))).await;
    }

    /// The cart is gone: the cart service answers 404.
    pub async fn remove_cart(&self, user_id: &str) {
        self.control(Method::DELETE, &format!("/_carts/{user_id}"), None).await;
    }

    /// What the cart service says is in the cart.
    pub async fn cart(&self, user_id: &str) -> Vec<Value> {
        let cart = self.control(Method::GET, &format!("/_carts/{user_id}"), None).await;
        cart["items"].as_array().cloned().unwrap_or_default()
    }

    /// Something goes wrong as `fault` says; see `tests/upstreams/src/faults.rs`.
    pub async fn fail(&self, fault: Value) {
        self.control(Method::POST, "/_faults", Some(&fault)).await;
    }

    /// Everything goes right again for this user.
    pub async fn recover(&self, user_id: &str) {
        self.control(Method::DELETE, &format!("/_faults?user_id={user_id}"), None).await;
    }

    /// Everything goes right again.
    pub async fn recover_all(&self) {
        self.control(Method::DELETE, "/_faults", None).await;
    }

    /// What the payment service holds about an order: charges, refunds, duplicates.
    pub async fn books(&self, order_id: i64) -> Value {
        self.control(Method::GET, &format!("/_payments?order_id={order_id}"), None).await
    }

    /// The notifications accepted about a user, by the last segment of their path.
    pub async fn notifications(&self, user_id: &str, kind: &str) -> Vec<Value> {
        let mut list = self.list(&format!("/_notifications?user_id={user_id}")).await;
        list.retain(|one| one["path"] == format!("/notifications/{kind}"));
        list
    }

    /// Every notification accepted.
    pub async fn all_notifications(&self) -> Vec<Value> {
        self.list("/_notifications").await
    }

    /// The calls about a user whose path begins so.
    pub async fn calls(&self, user_id: &str, path: &str) -> Vec<Value> {
        let mut list = self.list(&format!("/_calls?user_id={user_id}")).await;
        list.retain(|call| call["path"].as_str().is_some_and(|p| p.starts_with(path)));
        list
    }

    /// The calls about a product.
    pub async fn product_calls(&self, id: u32) -> Vec<Value> {
        self.list(&format!("/_calls?path=/api/products/{id}")).await
    }
}
