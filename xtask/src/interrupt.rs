//! An end that the user, or whoever started us, wants.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::console::say;

/// The outcome of `work`, or `stopped` when it is interrupted before.
pub async fn or_stopped<T>(work: impl Future<Output = Result<T>>, stopped: T) -> Result<T> {
    tokio::select! {
        outcome = work => outcome,
        signal = interrupted() => signal.map(|name| {
            say("Stopping", format_args!("on {name}"));
            stopped
        }),
    }
}

async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
        _ = hang_up.recv() => "SIGHUP",
    })
}
