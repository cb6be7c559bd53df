//! Waking the task component, which is instantiated anew for each message: as seldom as will do.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use spin_sdk::{redis::RedisResult, time::sleep};

use crate::{Redis, flag::Raised};

/// How long a nudge waits, so that one message covers what others write meanwhile.
const GATHERED: Duration = Duration::from_millis(40);

/// By how much Redis's clock and ours may differ over that time.
const MARGIN: Duration = Duration::from_millis(10);

/// Whether this instance is about to send a message.
static IS_GATHERING: AtomicBool = AtomicBool::new(false);

/// The message, at most one a second, that starts what is done from time to time.
pub const TICK: &str = "tick";

/// Wakes the task component, once for all that was written at about the same time. Only a nudge: a lost one delays
/// tasks until the next.
pub async fn nudge(redis: &Redis, channel: &str) -> Result<(), String> {
    if IS_GATHERING.load(Ordering::Relaxed) {
        return Ok(());
    }
    let (key, lifetime) = (format!("{channel}:gathering"), GATHERED.as_millis().to_string());
    let answer = redis.execute("SET", [key.as_str(), "1", "nx", "px", &lifetime]).await?;
    if matches!(answer.as_slice(), [RedisResult::Nil]) {
        // Whoever set it publishes once it has expired, so that our tasks are covered.
        return Ok(());
    }
    let gathering = Raised::raise(&IS_GATHERING);
    sleep(GATHERED + MARGIN).await;
    drop(gathering);
    redis.execute("PUBLISH", [channel, "due"]).await.map(drop)
}

/// Wakes the task component if no instance has done so within a second: what keeps retries and
/// scheduled work going without a clock of our own.
pub async fn tick(redis: &Redis, channel: &str) -> Result<(), String> {
    // What would last longer is left from before Redis's clock was put back.
    const SCRIPT: &str = "local left = redis.call('pttl', KEYS[1]) \
        if left >= 0 and left <= 1000 then return 0 end \
        redis.call('set', KEYS[1], '1', 'px', '1000') \
        return redis.call('publish', ARGV[1], ARGV[2])";
    let key = format!("{channel}:tick");
    redis.eval(SCRIPT, [key], [channel.to_owned(), TICK.to_owned()]).await.map(drop)
}
