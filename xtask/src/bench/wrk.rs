//! The load generator: wrk, whose requests `requests.lua` makes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

use super::target::Target;
use super::workload::Workload;
use crate::console::Step;
use crate::packages::Package;
use crate::process::{find_program, run_quietly};
use crate::project;

const PACKAGE: Package = Package { what: "wrk", apt: "wrk", brew: "wrk" };

/// What is the same for all runs.
pub struct Wrk {
    program: PathBuf,
    /// The admin's token, then each customer's.
    pub tokens: PathBuf,
    /// How many orders there are to read.
    pub orders: u32,
    /// Where orders that are created are noted.
    pub created: PathBuf,
}

/// A run's figures as `requests.lua` prints them. Times are in microseconds.
#[derive(Clone, Debug, Deserialize)]
pub struct Figures {
    pub requests: u64,
    pub micros: u64,
    pub p50: u64,
    pub p99: u64,
    /// Connections that failed and requests that weren't answered within ten seconds.
    pub broken: u64,
    /// Answers that weren't successes.
    pub refused: u64,
    /// 1 when the orders to take further ran out.
    ran_out: u8,
}

impl Figures {
    pub fn ran_out(&self) -> bool {
        self.ran_out != 0
    }

    /// Requests in a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.micros as f64 * 1e6
    }
}

impl Wrk {
    pub async fn ready(tokens: PathBuf, orders: u32, created: PathBuf) -> Result<Wrk> {
        if find_program("wrk", &[]).is_none() {
            PACKAGE.install().await?;
        }
        let program = find_program("wrk", &[]).context("wrk can't be found, though it was installed")?;
        Ok(Wrk { program, tokens, orders, created })
    }

    /// Sends a workload's requests over so many connections. Those that take orders further need enough of
    /// them.
    pub async fn run(
        &self,
        target: &Target,
        workload: Workload,
        connections: u32,
        seconds: u32,
    ) -> Result<Figures> {
        let step =
            Step::begin("Measuring", format_args!("{workload}, {connections} connections, {}", target.name));
        let walked = if workload.share_of_steps() > 0.0 { &*self.created } else { Path::new("/dev/null") };
        self.send(&step, target, workload, (connections, seconds), &[walked]).await
    }

    /// Creates at least so many orders, which are noted for the next run.
    pub async fn create(&self, target: &Target, count: usize) -> Result<()> {
        let step = Step::begin("Creating", format_args!("{count} orders, {}", target.name));
        fs::write(&self.created, "")?;
        let files = [Path::new("/dev/null"), &*self.created];
        let mut noted = 0;
        while noted < count {
            self.send(&step, target, Workload::CreateOrder, (16, 3), &files).await?;
            let now = fs::read_to_string(&self.created)?.lines().count();
            ensure!(now > noted, "{} creates no orders", target.name);
            noted = now;
        }
        Ok(())
    }

    async fn send(
        &self,
        step: &Step,
        target: &Target,
        workload: Workload,
        (connections, seconds): (u32, u32),
        files: &[&Path],
    ) -> Result<Figures> {
        let mut command = Command::new(&self.program);
        command.args(["--threads", "1", "--timeout", "10s"]);
        command.args(["--connections", &connections.to_string(), "--duration", &format!("{seconds}s")]);
        command.arg("--script").arg(project::root().join("xtask/src/bench/requests.lua"));
        let path = target.path(workload).context("the bare component knows only two workloads")?;
        command.args([&target.origin, "--", &workload.to_string(), path]);
        command.args([self.orders.to_string(), seed()?.to_string()]);
        command.arg(&self.tokens).args(files);
        let output = run_quietly(step, &mut command).await?;
        let result = output.lines().find_map(|line| line.strip_prefix("RESULT "));
        let figures: Figures = serde_json::from_str(result.context("wrk says nothing of the requests")?)?;
        Ok(figures)
    }
}

/// Other orders each time, so that those of the last run being cached doesn't help.
fn seed() -> Result<u32> {
    Ok(getrandom::u32().context("the system has no random numbers")? >> 1)
}
