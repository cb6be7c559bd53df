//! Single orders in Redis, with what the catalogue said of their products. All instances serve from it, each from the
//! second time on that it is asked for an order: most are asked for once, which is no use keeping. It never has an
//! older version of an order after a newer one was seen:
//!
//! - Whoever is about to change an order holds its entry: nothing is served from it then, until the
//!   writer puts the new version in, or the hold has outlasted any change. A writer beside whom another held the entry
//!   puts nothing in: it can't know whose version is the last.
//! - An entry gives way only to the same version or a newer one, so that a slow reader can't put back
//!   what it read before a change.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{Order, OrderId};
use serde::{Deserialize, Serialize};
use spin_sdk::redis::RedisResult;

use crate::{Redis, log::Line, metrics, services::Documents};

/// No change, with all that it asks other services, takes nearly as long.
const HELD: Duration = Duration::from_secs(60);

/// A version is remembered so much longer than its entry; longer than any reader takes.
const REMEMBERED: Duration = Duration::from_secs(60);

/// An order as it is shown, and until when it may be.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    pub order: Cow<'a, Order>,
    pub products: Cow<'a, Documents>,
    until: DateTime<Utc>,
    products_until: DateTime<Utc>,
}

/// The cache. What has no lifetime isn't kept.
pub struct OrderCache {
    pub lifetime: Duration,
    pub product_lifetime: Duration,
}

/// Who puts an order in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'a> {
    Reader,
    /// Who has just made this version, by the name it held the entry with.
    Writer(&'a str),
}

impl Entry<'_> {
    /// Whether the products are as the catalogue has them, as far as one may know.
    pub fn has_products(&self, now: DateTime<Utc>) -> bool {
        now < self.products_until
    }
}

/// The orders that this instance was asked for.
static ASKED_FOR: Mutex<BTreeSet<OrderId>> = Mutex::new(BTreeSet::new());

/// An instance that lives long begins anew after so many.
const MAX_ASKED_FOR: usize = 1_024;

impl OrderCache {
    fn is_off(&self) -> bool {
        self.lifetime.is_zero()
    }

    /// Whether it is worth looking for an order here, and putting it in: this instance was asked for it before.
    pub fn is_in_demand(&self, id: OrderId) -> bool {
        if self.is_off() {
            return false;
        }
        let mut asked_for = ASKED_FOR.lock().unwrap_or_else(PoisonError::into_inner);
        if asked_for.len() >= MAX_ASKED_FOR {
            asked_for.clear();
        }
        !asked_for.insert(id)
    }

    /// The order of that id, if it is here.
    pub async fn get(&self, redis: &Redis, id: OrderId, now: DateTime<Utc>) -> Option<Entry<'static>> {
        let found = redis.execute("HGET", [key(id), "entry".to_owned()]).await;
        let entry = match found.as_deref() {
            Ok([RedisResult::Binary(json)]) => serde_json::from_slice(json).ok(),
            _ => None,
        };
        let entry = entry.filter(|entry: &Entry<'_>| now < entry.until);
        metrics::cache("order", entry.is_some());
        entry
    }

    /// Keeps everybody from serving these orders from here while they are being changed. `writer` is a name that nobody
    /// else has; none for one that puts nothing in afterwards.
    pub async fn hold(&self, redis: &Redis, ids: &[OrderId], writer: Option<&str>) {
        const SCRIPT: &str = "local time = redis.call('time') \
            local now = time[1] * 1000 + math.floor(time[2] / 1000) \
            for _, key in ipairs(KEYS) do \
                local known = redis.call('hmget', key, 'held', 'holder') \
                local is_held = known[1] and tonumber(known[1]) > now and known[2] ~= ARGV[3] \
                local holder = is_held and 'several' or ARGV[3] \
                redis.call('hdel', key, 'entry') \
                redis.call('hset', key, 'held', string.format('%.0f', now + ARGV[1]), 'holder', holder) \
                redis.call('pexpire', key, ARGV[2]) \
            end return 0";
        if self.is_off() || ids.is_empty() {
            return;
        }
        let keys = ids.iter().map(|id| key(*id));
        let numbers = [HELD, self.remembered()].map(|time| time.as_millis().to_string());
        let script = [SCRIPT.to_owned(), ids.len().to_string()].into_iter();
        run(redis, script.chain(keys).chain(numbers).chain([writer.unwrap_or_default().to_owned()])).await;
    }

    /// Puts an order in, unless a newer version is known or somebody else holds it.
    pub async fn put(
        &self,
        redis: &Redis,
        order: &Order,
        products: &Documents,
        (by, now): (By<'_>, DateTime<Utc>),
    ) {
        const SCRIPT: &str = "local time = redis.call('time') \
            local now = time[1] * 1000 + math.floor(time[2] / 1000) \
            local known = redis.call('hmget', KEYS[1], 'version', 'held', 'holder') \
            local is_old = known[1] and tonumber(known[1]) > tonumber(ARGV[2]) \
            local is_held = known[2] and tonumber(known[2]) > now and known[3] ~= ARGV[1] \
            if is_old or is_held then return 0 end \
            redis.call('hdel', KEYS[1], 'held', 'holder') \
            redis.call('hset', KEYS[1], 'version', ARGV[2], 'entry', ARGV[3]) \
            redis.call('pexpire', KEYS[1], ARGV[4]) return 1";
        if self.is_off() {
            return;
        }
        let entry = Entry {
            order: Cow::Borrowed(order),
            products: Cow::Borrowed(products),
            until: now + self.lifetime,
            products_until: now + self.product_lifetime,
        };
        let json = serde_json::to_string(&entry).expect("our own types have no unserializable values");
        let by = match by {
            By::Reader => "reader",
            By::Writer(name) => name,
        };
        let (version, remembered) = (order.version.to_string(), self.remembered().as_millis().to_string());
        let script = [SCRIPT.to_owned(), "1".to_owned(), key(order.id)];
        run(redis, script.into_iter().chain([by.to_owned(), version, json, remembered])).await;
    }

    fn remembered(&self) -> Duration {
        self.lifetime + REMEMBERED
    }
}

async fn run(redis: &Redis, arguments: impl Iterator<Item = String>) {
    if let Err(error) = redis.execute("EVAL", arguments).await {
        Line::warn("cached orders may be outdated for their lifetime").field("error", error).write();
    }
}

fn key(id: OrderId) -> String {
    format!("orders:order:{id}")
}
