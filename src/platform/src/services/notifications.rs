//! The notification service: tells a customer what became of the order.

use domain::{Money, OrderId, Status, UserId};
use serde::Serialize;

use super::{Client, ServiceDown};
use crate::Trace;

pub struct Notifications(pub Client);

/// What the confirmation e-mail tells.
#[derive(Serialize)]
pub struct Confirmation<'a> {
    pub user_id: &'a UserId,
    pub email: &'a str,
    pub order_id: OrderId,
    pub total_amount: Money,
}

/// What the push message about a new status tells.
#[derive(Serialize)]
pub struct StatusUpdate<'a> {
    pub user_id: &'a UserId,
    pub order_id: OrderId,
    pub status: Status,
}

impl Notifications {
    /// Asks for the confirmation e-mail.
    pub async fn order_confirmation(
        &self,
        confirmation: &Confirmation<'_>,
        key: &str,
        trace: &Trace,
    ) -> Result<(), ServiceDown> {
        self.notify("/notifications/order-confirmation", key, confirmation, trace).await
    }

    /// Asks for a push message about the order's status.
    pub async fn order_status(
        &self,
        update: &StatusUpdate<'_>,
        key: &str,
        trace: &Trace,
    ) -> Result<(), ServiceDown> {
        self.notify("/notifications/order-status", key, update, trace).await
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
