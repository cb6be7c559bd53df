//! The fault suite as a program, which `cargo xtask chaos` runs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use end_to_end::chaos;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (seconds, seed) = match arguments.as_slice() {
        [seconds] => (seconds, fastrand::u64(..)),
        [seconds, seed] => (seconds, seed.parse().context("the seed must be a number")?),
        _ => bail!("usage: chaos <seconds> [<seed>]"),
    };
    eprintln!("seed: {seed}");
    let report = chaos::run(Duration::from_secs(seconds.parse()?), seed).await?;
    println!("{report}");
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
