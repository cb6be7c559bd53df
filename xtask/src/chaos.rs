//! `cargo xtask chaos`: the fault suite, for as long as one likes.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use tokio::process::Command;

use crate::console::say;
use crate::host::{self, Host};
use crate::interrupt::or_stopped;
use crate::test::{exit_code, give_programs};
use crate::{build, process, project};

/// The program with the fault suite.
const NAME: &str = "chaos";

#[derive(Args)]
pub struct Options {
    /// How long servers and services fail
    #[arg(long, default_value_t = 5)]
    minutes: u64,

    /// Repeats the decisions of an earlier run [default: a new one, which is printed]
    #[arg(long)]
    seed: Option<u64>,

    /// What runs the components [default: a `spin` from 4.1 on if there is one, else the stand-in]
    #[arg(long, value_enum)]
    host: Option<host::Kind>,
}

pub async fn run(options: Options) -> Result<ExitCode> {
    or_stopped(chaos(&options), ExitCode::FAILURE).await
}

async fn chaos(options: &Options) -> Result<ExitCode> {
    let host = Host::choose(options.host).await?;
    say("Host", &host.description);
    let mut command = Command::new(project::program(NAME));
    give_programs(&host, &mut command).await?;
    build::program(NAME).await?;
    command.arg((options.minutes * 60).to_string());
    command.args(options.seed.map(|seed| seed.to_string()));
    command.env("CARGO_MANIFEST_DIR", project::root().join("tests/end-to-end"));
    Ok(exit_code(process::status(&mut command).await?))
}
