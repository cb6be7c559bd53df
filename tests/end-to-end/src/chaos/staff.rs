//! The staff: admins who take orders on, one by one and in bulk, and couriers who carry them.

use std::time::Duration;

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::COURIERS;
use super::caller::{Caller, Request};
use super::journal::Journal;
use super::stage::Stage;
use crate::examples::a_place;

/// Where an admin may find orders to take on.
const OPEN: [&str; 7] = [
    "pending",
    "confirmed",
    "preparing",
    "out_for_delivery",
    "return_requested",
    "return_approved",
    "picked_up",
];

pub struct Admin<'a> {
    caller: Caller<'a>,
    journal: &'a Journal,
    rng: Rng,
}

impl<'a> Admin<'a> {
    pub fn new(stage: &'a Stage, journal: &'a Journal, number: usize, rng: Rng) -> Admin<'a> {
        Admin { caller: Caller::new(stage, journal, &format!("admin-{number}"), "admin"), journal, rng }
    }

    pub async fn live(mut self, until: Instant) {
        while Instant::now() < until {
            let status = OPEN[self.rng.usize(..OPEN.len())];
            let orders = list(&self.caller, &format!("/orders?limit=50&status={status}")).await;
            match self.rng.u32(..10) {
                0 => self.takes_many_on(status, &orders).await,
                1 => self.assigns_many(&orders).await,
                _ => {
                    if let Some(order) = self.rng.choice(&orders) {
                        self.takes_on(status, order).await;
                    }
                }
            }
            sleep(Duration::from_millis(self.rng.u64(..100))).await;
        }
    }

    async fn takes_on(&mut self, status: &str, order: &Value) {
        let id = order["id"].as_i64().unwrap_or_default();
        let is_rare = self.rng.u32(..10) == 0;
        match status {
            // Whatever its payment may come to.
            "pending" if !is_rare => {}
            "confirmed" | "preparing" if is_rare => self.cancels(id).await,
            "confirmed" if order["delivery_partner_id"].is_null() => {
                let courier = self.some_courier();
                let body = json!({ "delivery_partner_id": courier });
                self.caller.put("assign", &format!("/orders/{id}/assign-delivery"), &body).await;
            }
            _ => {
                if let Some(next) = self.next(status) {
                    let body = json!({ "status": next });
                    self.caller.put("set status", &format!("/orders/{id}/status"), &body).await;
                }
            }
        }
    }

    async fn cancels(&mut self, id: i64) {
        let key = format!("{:016x}", self.rng.u64(..));
        let path = format!("/orders/{id}/cancel");
        let request =
            Request { what: "cancel", method: Method::POST, path: &path, body: None, key: Some(&key) };
        if self.caller.insist(&request).await.is_some_and(|reply| reply.status == 200) {
            self.journal.cancelled(id);
        }
    }

    async fn takes_many_on(&mut self, status: &str, orders: &[Value]) {
        let (Some(next), ids) = (self.next(status), ids(orders, 3)) else { return };
        if status != "pending" && !ids.is_empty() {
            let body = json!({ "order_ids": ids, "status": next });
            self.caller.put("set many statuses", "/orders/bulk-status-update", &body).await;
        }
    }

    async fn assigns_many(&mut self, orders: &[Value]) {
        let ids = ids(orders, 5);
        if ids.is_empty() {
            return;
        }
        let body = json!({ "order_ids": ids, "delivery_partner_id": self.some_courier() });
        let path = "/orders/bulk-assign-delivery";
        let key = format!("{:016x}", self.rng.u64(..));
        let request =
            Request { what: "assign many", method: Method::POST, path, body: Some(&body), key: Some(&key) };
        self.caller.insist(&request).await;
    }

    fn next(&mut self, status: &str) -> Option<&'static str> {
        match status {
            "pending" => Some("confirmed"),
            "confirmed" => Some("preparing"),
            "preparing" => Some("out_for_delivery"),
            "out_for_delivery" => Some("delivered"),
            "return_requested" if self.rng.u32(..4) == 0 => Some("delivered"),
            "return_requested" => Some("return_approved"),
            "return_approved" => Some("picked_up"),
            "picked_up" => Some("refunded"),
            _ => None,
        }
    }

    fn some_courier(&mut self) -> String {
        courier(self.rng.usize(..COURIERS))
    }
}

pub struct Courier<'a> {
    caller: Caller<'a>,
    rng: Rng,
}

impl<'a> Courier<'a> {
    pub fn new(stage: &'a Stage, journal: &'a Journal, number: usize, rng: Rng) -> Courier<'a> {
        Courier { caller: Caller::new(stage, journal, &courier(number), "delivery_partner"), rng }
    }

    pub async fn live(mut self, until: Instant) {
        while Instant::now() < until {
            let orders = list(&self.caller, "/orders?limit=50").await;
            let next = |order: &Value| match order["status"].as_str()? {
                "preparing" => Some("out_for_delivery"),
                "out_for_delivery" => Some("delivered"),
                "return_approved" => Some("picked_up"),
                _ => None,
            };
            let steps = orders.iter().filter_map(|order| Some((order["id"].as_i64()?, next(order)?)));
            if let Some((id, next)) = self.rng.choice(steps.collect::<Vec<_>>()) {
                if next == "delivered" {
                    self.caller.put("report", &format!("/orders/{id}/delivery-location"), &a_place()).await;
                }
                let body = json!({ "status": next });
                self.caller.put("set status", &format!("/orders/{id}/status"), &body).await;
            }
            sleep(Duration::from_millis(self.rng.u64(..200))).await;
        }
    }
}

fn courier(number: usize) -> String {
    format!("courier-{number}")
}

async fn list(caller: &Caller<'_>, path: &str) -> Vec<Value> {
    let reply = caller.get("list", path).await;
    reply.and_then(|reply| reply.json.as_array().cloned()).unwrap_or_default()
}

fn ids(orders: &[Value], count: usize) -> Vec<i64> {
    orders.iter().take(count).filter_map(|order| order["id"].as_i64()).collect()
}
