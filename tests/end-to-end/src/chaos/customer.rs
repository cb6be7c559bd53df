//! A customer: orders, double-clicks, changes their mind, sends things back.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use fastrand::Rng;
use futures::future::join;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::caller::{Caller, Reply, Request};
use super::journal::Journal;
use super::stage::{SCHEDULE_LEAD, Stage};

/// Products in the stand-in's catalogue that every customer can afford.
const PRODUCTS: std::ops::RangeInclusive<u32> = 1..=20;

/// How a customer sends an order.
#[derive(Clone, Copy)]
enum Sending {
    /// With an idempotency key, as often as it takes.
    Insisting,
    /// Twice at once, with one key.
    DoubleClick,
    /// Twice at once, by a client that knows nothing of keys.
    DoubleClickWithoutKey,
}

/// An order that is asked for.
struct Wish {
    what: &'static str,
    path: String,
    body: Value,
    /// Without one it is asked for by a client that knows nothing of keys.
    key: Option<String>,
}

pub struct Customer<'a> {
    stage: &'a Stage,
    journal: &'a Journal,
    caller: Caller<'a>,
    rng: Rng,
    id: String,
    /// How often this customer wanted an order.
    intents: u32,
    /// Those that nobody answered for good.
    unanswered: Vec<Wish>,
    orders: Vec<i64>,
    templates: Vec<i64>,
}

impl<'a> Customer<'a> {
    pub fn new(stage: &'a Stage, journal: &'a Journal, number: usize, rng: Rng) -> Customer<'a> {
        let id = format!("customer-{number}");
        let caller = Caller::new(stage, journal, &id, "user");
        Customer {
            stage,
            journal,
            caller,
            rng,
            id,
            intents: 0,
            unanswered: Vec::new(),
            orders: Vec::new(),
            templates: Vec::new(),
        }
    }

    pub async fn live(mut self, until: Instant) {
        while Instant::now() < until {
            match self.rng.u32(..100) {
                0..20 => self.orders_the_cart("/orders", json!({})).await,
                20..40 => {
                    let time = Utc::now() + SCHEDULE_LEAD + TimeDelta::seconds(self.rng.i64(0..5));
                    self.orders_the_cart("/orders/scheduled", json!({ "scheduled_for": time })).await;
                }
                40..45 => self.keeps_a_template().await,
                45..57 => self.orders_from_a_template().await,
                57..75 => self.changes_the_items().await,
                75..84 => self.cancels().await,
                84..92 => self.sends_back().await,
                92..96 => self.remembers_a_wish().await,
                _ => self.looks_at_the_orders().await,
            }
            sleep(Duration::from_millis(self.rng.u64(..150))).await;
        }
    }

    /// Whether an order goes through as on any good day.
    pub async fn can_still_order(mut self) -> bool {
        self.fills_the_cart().await;
        let body = self.intent(json!({}));
        let request = Request {
            what: "after all",
            method: Method::POST,
            path: "/orders",
            body: Some(&body),
            key: None,
        };
        self.caller.ask(&request).await.is_some_and(|reply| reply.status == 201)
    }

    /// An order's body; its address tells which wish it comes from.
    fn intent(&mut self, mut body: Value) -> Value {
        self.intents += 1;
        body["delivery_address"] = json!(format!("Wish {} of {}", self.intents, self.id));
        body
    }

    async fn orders_the_cart(&mut self, path: &str, body: Value) {
        self.fills_the_cart().await;
        let sending = match self.rng.u32(..4) {
            0 => Sending::DoubleClick,
            1 => Sending::DoubleClickWithoutKey,
            _ => Sending::Insisting,
        };
        self.places("order", path, body, sending).await;
    }

    async fn orders_from_a_template(&mut self) {
        let Some(template) = self.rng.choice(&self.templates).copied() else { return };
        let sending = if self.rng.u32(..4) == 0 { Sending::DoubleClick } else { Sending::Insisting };
        self.places("order a template", &format!("/templates/{template}/order"), json!({}), sending).await;
    }

    async fn places(&mut self, what: &'static str, path: &str, body: Value, sending: Sending) {
        let body = self.intent(body);
        let key = format!("{:016x}", self.rng.u64(..));
        let key = match sending {
            Sending::Insisting | Sending::DoubleClick => Some(key),
            Sending::DoubleClickWithoutKey => None,
        };
        self.sends(Wish { what, path: path.to_owned(), body, key }, sending).await;
    }

    /// Sends a wish again that nobody has answered for good, however long ago it was.
    async fn remembers_a_wish(&mut self) {
        if !self.unanswered.is_empty() {
            let wish = self.unanswered.swap_remove(self.rng.usize(..self.unanswered.len()));
            self.sends(wish, Sending::Insisting).await;
        }
    }

    async fn sends(&mut self, wish: Wish, sending: Sending) {
        let Wish { what, path, body, key } = &wish;
        let (body, key) = (Some(body), key.as_deref());
        let request = Request { what, method: Method::POST, path, body, key };
        let replies = match sending {
            Sending::Insisting => [self.caller.insist(&request).await, None],
            Sending::DoubleClick => {
                join(self.caller.insist(&request), self.caller.insist(&request)).await.into()
            }
            Sending::DoubleClickWithoutKey => {
                join(self.caller.ask(&request), self.caller.ask(&request)).await.into()
            }
        };
        let is_answered = replies.iter().any(Option::is_some);
        let placed = |reply: Reply| {
            if [201, 202].contains(&reply.status) { reply.json["id"].as_i64() } else { None }
        };
        for id in replies.into_iter().flatten().filter_map(placed) {
            self.journal.placed(id);
            self.orders.push(id);
        }
        if !is_answered && wish.key.is_some() {
            self.unanswered.push(wish);
        }
    }

    async fn fills_the_cart(&mut self) {
        let lines = self.some_lines();
        let lines: Vec<(u32, i64)> = lines.iter().map(|(id, quantity)| (*id, i64::from(*quantity))).collect();
        self.stage.dependencies.fill_cart(&self.id, &lines).await;
    }

    async fn keeps_a_template(&mut self) {
        let body = json!({ "name": "As ever", "items": self.some_items() });
        let key = format!("{:016x}", self.rng.u64(..));
        let (path, key) = ("/templates", Some(key.as_str()));
        let request = Request { what: "keep a template", method: Method::POST, path, body: Some(&body), key };
        let reply = self.caller.insist(&request).await;
        if let Some(id) =
            reply.filter(|reply| reply.status == 201).and_then(|reply| reply.json["id"].as_i64())
        {
            self.journal.kept_template(id);
            self.templates.push(id);
        }
    }

    async fn changes_the_items(&mut self) {
        let Some(order) = self.one_of_the_latest() else { return };
        let body = json!({ "items": self.some_items() });
        self.caller.put("change items", &format!("/orders/{order}/items"), &body).await;
    }

    async fn cancels(&mut self) {
        let Some(order) = self.one_of_the_latest() else { return };
        let reply = self.posts("cancel", &format!("/orders/{order}/cancel")).await;
        if reply.is_some_and(|reply| reply.status == 200) {
            self.journal.cancelled(order);
        }
    }

    async fn sends_back(&mut self) {
        let reply = self.caller.get("read", "/orders/my-orders?limit=50").await;
        let orders = reply.and_then(|reply| reply.json.as_array().cloned()).unwrap_or_default();
        let delivered = orders.iter().filter(|order| order["status"] == "delivered");
        let delivered: Vec<i64> = delivered.filter_map(|order| order["id"].as_i64()).collect();
        if let Some(order) = self.rng.choice(&delivered) {
            self.posts("request a return", &format!("/orders/{order}/request-return")).await;
        }
    }

    async fn looks_at_the_orders(&mut self) {
        if let Some(order) = self.one_of_the_latest() {
            self.caller.get("read", &format!("/orders/{order}")).await;
        }
    }

    /// Asks for a change of an order, and asks again when no answer comes.
    async fn posts(&mut self, what: &'static str, path: &str) -> Option<Reply> {
        let key = format!("{:016x}", self.rng.u64(..));
        let request = Request { what, method: Method::POST, path, body: None, key: Some(&key) };
        self.caller.insist(&request).await
    }

    fn one_of_the_latest(&mut self) -> Option<i64> {
        let latest = &self.orders[self.orders.len().saturating_sub(4)..];
        self.rng.choice(latest).copied()
    }

    /// Different products, and how many of each.
    fn some_lines(&mut self) -> Vec<(u32, u32)> {
        let count = self.rng.usize(1..5);
        let products = self.rng.choose_multiple(PRODUCTS, count);
        products.into_iter().map(|product| (product, self.rng.u32(1..6))).collect()
    }

    fn some_items(&mut self) -> Vec<Value> {
        let item =
            |(product_id, quantity): &(u32, u32)| json!({ "product_id": product_id, "quantity": quantity });
        self.some_lines().iter().map(item).collect()
    }
}
