//! Products in Redis, as the catalogue described them a little while ago. Only for showing: what is
//! ordered is asked for anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::ProductId;
use serde::{Deserialize, Serialize};
use spin_sdk::redis::{RedisParameter, RedisResult};

use super::Product;
use crate::{Redis, log::Line, metrics};

/// How long a product is kept for the case that the catalogue can't be reached.
const KEPT: Duration = Duration::from_secs(3_600);

/// The cache; without a lifetime it stays empty.
pub struct ProductCache {
    pub lifetime: Duration,
}

/// What the cache has of the products that were asked for.
#[derive(Default)]
pub struct Seen {
    pub fresh: BTreeMap<ProductId, Product>,
    pub outdated: BTreeMap<ProductId, Product>,
}

#[derive(Deserialize)]
struct Entry {
    product: Product,
    until: DateTime<Utc>,
}

#[derive(Serialize)]
struct NewEntry<'a> {
    product: &'a Product,
    until: DateTime<Utc>,
}

impl ProductCache {
    /// Whatever is here of these products.
    pub async fn get(&self, redis: &Redis, ids: &BTreeSet<ProductId>, now: DateTime<Utc>) -> Seen {
        let mut seen = Seen::default();
        if self.lifetime.is_zero() || ids.is_empty() {
            return seen;
        }
        let keys = ids.iter().map(|id| RedisParameter::Binary(key(*id).into_bytes()));
        let Ok(found) = redis.execute("MGET", keys).await else { return seen };
        for (id, found) in ids.iter().zip(found) {
            let entry = match found {
                RedisResult::Binary(json) => serde_json::from_slice::<Entry>(&json).ok(),
                _ => None,
            };
            metrics::cache("product", entry.as_ref().is_some_and(|entry| now < entry.until));
            if let Some(Entry { product, until }) = entry {
                let place = if now < until { &mut seen.fresh } else { &mut seen.outdated };
                place.insert(*id, product);
            }
        }
        seen
    }

    /// Keeps what the catalogue has just said.
    pub async fn put(&self, redis: &Redis, products: &BTreeMap<ProductId, Product>, now: DateTime<Utc>) {
        const SCRIPT: &str = "for i, key in ipairs(KEYS) do \
            redis.call('set', key, ARGV[i + 1], 'px', ARGV[1]) end return 0";
        if self.lifetime.is_zero() || products.is_empty() {
            return;
        }
        let until = now + self.lifetime;
        let entries = products.values().map(|product| {
            let entry = NewEntry { product, until };
            serde_json::to_string(&entry).expect("our own types have no unserializable values")
        });
        let arguments = [SCRIPT.to_owned(), products.len().to_string()]
            .into_iter()
            .chain(products.keys().map(|id| key(*id)))
            .chain([KEPT.as_millis().to_string()])
            .chain(entries)
            .map(|text| RedisParameter::Binary(text.into_bytes()));
        if let Err(error) = redis.execute("EVAL", arguments).await {
            Line::debug("products aren't cached").field("error", error).write();
        }
    }
}

fn key(id: ProductId) -> String {
    format!("orders:product:{id}")
}
