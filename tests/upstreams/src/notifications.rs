//! The notification service: it sends nothing and remembers what it was asked to send.

use serde::Serialize;
use serde_json::Value;

use crate::calls::Trace;

#[derive(Clone, Debug, Serialize)]
pub struct Notification {
    pub path: String,
    pub body: Value,
    pub idempotency_key: Option<String>,
    #[serde(flatten)]
    pub trace: Trace,
}

#[derive(Default)]
pub struct Notifications {
    accepted: Vec<Notification>,
}

impl Notifications {
    pub fn accept(&mut self, notification: Notification) {
        self.accepted.push(notification);
    }

    /// Of one user, or of all, oldest first.
    pub fn of(&self, user_id: Option<&str>) -> Vec<&Notification> {
        self.accepted
            .iter()
            .filter(|one| user_id.is_none_or(|user_id| one.body["user_id"] == user_id))
            .collect()
    }
}
