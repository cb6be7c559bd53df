//! What goes wrong, and when: servers crash and come back, services fail in every way they know.

use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::Counts;
use super::stage::Server;
use crate::dependencies::Dependencies;

const POLL: Duration = Duration::from_millis(50);

/// From one crash to the next, and from a crash to the next start, in milliseconds.
const BETWEEN_CRASHES: std::ops::Range<u64> = 300..4_000;
const DOWN: std::ops::Range<u64> = 0..2_500;
const BETWEEN_UPSETS: std::ops::Range<u64> = 30..400;

/// A service answers wrongly, late, or not at all: before, while or after it does what it was asked.
const MODES: [&str; 12] = [
    "status:500",
    "status:503",
    "status:403",
    "timeout",
    "slow:200",
    "slow:1500",
    "drop",
    "drop_after",
    "garbage",
    "wrong_types",
    "huge",
    "redirect",
];

/// Where money moves there is most to lose.
const SERVICES: [&str; 8] =
    ["payment", "payment", "payment", "payment", "cart", "cart", "product", "notification"];

/// Kills one server after another, and starts each again after a while.
pub async fn kill_servers(servers: &mut [Server], mut rng: Rng, until: Instant) -> Result<Counts> {
    let mut counts = Counts::new();
    let mut starts: Vec<Option<Instant>> = vec![None; servers.len()];
    let mut next_crash = Instant::now() + milliseconds(&mut rng, BETWEEN_CRASHES);
    while Instant::now() < until {
        let now = Instant::now();
        if now >= next_crash {
            next_crash = now + milliseconds(&mut rng, BETWEEN_CRASHES);
            let victim = rng.usize(..servers.len());
            let back = now + milliseconds(&mut rng, DOWN);
            if servers[victim].is_up() {
                servers[victim].kill()?;
                starts[victim] = Some(back);
                *counts.entry(format!("kill -9 {}", servers[victim].name)).or_default() += 1;
            }
        }
        for (server, start) in servers.iter_mut().zip(&mut starts) {
            // One that has ended by itself, as the task host does without Redis, is started again too.
            if !server.is_up() && start.is_none_or(|start| now >= start) {
                *start = None;
                server.start()?;
            }
        }
        sleep_until(now + POLL).await;
    }
    Ok(counts)
}

/// Sets a fault after another, each for a few calls of whoever calls next.
pub async fn upset_services(dependencies: &Dependencies, mut rng: Rng, until: Instant) -> Result<Counts> {
    let mut counts = Counts::new();
    while Instant::now() < until {
        let service = SERVICES[rng.usize(..SERVICES.len())];
        let mode = match service {
            "payment" if rng.u32(..6) == 0 => "decline",
            _ => MODES[rng.usize(..MODES.len())],
        };
        dependencies.fail(json!({ "service": service, "mode": mode, "times": rng.u32(1..=3) })).await;
        *counts.entry(format!("{service} {mode}")).or_default() += 1;
        sleep_until(Instant::now() + milliseconds(&mut rng, BETWEEN_UPSETS)).await;
    }
    Ok(counts)
}

fn milliseconds(rng: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}
