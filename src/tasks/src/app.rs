//! What a worker needs: its configuration and its connections.

use std::sync::Arc;

use platform::{
    Database, Redis,
    circuit::Circuits,
    log,
    services::{Carts, Client, Notifications, Payments},
    variables::{self, Misconfigured},
};

pub struct App {
    pub db: Database,
    pub circuits: Arc<Circuits>,
    pub carts: Carts,
    pub payments: Payments,
    pub notifications: Notifications,
}

impl App {
    /// # Errors
    /// A variable that can't be used.
    pub async fn load() -> Result<Self, Misconfigured> {
        log::configure("tasks").await?;
        let timeout = variables::milliseconds("service_timeout_ms").await?;
        let payment_timeout = variables::milliseconds("payment_timeout_ms").await?;
        let redis = Arc::new(Redis::new(variables::text("redis_url").await?));
        let circuits = Circuits::configured(redis, ["cart", "payment", "notification"]).await?;
        Ok(Self {
            db: Database::new(variables::text("database_url").await?),
            carts: Carts(Client::configured("cart", timeout, &circuits).await?),
            payments: Payments(Client::configured("payment", payment_timeout, &circuits).await?),
            notifications: Notifications(Client::configured("notification", timeout, &circuits).await?),
            circuits,
        })
    }
}
