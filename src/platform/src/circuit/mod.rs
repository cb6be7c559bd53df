//! Circuit breakers: a service that keeps failing isn't asked for a while, by no instance, so that it ties
//! up no requests. Redis carries the state from one instance to the others, always beside the calls;
//! without it each instance judges for itself.

mod breaker;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use spin_sdk::{redis::RedisResult, wasip3::spawn};

use self::breaker::Failure;
pub use self::breaker::State;
pub(crate) use self::breaker::{Breaker, Limits, Pass};
use crate::{
    Redis,
    log::Line,
    variables::{self, Misconfigured},
};

/// How old what is known of other instances' calls may be.
const REFRESH: Duration = Duration::from_millis(500);

/// An open circuit's key outlives its open time by this. If nobody calls meanwhile, it expires and the circuit is
/// closed.
const HALF_OPEN: Duration = Duration::from_secs(60);

/// The circuits of all services, as one instance knows them.
pub struct Circuits {
    redis: Arc<Redis>,
    limits: Limits,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    breakers: BTreeMap<&'static str, Breaker>,
    refreshed: Option<Instant>,
}

impl Circuits {
    /// No circuits yet, with the limits in the variables.
    ///
    /// # Errors
    /// A variable can't be used.
    pub async fn configured(redis: Arc<Redis>) -> Result<Arc<Self>, Misconfigured> {
        let limits = Limits {
            failures: variables::parsed("circuit_failures").await?,
            window: variables::seconds("circuit_window_seconds").await?,
            open: variables::seconds("circuit_open_seconds").await?,
        };
        Ok(Arc::new(Self { redis, limits, known: Mutex::default() }))
    }

    /// One more circuit, closed.
    pub fn add(&self, name: &'static str) {
        self.known().breaker(name);
    }

    /// Each service's circuit, as this instance knows it.
    pub fn states(&self) -> Vec<(&'static str, State)> {
        let now = Instant::now();
        self.known().breakers.iter().map(|(service, breaker)| (*service, breaker.state(now))).collect()
    }

    /// Lets a call through that takes at most `timeout`. A closed circuit costs no waiting.
    ///
    /// # Errors
    /// The service must be left alone; how long.
    pub async fn admit(self: &Arc<Self>, service: &'static str, timeout: Duration) -> Result<Pass, Duration> {
        if self.is_off() {
            return Ok(Pass::Ordinary);
        }
        let (now, lease) = (Instant::now(), timeout + Duration::from_secs(1));
        let (is_stale, admitted) = {
            let mut known = self.known();
            let is_stale = known.refreshed.is_none_or(|at| now > at + REFRESH);
            if is_stale {
                known.refreshed = Some(now);
            }
            (is_stale, known.breaker(service).admit(now, lease))
        };
        if is_stale {
            spawn(self.clone().refresh());
        }
        match admitted? {
            Pass::Ordinary => Ok(Pass::Ordinary),
            Pass::Probe => self.claim_probe(service, lease).await,
        }
    }

    /// Tells what came of a call that was let through. Redis learns of it beside the caller's way, and only
    /// when it changes something.
    pub fn judge(self: &Arc<Self>, service: &'static str, pass: Pass, has_failed: bool) {
        if self.is_off() {
            return;
        }
        let mut known = self.known();
        let breaker = known.breaker(service);
        if has_failed {
            let failure = breaker.failed(pass, Instant::now(), self.limits);
            drop(known);
            spawn(self.clone().report(service, failure));
        } else {
            breaker.succeeded(pass);
            drop(known);
            if pass == Pass::Probe {
                Line::info("a service is back: its circuit is closed").field("service", service).write();
                spawn(self.clone().forget(service));
            }
        }
    }

    /// Learns what the other instances have found out.
    pub async fn refresh(self: Arc<Self>) {
        const SCRIPT: &str = "local left = {}
            for i, open in ipairs(KEYS) do left[i] = redis.call('pttl', open) end
            return left";
        let services: Vec<_> = self.known().breakers.keys().copied().collect();
        let keys: Vec<_> = services.iter().map(|service| key(service, "open")).collect();
        for (service, left) in
            services.into_iter().zip(self.eval(SCRIPT, &keys, &[]).await.unwrap_or_default())
        {
            self.hear(service, left);
        }
    }

    /// Counts a failure for all instances, and opens the circuit at the last that it takes.
    async fn report(self: Arc<Self>, service: &'static str, failure: Failure) {
        const SCRIPT: &str = "local open, failures, probe = KEYS[1], KEYS[2], KEYS[3]
            local failure, limit, window, lasts = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
            local opens = failure == 'probe'
            if not opens and redis.call('exists', open) == 0 then
                if failure == 'first' then redis.call('del', failures) end
                local count = redis.call('incr', failures)
                if count == 1 then redis.call('pexpire', failures, window) end
                opens = count >= limit
            end
            if opens then
                redis.call('set', open, '1', 'px', lasts)
                redis.call('del', failures, probe)
            end
            return {redis.call('pttl', open), opens and 1 or 0}";
        let keys = ["open", "failures", "probe"].map(|part| key(service, part));
        let word = match failure {
            Failure::First => "first",
            Failure::Further => "further",
            Failure::Probe => "probe",
        };
        let lasts = self.limits.open + HALF_OPEN;
        let arguments = [
            word.to_owned(),
            self.limits.failures.to_string(),
            self.limits.window.as_millis().to_string(),
            lasts.as_millis().to_string(),
        ];
        let Some(&[left, opened]) = self.eval(SCRIPT, &keys, &arguments).await.as_deref() else { return };
        self.hear(service, left);
        if opened == 1 {
            Line::warn("a service keeps failing: its circuit is open").field("service", service).write();
        }
    }

    /// Asks whether this call is the one probe of all instances.
    async fn claim_probe(&self, service: &'static str, lease: Duration) -> Result<Pass, Duration> {
        const SCRIPT: &str = "local open, probe, half_open = KEYS[1], KEYS[2], tonumber(ARGV[1])
            local left = redis.call('pttl', open)
            if left >= 0 and left <= half_open and not redis.call('set', probe, '1', 'nx', 'px', ARGV[2]) then
                return {left, redis.call('pttl', probe)}
            end
            return {left, 0}";
        let keys = ["open", "probe"].map(|part| key(service, part));
        let arguments = [HALF_OPEN.as_millis().to_string(), lease.as_millis().to_string()];
        let Some(&[left, probed_for]) = self.eval(SCRIPT, &keys, &arguments).await.as_deref() else {
            return Ok(Pass::Probe);
        };
        if left < 0 {
            // Somebody else's probe has closed it.
            self.hear(service, left);
            return Ok(Pass::Ordinary);
        }
        let wait = self.wait(left).max(milliseconds(probed_for));
        if wait.is_zero() {
            return Ok(Pass::Probe);
        }
        self.known().breaker(service).open(Instant::now() + wait);
        Err(wait)
    }

    /// The service is back.
    async fn forget(self: Arc<Self>, service: &'static str) {
        let keys = ["open", "failures", "probe"].map(|part| key(service, part));
        if let Err(error) = self.redis.execute("DEL", keys).await {
            unshared(error);
        }
    }

    /// What Redis says of a circuit: the milliseconds until its key is gone, negative without a key.
    fn hear(&self, service: &'static str, left: i64) {
        let mut known = self.known();
        let breaker = known.breaker(service);
        let now = Instant::now();
        match self.wait(left) {
            _ if left < 0 => breaker.close(),
            // Half-open: a probe that is under way here stays one.
            Duration::ZERO if breaker.state(now) == State::HalfOpen => {}
            wait => breaker.open(now + wait),
        }
    }

    /// How long nobody asks yet, by the milliseconds until the key of an open circuit is gone. One that would last longer
    /// than it can have been made for is left from before Redis's clock was put back.
    fn wait(&self, left: i64) -> Duration {
        let wait = milliseconds(left).saturating_sub(HALF_OPEN);
        if wait > self.limits.open { Duration::ZERO } else { wait }
    }

    /// The numbers that a script answers; none without Redis.
    async fn eval(&self, script: &str, keys: &[String], arguments: &[String]) -> Option<Vec<i64>> {
        let answer = self.redis.eval(script, keys.iter().cloned(), arguments.iter().cloned()).await;
        let replies = answer.map_err(unshared).ok()?;
        let number = |reply| match reply {
            RedisResult::Int64(number) => Ok(number),
            other => Err(format!("{other:?} is no number")),
        };
        replies.into_iter().map(number).collect::<Result<_, _>>().map_err(unshared).ok()
    }

    fn is_off(&self) -> bool {
        self.limits.failures == 0
    }

    /// Held briefly, never across an await: a guest's tasks can't wake each other.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn breaker(&mut self, service: &'static str) -> &mut Breaker {
        self.breakers.entry(service).or_default()
    }
}

fn milliseconds(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or_default())
}

fn key(service: &str, part: &str) -> String {
    format!("orders:circuit:{service}:{part}")
}

fn unshared(error: String) {
    Line::debug("the circuits are this instance's own").field("error", error).write();
}
