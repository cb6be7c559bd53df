//! What the user sees of the work: short lines on standard error, aligned like cargo's own.

use std::fmt::Display;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Prints one line about `topic`.
pub fn say(topic: &str, text: impl Display) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[1;32m{topic:>12}\x1b[0m {text}");
    } else {
        eprintln!("{topic:>12} {text}");
    }
}

/// Leaves a check out that can't be made here, with a warning; an error where all have to be made, as in the workflow.
pub fn leave_out(why: impl Display) -> Result<()> {
    if std::env::var_os("ALL_CHECKS").is_some() {
        bail!("{why}");
    }
    say("warning", why);
    Ok(())
}

/// Prints an error and what led to it, as sentences.
pub fn error(error: &anyhow::Error) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[1;31m{:>12}\x1b[0m {error:#}", "error");
    } else {
        eprintln!("{:>12} {error:#}", "error");
    }
}

/// A step that may take long: says when it begins, and how long it took.
pub struct Step {
    topic: &'static str,
    begun: Instant,
}

impl Step {
    pub fn begin(topic: &'static str, text: impl Display) -> Step {
        say(topic, format_args!("{text} …"));
        Step { topic, begun: Instant::now() }
    }

    /// Reminds a waiting user that the step is still at it.
    pub fn still_running(&self) {
        say(self.topic, format_args!("… {}", seconds(self.begun.elapsed())));
    }

    pub fn done(self, text: impl Display) {
        say(self.topic, format_args!("{text} ({})", seconds(self.begun.elapsed())));
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f32()),
        10..120 => format!("{} s", time.as_secs()),
        long => format!("{} min {} s", long / 60, long % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_one_reads_them() {
        assert_eq!(seconds(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(75)), "75 s");
        assert_eq!(seconds(Duration::from_secs(320)), "5 min 20 s");
    }
}
