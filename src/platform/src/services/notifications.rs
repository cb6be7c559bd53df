//! The notification service: tells a customer what became of the order.

use domain::{Money, OrderId, Status, UserId};
use serde::Serialize;

use super::{Client, ServiceDown};
use crate::Trace;

pub struct Notifications(pub Client);

#[derive(Serialize)]
struct Confirmation<'a> {
    user_id: &'a UserId,
    email: &'a str,
    order_id: OrderId,
    total_amount: Money,
}

#[derive(Serialize)]
struct StatusUpdate<'a> {
    user_id: &'a UserId,
    order_id: OrderId,
    status: Status,
}

impl Notifications {
    /// Asks for the confirmation e-mail.
    pub async fn order_confirmation(
        &self,
        (user, email): (&UserId, &str),
        (order, total): (OrderId, Money),
        key: &str,
        trace: &Trace,
    ) -> Result<(), ServiceDown> {
        let body = Confirmation { user_id: user, email, order_id: order, total_amount: total };
        self.notify("/notifications/order-confirmation", key, &body, trace).await
    }

    /// Asks for a push message about the order's status.
    pub async fn order_status(
        &self,
        user: &UserId,
        (order, status): (OrderId, Status),
        key: &str,
        trace: &Trace,
    ) -> Result<(), ServiceDown> {
        let body = StatusUpdate { user_id: user, order_id: order, status };
        self.notify("/notifications/order-status", key, &body, trace).await
    }

    async fn notify(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
        trace: &Trace,
    ) -> Result<(), ServiceDown> {
        let accepted = self.0.post((path, key), body, trace, |answer| {
            if answer.status.is_success() { Ok(()) } else { Err(answer.unexpected()) }
        });
        accepted.await.map_err(|error| self.0.down(&error))
    }
}
