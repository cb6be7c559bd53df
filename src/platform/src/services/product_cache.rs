//! Products in Redis, as the catalogue described them a little while ago. Only for showing: what is
//! ordered is asked for anew.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use domain::ProductId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use spin_sdk::redis::RedisResult;

use super::Documents;
use crate::{Redis, log::Line, metrics, to_json};

/// How long a product is kept for the case that the catalogue can't be reached.
const KEPT: Duration = Duration::from_secs(3_600);

/// The cache; without a lifetime it stays empty.
pub struct ProductCache {
    pub lifetime: Duration,
}

/// What the cache has of the products that were asked for.
#[derive(Default)]
pub struct Seen {
    pub fresh: Documents,
    pub outdated: Documents,
}

/// A product as it is shown, and until when it may be, in milliseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    product: &'a RawValue,
    until: i64,
}

impl ProductCache {
    /// Whatever is here of these products.
    pub async fn get(&self, redis: &Redis, ids: &BTreeSet<ProductId>, now: DateTime<Utc>) -> Seen {
        let mut seen = Seen::default();
        if self.lifetime.is_zero() || ids.is_empty() {
            return seen;
        }
        let keys = ids.iter().map(|id| key(*id));
        let Ok(found) = redis.execute("MGET", keys).await else { return seen };
        for (id, found) in ids.iter().zip(found) {
            let entry = match &found {
                RedisResult::Binary(json) => serde_json::from_slice::<Entry<'_>>(json).ok(),
                _ => None,
            };
            let is_fresh = entry.as_ref().is_some_and(|entry| now.timestamp_millis() < entry.until);
            metrics::cache("product", is_fresh);
            let place = if is_fresh { &mut seen.fresh } else { &mut seen.outdated };
            place.extend(entry.map(|entry| (*id, entry.product.to_owned())));
        }
        seen
    }

    /// Keeps what the catalogue has just said.
    pub async fn put(&self, redis: &Redis, products: &Documents, now: DateTime<Utc>) {
        const SCRIPT: &str = "for i, key in ipairs(KEYS) do \
            redis.call('set', key, ARGV[i + 1], 'px', ARGV[1]) end return 0";
        if self.lifetime.is_zero() || products.is_empty() {
            return;
        }
        let until = (now + self.lifetime).timestamp_millis();
        let entries = products.values().map(|product| to_json(&Entry { product, until }));
        let (keys, kept) = (products.keys().map(|id| key(*id)), [KEPT.as_millis().to_string()]);
        if let Err(error) = redis.eval(SCRIPT, keys, kept.into_iter().chain(entries)).await {
            Line::debug("products aren't cached").field("error", error).write();
        }
    }
}

fn key(id: ProductId) -> String {
    format!("orders:product:{id}")
}
