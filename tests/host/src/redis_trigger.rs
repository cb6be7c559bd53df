//! The Redis trigger: gives each message of a channel to a fresh instance, one message after another.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use futures::StreamExt as _;
use futures::future::{join_all, select_all};

use crate::app::Components;
use crate::bindings::{Platform, PlatformIndices};
use crate::engine::LoadedComponent;
use crate::manifest::Manifest;
use crate::variables::Variables;

/// The components that listen to a channel, by channel.
type Channels = BTreeMap<String, Vec<Arc<Listener>>>;

/// The channels to subscribe to, by the server's address.
pub struct Subscriptions(BTreeMap<String, Channels>);

/// A component that exports `spin:redis/inbound-redis`.
struct Listener {
    component: Arc<LoadedComponent>,
    exports: PlatformIndices,
}

impl Subscriptions {
    /// `None` if the manifest has no Redis trigger.
    pub fn new(manifest: &Manifest, components: &Components, variables: &Variables) -> Result<Option<Self>> {
        let default_address = manifest.application.trigger.redis.as_ref().map(|redis| &redis.address);
        let mut servers: BTreeMap<String, Channels> = BTreeMap::new();
        for trigger in &manifest.trigger.redis {
            let address = trigger.address.as_ref().or(default_address);
            let address = address.with_context(|| {
                format!("the redis trigger of component {:?} has no address", trigger.component)
            })?;
            let component = Arc::clone(&components[&trigger.component]);
            let exports = PlatformIndices::new(component.pre())
                .map_err(anyhow::Error::from)
                .with_context(|| format!("component {:?} cannot handle Redis messages", component.id()))?;
            servers
                .entry(variables.expand(address)?)
                .or_default()
                .entry(variables.expand(&trigger.channel)?)
                .or_default()
                .push(Arc::new(Listener { component, exports }));
        }
        Ok((!servers.is_empty()).then_some(Self(servers)))
    }

    /// Handles messages until the first connection ends.
    pub async fn listen(self) -> Result<()> {
        let servers = self.0.into_iter().map(|(address, channels)| Box::pin(listen(address, channels)));
        let (ended, _, _) = select_all(servers).await;
        ended
    }
}

async fn listen(address: String, channels: Channels) -> Result<()> {
    let client = redis::Client::open(address)?;
    let server = client.get_connection_info().addr.to_string();
    let mut subscriber = client
        .get_async_pubsub()
        .await
        .with_context(|| format!("Redis trigger failed to connect to {server}"))?;

    println!("Active Channels on {server}:");
    for (channel, listeners) in &channels {
        subscriber.subscribe(channel).await.with_context(|| {
            format!("Redis trigger failed to subscribe to channel {channel:?} on {server}")
        })?;
        let ids: Vec<&str> = listeners.iter().map(|listener| listener.component.id()).collect();
        println!("\t{server}/{channel}: [{}]", ids.join(","));
    }

    let mut messages = subscriber.on_message();
    while let Some(message) = messages.next().await {
        let Some(listeners) = channels.get(message.get_channel_name()) else {
            continue;
        };
        let payload = message.get_payload_bytes();
        join_all(listeners.iter().map(async |listener| {
            if let Err(error) = listener.handle(payload).await {
                eprintln!("Component {} handler failed: {error:#}", listener.component.id());
            }
        }))
        .await;
    }
    Err(anyhow!("disconnected from {server}"))
}

impl Listener {
    async fn handle(&self, payload: &[u8]) -> Result<()> {
        let (mut store, instance) = self.component.instantiate().await?;
        let guest: Platform = self.exports.load(&mut store, &instance)?;
        let payload = payload.to_vec();
        store
            .run_concurrent(async |accessor| {
                guest.spin_redis_inbound_redis().call_handle_message(accessor, payload).await
            })
            .await??
            .context("Redis handler returned an error")
    }
}
