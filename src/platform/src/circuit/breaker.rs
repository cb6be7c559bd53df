//! What one instance makes of a server's answers: whether to ask it, to leave it alone, or to probe it.

use std::time::{Duration, Instant};

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many failures in a row open it; 0 is never.
    pub failures: u32,
    /// The time within which they count.
    pub window: Duration,
    /// How long nobody asks then.
    pub open: Duration,
}

/// A circuit as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    /// Nobody asks.
    Open,
    /// The next call, and no other, shows whether the server is back.
    HalfOpen,
}

/// What a call that is let through decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    Ordinary,
    /// Its outcome closes the circuit or opens it anew.
    Probe,
}

/// What a failure comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The first since the server answered.
    First,
    /// One more.
    Further,
    /// The probe's: the circuit is open again.
    Probe,
}

#[derive(Debug, Default)]
pub struct Breaker {
    /// In a row, since `counted_from`.
    failures: u32,
    counted_from: Option<Instant>,
    /// Whether the server has answered since its last failure.
    answered: bool,
    /// Set while the circuit is open or half-open; half-open once it has passed.
    open_until: Option<Instant>,
    /// How long a probe is waited for, lest the circuit stay half-open when its outcome is lost.
    probe_until: Option<Instant>,
}

impl Breaker {
    pub fn state(&self, now: Instant) -> State {
        match self.open_until {
            None => State::Closed,
            Some(until) if now < until => State::Open,
            Some(_) => State::HalfOpen,
        }
    }

    /// Lets a call through, a probe for at most `lease`.
    ///
    /// # Errors
    /// The call must not be made; how long to wait.
    pub fn admit(&mut self, now: Instant, lease: Duration) -> Result<Pass, Duration> {
        let Some(open_until) = self.open_until else { return Ok(Pass::Ordinary) };
        let wait = |until: Instant| Err(until.saturating_duration_since(now));
        if now < open_until {
            return wait(open_until);
        }
        match self.probe_until {
            Some(probe_until) if now < probe_until => wait(probe_until),
            _ => {
                self.probe_until = Some(now + lease);
                Ok(Pass::Probe)
            }
        }
    }

    /// The server answered a call.
    pub fn succeeded(&mut self, pass: Pass) {
        self.failures = 0;
        self.answered = true;
        if pass == Pass::Probe {
            self.close();
        }
    }

    /// It did not, or with nothing of use.
    pub fn failed(&mut self, pass: Pass, now: Instant, limits: Limits) -> Failure {
        let was_answered = std::mem::take(&mut self.answered);
        if pass == Pass::Probe {
            self.open(now + limits.open);
            return Failure::Probe;
        }
        if self.counted_from.is_none_or(|from| now > from + limits.window) {
            self.failures = 0;
        }
        if self.failures == 0 {
            self.counted_from = Some(now);
        }
        self.failures += 1;
        // Calls that were under way when it opened end later and open nothing anew.
        if (1..=self.failures).contains(&limits.failures) && self.open_until.is_none() {
            self.open(now + limits.open);
        }
        if was_answered { Failure::First } else { Failure::Further }
    }

    pub fn open(&mut self, until: Instant) {
        self.failures = 0;
        self.open_until = Some(until);
        self.probe_until = None;
    }

    pub fn close(&mut self) {
        // What failed while it was open says nothing of the server that is back.
        if self.open_until.take().is_some() {
            self.failures = 0;
        }
        self.probe_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { failures: 3, window: Duration::from_secs(10), open: Duration::from_secs(5) };
    const LEASE: Duration = Duration::from_secs(2);

    fn fail(breaker: &mut Breaker, now: Instant, times: u32) {
        for _ in 0..times {
            let pass = breaker.admit(now, LEASE).unwrap();
            breaker.failed(pass, now, LIMITS);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_nobody_asks_for_a_while() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fail(&mut breaker, now, 2);
        assert_eq!(breaker.state(now), State::Closed);
        fail(&mut breaker, now, 1);
        assert_eq!(breaker.state(now), State::Open);
        let later = now + Duration::from_secs(4);
        assert_eq!(breaker.admit(later, LEASE), Err(Duration::from_secs(1)));
    }

    #[test]
    fn a_server_that_answers_some_calls_is_not_left_alone() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            fail(&mut breaker, now, 2);
            breaker.succeeded(Pass::Ordinary);
        }
        assert_eq!(breaker.state(now), State::Closed);
        assert_eq!(breaker.failed(Pass::Ordinary, now, LIMITS), Failure::First);
        assert_eq!(breaker.failed(Pass::Ordinary, now, LIMITS), Failure::Further);
    }

    #[test]
    fn failures_far_apart_dont_add_up() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for n in 0..10 {
            fail(&mut breaker, now + LIMITS.window * n, 1);
        }
        fail(&mut breaker, now + LIMITS.window * 20, 2);
        assert_eq!(breaker.state(now + LIMITS.window * 20), State::Closed);
    }

    #[test]
    fn then_one_probe_at_a_time_decides() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fail(&mut breaker, now, 3);
        let later = now + LIMITS.open;
        assert_eq!(breaker.state(later), State::HalfOpen);
        assert_eq!(breaker.admit(later, LEASE), Ok(Pass::Probe));
        assert_eq!(breaker.admit(later, LEASE), Err(LEASE));

        assert_eq!(breaker.failed(Pass::Probe, later, LIMITS), Failure::Probe);
        assert_eq!(breaker.state(later), State::Open);

        let later = later + LIMITS.open;
        assert_eq!(breaker.admit(later, LEASE), Ok(Pass::Probe));
        breaker.succeeded(Pass::Probe);
        assert_eq!(breaker.state(later), State::Closed);
        assert_eq!(breaker.admit(later, LEASE), Ok(Pass::Ordinary));
    }

    #[test]
    fn a_lost_probe_makes_way_for_the_next() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fail(&mut breaker, now, 3);
        let later = now + LIMITS.open;
        assert_eq!(breaker.admit(later, LEASE), Ok(Pass::Probe));
        assert_eq!(breaker.admit(later + LEASE, LEASE), Ok(Pass::Probe));
    }

    #[test]
    fn calls_that_were_under_way_decide_nothing_once_it_is_open() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fail(&mut breaker, now, 3);
        let later = now + Duration::from_secs(1);
        for _ in 0..9 {
            breaker.failed(Pass::Ordinary, later, LIMITS);
        }
        breaker.succeeded(Pass::Ordinary);
        assert_eq!(breaker.admit(later, LEASE), Err(Duration::from_secs(4)));
    }

    #[test]
    fn failures_of_the_time_before_it_closed_dont_count() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fail(&mut breaker, now, 3);
        breaker.failed(Pass::Ordinary, now, LIMITS);
        breaker.failed(Pass::Ordinary, now, LIMITS);
        breaker.close();
        fail(&mut breaker, now, 1);
        assert_eq!(breaker.state(now), State::Closed);
    }
}
