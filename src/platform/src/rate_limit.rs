//! Rate limits: how many requests of a kind somebody may send, counted in Redis for all instances together.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use spin_sdk::redis::RedisResult;

use crate::Redis;

/// What a request costs, by which it is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Read,
    Write,
    /// Places orders, or moves money otherwise.
    Money,
    /// Works on many orders at once.
    Bulk,
    Tracking,
    /// Without a valid token, whatever is asked.
    Anonymous,
}

/// So many requests in so many seconds; all of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub requests: u32,
    pub seconds: u32,
}

/// The quotas by class; a class without one isn't limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<Class, Quota>);

/// What a limit says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub quota: Quota,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// When the whole quota is there again.
    pub reset_after: Duration,
    /// When to come again, where this request is too many.
    pub retry_after: Option<Duration>,
}

impl Class {
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Write, Self::Money, Self::Bulk, Self::Tracking, Self::Anonymous];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Money => "money",
            Self::Bulk => "bulk",
            Self::Tracking => "tracking",
            Self::Anonymous => "anonymous",
        }
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_off(&self) -> bool {
        self.0.is_empty()
    }

    pub fn quota(&self, class: Class) -> Option<Quota> {
        self.0.get(&class).copied()
    }

    /// Lets a request through, or not. None where its class has no limit.
    ///
    /// The algorithm is GCRA: of each sender only the time is kept at which the quota is whole again. One that is further
    /// ahead than the window is left from before Redis's clock was put back.
    ///
    /// # Errors
    /// Redis can't be reached; a sentence for the log.
    pub async fn check(&self, redis: &Redis, class: Class, sender: &str) -> Result<Option<Verdict>, String> {
        const SCRIPT: &str = "\
            local time = redis.call('time') \
            local now = time[1] * 1000000 + time[2] \
            local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2]) \
            local ahead = (tonumber(redis.call('get', KEYS[1])) or 0) - now \
            if ahead < 0 or ahead > window then ahead = 0 end \
            ahead = ahead + interval \
            if ahead > window then return {0, ahead - interval, ahead - window} end \
            redis.call('set', KEYS[1], string.format('%.0f', now + ahead), 'px', math.ceil(ahead / 1000)) \
            return {math.floor((window - ahead) / interval), ahead, 0}";
        let Some(quota) = self.quota(class) else { return Ok(None) };
        let window = u64::from(quota.seconds) * 1_000_000;
        let interval = window / u64::from(quota.requests);
        let key = format!("orders:rate:{}:{sender}", class.as_str());
        let answer = redis.eval(SCRIPT, [key], [interval, window].map(|micros| micros.to_string())).await?;
        match answer.as_slice() {
            [RedisResult::Int64(remaining), RedisResult::Int64(reset), RedisResult::Int64(wait)] => {
                let micros = |number: i64| Duration::from_micros(u64::try_from(number).unwrap_or(0));
                Ok(Some(Verdict {
                    quota,
                    remaining: u32::try_from(*remaining).unwrap_or(0),
                    reset_after: micros(*reset),
                    retry_after: (*wait > 0).then(|| micros(*wait)),
                }))
            }
            other => Err(format!("not a verdict: {other:?}")),
        }
    }
}

impl FromStr for Limits {
    type Err = String;

    /// Reads `read=3000/60, money=300/60`, or `off`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut limits = Self::default();
        if text == "off" {
            return Ok(limits);
        }
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (class, quota) = parse(entry)
                .ok_or_else(|| format!("{entry}: a limit is class=requests/seconds, such as read=3000/60"))?;
            limits.0.insert(class, quota);
        }
        Ok(limits)
    }
}

fn parse(entry: &str) -> Option<(Class, Quota)> {
    let (name, quota) = entry.split_once('=')?;
    let (requests, seconds) = quota.split_once('/')?;
    let class = Class::ALL.into_iter().find(|class| class.as_str() == name.trim())?;
    let quota = Quota { requests: requests.trim().parse().ok()?, seconds: seconds.trim().parse().ok()? };
    // More would round to nothing between two requests, or outlast the script's exact numbers.
    let is_sound = (1..=1_000_000).contains(&quota.requests) && (1..=86_400).contains(&quota.seconds);
    is_sound.then_some((class, quota))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_by_class() {
        let limits: Limits = "read=3000/60, money = 10/1".parse().unwrap();
        assert_eq!(limits.quota(Class::Read), Some(Quota { requests: 3_000, seconds: 60 }));
        assert_eq!(limits.quota(Class::Money), Some(Quota { requests: 10, seconds: 1 }));
        assert_eq!(limits.quota(Class::Bulk), None);
        assert_eq!("off".parse::<Limits>(), Ok(Limits::default()));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for wrong in ["read", "read=10", "read=0/1", "read=1/0", "reads=1/1", "read=1/1/1", "read=-1/1"] {
            assert!(wrong.parse::<Limits>().is_err(), "{wrong}");
        }
    }
}
