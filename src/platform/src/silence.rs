//! Servers that accept connections and answer nothing: after a few waits in vain most callers don't ask.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::circuit::{Breaker, Limits};

const LIMITS: Limits = Limits { failures: 3, window: Duration::from_secs(20), open: Duration::from_secs(1) };

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silent {
    #[error("no answer within {0:?}")]
    Now(Duration),
    #[error("it left the last questions unanswered")]
    Lately,
}

/// What one instance knows of a server's silence.
#[derive(Default)]
pub struct Silence(Mutex<Breaker>);

impl Silence {
    /// Asks, unless the server has been silent lately; then one caller a second still tries. None means no answer within
    /// `longest`; any answer, even an error, is a sign of life.
    pub async fn ask<T>(
        &self,
        longest: Duration,
        question: impl Future<Output = Option<T>>,
    ) -> Result<T, Silent> {
        let pass = self.breaker().admit(Instant::now(), longest).map_err(|_| Silent::Lately)?;
        let answer = question.await;
        match answer {
            Some(_) => self.breaker().succeeded(pass),
            None => drop(self.breaker().failed(pass, Instant::now(), LIMITS)),
        }
        answer.ok_or(Silent::Now(longest))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(5);

    fn asked(silence: &Silence, answer: Option<u8>) -> Result<u8, Silent> {
        silence.ask(LONGEST, ready(answer)).now_or_never().expect("the answer is there at once")
    }

    #[test]
    fn after_three_waits_in_vain_nobody_is_asked() {
        let silence = Silence::default();
        for _ in 0..3 {
            assert_eq!(asked(&silence, None), Err(Silent::Now(LONGEST)));
        }
        assert_eq!(silence.ask(LONGEST, pending::<Option<u8>>()).now_or_never(), Some(Err(Silent::Lately)));
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let silence = Silence::default();
        for answer in [None, None, Some(7), None, None, Some(7)] {
            assert_eq!(asked(&silence, answer), answer.ok_or(Silent::Now(LONGEST)));
        }
    }
}
