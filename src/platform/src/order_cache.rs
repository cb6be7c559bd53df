//! Single orders in Redis, with what the catalogue said of their products. All instances serve from it, each from the
//! second time on that it is asked for an order: most are asked for once, which is no use keeping. It never has an
//! older version of an order after a newer one was seen:
//!
//! - Whoever is about to change an order holds its entry: nothing is served from it then, until the
//!   writer puts the new version in or releases it, or the hold has outlasted any change. A writer beside whom
//!   another held the entry puts nothing in: it can't know whose version is the last.
//! - An entry gives way only to the same version or a newer one, so that a slow reader can't put back
//!   what it read before a change.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{OrderId, Standing};
use serde::{Deserialize, Serialize};
use spin_sdk::redis::RedisResult;

use crate::{
    Redis,
    log::Line,
    metrics, to_json,
    variables::{self, Misconfigured},
};

/// No change, with all that it asks other services, takes nearly as long.
const HELD: Duration = Duration::from_secs(60);

/// A version is remembered so much longer than its entry; longer than any reader takes.
const REMEMBERED: Duration = Duration::from_secs(60);

/// An order as it is shown. Its document is kept as it is sent, so that nothing is taken apart on the way.
pub struct Entry {
    pub version: i32,
    pub standing: Standing,
    /// JSON on one line: what is the same whoever looks, whenever.
    pub document: String,
}

/// What stands before an entry's document, on a line of its own.
#[derive(Serialize, Deserialize)]
struct Head {
    version: i32,
    standing: Standing,
    until: DateTime<Utc>,
}

/// The cache; without a lifetime it stays empty.
pub struct OrderCache {
    lifetime: Duration,
}

impl Entry {
    fn write(&self, until: DateTime<Utc>) -> String {
        let head = Head { version: self.version, standing: self.standing.clone(), until };
        format!("{}\n{}", to_json(&head), self.document)
    }

    /// The entry, if it may still be shown.
    fn read(text: Vec<u8>, now: DateTime<Utc>) -> Option<Entry> {
        let text = String::from_utf8(text).ok()?;
        let (head, document) = text.split_once('\n')?;
        let Head { version, standing, until } = serde_json::from_str(head).ok()?;
        (now < until).then(|| Entry { version, standing, document: document.to_owned() })
    }
}

/// The orders that this instance was asked for.
static ASKED_FOR: Mutex<BTreeSet<OrderId>> = Mutex::new(BTreeSet::new());

/// An instance that lives long begins anew after so many.
const MAX_ASKED_FOR: usize = 1_024;

impl OrderCache {
    /// As the variables have it. It keeps orders with their products, and neither for longer than they may be kept.
    ///
    /// # Errors
    /// A variable that can't be used.
    pub async fn configured() -> Result<Self, Misconfigured> {
        let order_lifetime = variables::seconds("order_cache_seconds").await?;
        let product_lifetime = variables::seconds("product_cache_seconds").await?;
        Ok(Self { lifetime: order_lifetime.min(product_lifetime) })
    }

    fn is_off(&self) -> bool {
        self.lifetime.is_zero()
    }

    /// Notes that this instance is asked for an order, and tells whether it was before: only then it is worth looking for
    /// it here, and putting it in.
    pub fn was_asked_for_before(&self, id: OrderId) -> bool {
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
    pub async fn get(&self, redis: &Redis, id: OrderId, now: DateTime<Utc>) -> Option<Entry> {
        let found = redis.execute("HGET", [key(id), "entry".to_owned()]).await.ok();
        let entry = match found.and_then(|mut found| found.pop()) {
            Some(RedisResult::Binary(text)) => Entry::read(text, now),
            _ => None,
        };
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
        let arguments = numbers.into_iter().chain([writer.unwrap_or_default().to_owned()]);
        noted(redis.insist(SCRIPT, keys, arguments).await);
    }

    /// Puts an order in, unless a newer version is known or somebody else holds it. `writer` is who has just made this
    /// version, by the name it held the entry with; none for a reader.
    pub async fn put(
        &self,
        redis: &Redis,
        id: OrderId,
        entry: &Entry,
        writer: Option<&str>,
        now: DateTime<Utc>,
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
        let (version, remembered) = (entry.version.to_string(), self.remembered().as_millis().to_string());
        let text = entry.write(now + self.lifetime);
        noted(
            redis
                .eval(SCRIPT, [key(id)], [writer.unwrap_or("reader").to_owned(), version, text, remembered])
                .await,
        );
    }

    /// Ends `writer`'s hold. A version that it made is remembered, so that no older one can come in afterwards.
    pub async fn release(&self, redis: &Redis, id: OrderId, (writer, version): (&str, Option<i32>)) {
        const SCRIPT: &str = "if redis.call('hget', KEYS[1], 'holder') ~= ARGV[1] then return 0 end \
            redis.call('hdel', KEYS[1], 'held', 'holder') \
            if ARGV[2] ~= '' then \
                redis.call('hset', KEYS[1], 'version', ARGV[2]) redis.call('pexpire', KEYS[1], ARGV[3]) \
            end return 1";
        if self.is_off() {
            return;
        }
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        let remembered = self.remembered().as_millis().to_string();
        noted(redis.insist(SCRIPT, [key(id)], [writer.to_owned(), version, remembered]).await);
    }

    fn remembered(&self) -> Duration {
        self.lifetime + REMEMBERED
    }
}

fn noted(answer: Result<Vec<RedisResult>, String>) {
    if let Err(error) = answer {
        Line::warn("cached orders may be outdated for their lifetime").field("error", error).write();
    }
}

fn key(id: OrderId) -> String {
    format!("orders:order:{id}")
}
