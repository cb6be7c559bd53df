//! `cargo xtask test`: every test, on servers of its own that are thrown away.

use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum as _};
use tokio::process::Command;

use crate::console::say;
use crate::host::{self, Host};
use crate::interrupt::or_stopped;
use crate::postgres::{self, Keep};
use crate::project::{self, PROFILE, State};
use crate::servers::Servers;
use crate::toolchain::Toolchain;
use crate::{build, chromium, nginx, process, redis, upstreams};

/// The name of the folder with what a run of the tests needs.
const STATE: &str = "test";

#[derive(Args)]
pub struct Options {
    /// Only tests whose names contain this
    filter: Option<String>,

    /// Only tests of this crate (may be given several times)
    #[arg(short, long)]
    package: Vec<String>,

    /// What runs the components [default: a `spin` from 4.1 on if there is one, else the stand-in]
    #[arg(long, value_enum)]
    host: Option<host::Kind>,

    /// For the test programs, such as `--nocapture`
    #[arg(last = true)]
    args: Vec<String>,
}

pub async fn run(options: Options) -> Result<ExitCode> {
    let state = claim().await?;
    let mut servers = Servers::new(&state.directory);
    let outcome = or_stopped(test(&options, &state, &mut servers), ExitCode::FAILURE).await;
    servers.stop_all().await;
    postgres::remove_data(&state)?;
    outcome
}

/// Waits for another run in this checkout: its servers and builds are the same.
async fn claim() -> Result<State> {
    let mut said = false;
    loop {
        if let Some(state) = State::claim(STATE)? {
            return Ok(state);
        }
        if !said {
            say("Waiting", "for another `cargo xtask test` in this checkout");
            said = true;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn test(options: &Options, state: &State, servers: &mut Servers) -> Result<ExitCode> {
    let host = Host::choose(options.host).await?;
    say("Host", &host.description);
    let database = postgres::start(servers, state, Keep::Nothing).await?;
    let redis = redis::start(servers, state).await?;
    let (browser, gateway) = (chromium::program().await, nginx::program().await);

    let mut command = build::cargo("test");
    give_programs(&host, &mut command).await?;
    build::components(&Toolchain::ready().await?, &[build::PROBE]).await?;
    command.args(["--profile", PROFILE]);
    command.args(options.package.iter().flat_map(|package| ["--package", package]));
    command.args(&options.filter).arg("--").args(&options.args);
    if let Some(browser) = browser {
        command.env("CHROMIUM", browser);
    }
    if let Some(gateway) = gateway {
        command.env("NGINX", gateway);
    }
    command.env("TEST_DATABASE_URL", database).env("TEST_DATABASE_LOG", servers.log(postgres::NAME));
    command.env("TEST_REDIS_URL", redis);
    Ok(exit_code(process::status(&mut command).await?))
}

/// Builds the programs that the end-to-end tests start, and says where they are.
pub async fn give_programs(host: &Host, command: &mut Command) -> Result<()> {
    build::components(&Toolchain::ready().await?, &build::COMPONENTS).await?;
    build::program(host::STAND_IN).await?;
    build::program(upstreams::NAME).await?;
    command
        .env("STANDIN", project::program(host::STAND_IN))
        .env("UPSTREAMS", project::program(upstreams::NAME))
        .env("HOST", host.kind.to_possible_value().context("every host has a name")?.get_name())
        .env("XTASK", std::env::current_exe()?);
    Ok(())
}

/// How the tests ended. A signal's end has no code of its own.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
