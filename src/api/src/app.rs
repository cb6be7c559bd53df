//! What an instance keeps between requests: its configuration and its connections.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};

use chrono::{TimeDelta, Utc};
use domain::Schedule;
use ipnet::IpNet;
use platform::{
    Database, Redis,
    circuit::Circuits,
    log::{self, Line},
    order_cache::OrderCache,
    rate_limit::Limits,
    services::{Carts, Client, Payments, ProductCache, Products, Tokens},
    variables::{self, Misconfigured},
    wake,
};

use crate::{auth::Verifier, cors::Origins, limits};

static APP: OnceLock<App> = OnceLock::new();

/// The variables that the delivery policy gets.
const DELIVERY_PARAMETERS: [&str; 4] =
    ["delivery_fee", "delivery_minutes", "delivery_origin", "delivery_bands"];

pub struct App {
    /// What the service is called in the description of its API.
    pub name: String,
    pub db: Database,
    pub redis: Arc<Redis>,
    pub circuits: Arc<Circuits>,
    pub carts: Carts,
    pub products: Products,
    pub order_cache: OrderCache,
    pub payments: Payments,
    notifications: Client,
    /// Who confirms tokens, where that is configured.
    pub tokens: Option<Tokens>,
    pub verifier: Result<Verifier, Misconfigured>,
    pub origins: Origins,
    pub limits: Limits,
    pub trusted_proxies: Vec<IpNet>,
    pub delivery_parameters: Vec<(String, String)>,
    pub schedule: Schedule,
    pub return_window: TimeDelta,
    tasks_channel: String,
    ticked_at: AtomicI64,
}

impl App {
    /// The instance's state, made at its first request.
    ///
    /// # Errors
    /// A variable that can't be used.
    pub async fn get() -> Result<&'static Self, Misconfigured> {
        if let Some(app) = APP.get() {
            return Ok(app);
        }
        // Two first requests may both come here; the later state is dropped before it was used.
        let app = Self::load().await?;
        Ok(APP.get_or_init(|| app))
    }

    async fn load() -> Result<Self, Misconfigured> {
        log::configure("api").await?;
        let timeout = variables::timeout("service_timeout_ms").await?;
        let mut delivery_parameters = Vec::new();
        for name in DELIVERY_PARAMETERS {
            delivery_parameters.push((name.to_owned(), variables::text(name).await?));
        }
        let verifier = Verifier::load().await;
        if let Err(error) = &verifier {
            Line::error("no token can be verified, authenticated requests are refused")
                .field("error", error)
                .write();
        }
        let redis = Arc::new(Redis::new(variables::text("redis_url").await?));
        let circuits = Circuits::configured(redis.clone()).await?;
        let payment_timeout = variables::timeout("payment_timeout_ms").await?;
        Ok(Self {
            name: variables::text("app_name").await?,
            db: Database::new(variables::text("database_url").await?),
            redis,
            tasks_channel: variables::text("tasks_channel").await?,
            carts: Carts::new(Client::configured("cart", timeout, &circuits).await?),
            products: Products {
                client: Client::configured("product", timeout, &circuits).await?,
                cache: ProductCache { lifetime: variables::seconds("product_cache_seconds").await? },
            },
            order_cache: OrderCache::configured().await?,
            payments: Payments::new(Client::configured("payment", payment_timeout, &circuits).await?),
            tokens: match variables::says("auth_introspection", ["on", "off"]).await? {
                true => Some(Tokens(Client::configured("user", timeout, &circuits).await?)),
                false => None,
            },
            notifications: Client::configured("notification", timeout, &circuits).await?,
            circuits,
            verifier,
            origins: Origins::load().await?,
            limits: variables::parsed("rate_limits").await?,
            trusted_proxies: limits::trusted_proxies().await?,
            delivery_parameters,
            schedule: Schedule {
                earliest: TimeDelta::minutes(variables::parsed::<u16>("schedule_min_minutes").await?.into()),
                latest: TimeDelta::days(variables::parsed::<u16>("schedule_max_days").await?.into()),
                lead: TimeDelta::minutes(variables::parsed::<u16>("schedule_lead_minutes").await?.into()),
            },
            return_window: TimeDelta::days(variables::parsed::<u16>("return_window_days").await?.into()),
            ticked_at: AtomicI64::new(0),
        })
    }

    /// The services that orders depend on, here or in the task component.
    pub fn dependencies(&self) -> Vec<&Client> {
        let others = [&self.carts.reads, &self.products.client, &self.payments.charges, &self.notifications];
        others.into_iter().chain(self.tokens.iter().map(|tokens| &tokens.0)).collect()
    }

    /// Gives back the connections that only requests need at hand.
    pub fn let_go(&self) {
        self.db.let_go();
        self.redis.let_go();
    }

    /// Wakes the task component for work that has just been written.
    pub async fn nudge(&self) {
        if let Err(error) = wake::nudge(&self.redis, &self.tasks_channel).await {
            Line::warn("the task component was not woken; it will be with the next request")
                .field("error", error)
                .write();
        }
    }

    /// Wakes the task component if nobody has done so for a second.
    pub async fn tick(&self) -> Result<(), String> {
        let now = Utc::now().timestamp_millis();
        let last = self.ticked_at.load(Ordering::Relaxed);
        if now - last < 1_000 {
            return Ok(());
        }
        self.ticked_at.store(now, Ordering::Relaxed);
        wake::tick(&self.redis, &self.tasks_channel).await
    }
}
