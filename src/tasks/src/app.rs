//! What a worker needs: its configuration and its connections.

use platform::{
    Database, log,
    services::{Carts, Client, Notifications, Payments},
    variables::{self, Misconfigured},
};

pub struct App {
    pub db: Database,
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
        Ok(Self {
            db: Database::new(variables::text("database_url").await?),
            carts: Carts(Client::configured("cart", timeout).await?),
            payments: Payments(
                Client::configured("payment", variables::milliseconds("payment_timeout_ms").await?).await?,
            ),
            notifications: Notifications(Client::configured("notification", timeout).await?),
        })
    }
}
