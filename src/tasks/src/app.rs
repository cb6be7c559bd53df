//! What a worker needs: its configuration and its connections.

use std::{sync::Arc, time::Duration};

use platform::{
    Database, Redis,
    circuit::Circuits,
    log,
    order_cache::OrderCache,
    services::{Carts, Client, Notifications, Payments},
    variables::{self, Misconfigured},
};

/// What a task may need besides one call of a service: a few statements.
const SPARE_TIME: Duration = Duration::from_secs(60);

pub struct App {
    pub db: Database,
    pub redis: Arc<Redis>,
    pub order_cache: OrderCache,
    pub circuits: Arc<Circuits>,
    pub carts: Carts,
    pub payments: Payments,
    pub notifications: Notifications,
    /// How long a worker may take over a task before another may have it.
    pub lease: Duration,
    pub max_attempts: i32,
    pub reconcile_interval: Duration,
}

impl App {
    /// # Errors
    /// A variable that can't be used.
    pub async fn load() -> Result<Self, Misconfigured> {
        log::configure("tasks").await?;
        let timeout = variables::timeout("service_timeout_ms").await?;
        let payment_timeout = variables::timeout("payment_timeout_ms").await?;
        let redis = Arc::new(Redis::new(variables::text("redis_url").await?));
        let circuits = Circuits::configured(redis.clone()).await?;
        Ok(Self {
            db: Database::new(variables::text("database_url").await?),
            carts: Carts::new(Client::configured("cart", timeout, &circuits).await?),
            payments: Payments::new(Client::configured("payment", payment_timeout, &circuits).await?),
            notifications: Notifications(Client::configured("notification", timeout, &circuits).await?),
            circuits,
            order_cache: OrderCache::configured().await?,
            redis,
            lease: timeout.max(payment_timeout) + SPARE_TIME,
            max_attempts: variables::parsed::<u16>("task_max_attempts").await?.into(),
            reconcile_interval: variables::seconds("reconcile_interval_seconds").await?,
        })
    }
}
