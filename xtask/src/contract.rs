//! `cargo xtask contract`: Schemathesis asks the running service about everything that its description
//! says, with valid and invalid data, as each kind of caller.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

use crate::console::{Step, leave_out, say};
use crate::host::{self, Host};
use crate::interrupt::or_stopped;
use crate::postgres::{self, Keep};
use crate::process::{self, run_quietly};
use crate::project::{self, State};
use crate::servers::{Servers, Stop, port_for};
use crate::settings::{SERVICES, Settings};
use crate::tokens::{self, Signer};
use crate::toolchain::Toolchain;
use crate::{build, migrate, redis, up, upstreams};

/// The name of the folder with what a run needs.
const STATE: &str = "contract";
const VERSION: &str = "4.32.5";

/// Who asks: the subject of the token, its role, and whether at length. The orders that are there
/// belong to them, see orders.sql.
const CALLERS: [(&str, &str, bool); 3] =
    [("admin-1", "admin", true), ("courier-1", "delivery_partner", false), ("customer-1", "user", false)];

#[derive(Args)]
pub struct Options {
    /// With which the same requests are made again
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How many requests are invented for each operation, at most
    #[arg(long, default_value_t = 50)]
    examples: u32,

    /// What runs the components [default: a `spin` from 4.1 on if there is one, else the stand-in]
    #[arg(long, value_enum)]
    host: Option<host::Kind>,

    /// For Schemathesis, such as `--include-path /orders`
    #[arg(last = true)]
    args: Vec<String>,
}

pub async fn run(options: Options) -> Result<ExitCode> {
    let Some(schemathesis) = schemathesis().await? else { return Ok(ExitCode::SUCCESS) };
    let Some(state) = State::claim(STATE)? else {
        bail!("`cargo xtask contract` is already running in this checkout");
    };
    let mut servers = Servers::new(&state.directory);
    let outcome = or_stopped(check(&options, &schemathesis, &state, &mut servers), ExitCode::FAILURE).await;
    servers.stop_all().await;
    postgres::remove_data(&state)?;
    outcome
}

/// Schemathesis in a private environment of Python's; none where it can't be had.
async fn schemathesis() -> Result<Option<PathBuf>> {
    let directory = project::cache()?.join("tools").join(format!("schemathesis-{VERSION}"));
    let program = directory.join("bin/schemathesis");
    if program.is_file() {
        return Ok(Some(program));
    }
    let step = Step::begin("Installing", format_args!("Schemathesis {VERSION}"));
    let install = async {
        run_quietly(&step, Command::new("python3").args(["-m", "venv"]).arg(&directory)).await?;
        let mut pip = Command::new(directory.join("bin/pip"));
        run_quietly(
            &step,
            pip.args(["install", "--quiet", "--disable-pip-version-check"])
                .arg(format!("schemathesis=={VERSION}")),
        )
        .await
    };
    if let Err(error) = install.await {
        leave_out(format_args!("the contract isn't checked, Schemathesis can't be installed: {error:#}"))?;
        return Ok(None);
    }
    step.done("Schemathesis");
    Ok(Some(program))
}

async fn check(
    options: &Options,
    schemathesis: &PathBuf,
    state: &State,
    servers: &mut Servers,
) -> Result<ExitCode> {
    let (address, settings) = start(options, state, servers).await?;
    let signer = Signer::new(&settings).context("the key is at hand")?;
    let log = state.directory.join(format!("{}.log", up::SERVICE.name));
    let mut failed = Vec::new();
    for (subject, role, at_length) in CALLERS {
        let step = Step::begin("Checking", format_args!("the contract as {subject} ({role})"));
        let examples = if at_length { options.examples } else { options.examples.div_ceil(4) };
        let mut command = Command::new(schemathesis);
        command.current_dir(&state.directory);
        let configuration = project::root().join("tests/contract");
        command.env("SCHEMATHESIS_HOOKS", configuration.join("hooks.py"));
        command.arg("--config-file").arg(configuration.join("schemathesis.toml"));
        command.args(["run", &format!("http://{address}/openapi.json")]);
        command.args(["--seed", &options.seed.to_string(), "--max-examples", &examples.to_string()]);
        // They are about roles that may do little, and about orders that there aren't.
        command.args(["--warnings", "off"]).args(&options.args);
        command.env("TOKEN", signer.token(subject, &format!("{subject}@example.com"), role)?);
        if !process::status(&mut command).await?.success() {
            failed.push(role);
        }
        step.done(format_args!("as {subject}"));
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say("error", format_args!("the service and its description differ (as {})", failed.join(", ")));
    say(
        "",
        "Each failure above has a request to reproduce it. Either the service is wrong (write the end-to-end",
    );
    say(
        "",
        "test first) or the description is (src/api/src/openapi, the types' schemas). To try one operation again:",
    );
    say("", format_args!("cargo xtask contract --seed {} -- --include-path /orders", options.seed));
    say("", format_args!("What the service logged is in {}.", log.display()));
    Ok(ExitCode::FAILURE)
}

/// The service on servers of its own, with some orders.
async fn start(options: &Options, state: &State, servers: &mut Servers) -> Result<(SocketAddr, Settings)> {
    let host = Host::choose(options.host).await?;
    say("Host", &host.description);
    let mut settings = Settings::default();
    settings.set("database_url", &postgres::start(servers, state, Keep::Nothing).await?)?;
    settings.set("redis_url", &redis::start(servers, state).await?)?;
    settings.set("jwt_secret_key", &tokens::random_key()?)?;
    settings.set("rate_limits", "off")?;
    let database = settings.get("database_url").expect("it was set above");
    migrate::apply(database).await?;
    add_orders(database).await?;

    build::components(&Toolchain::ready().await?, &build::COMPONENTS).await?;
    build::program(host::STAND_IN).await?;
    build::program(upstreams::NAME).await?;
    let services = upstreams::start(servers, state, &[]).await?;
    for service in SERVICES {
        settings.set(service, &services)?;
    }
    servers.end_left_behind(up::SERVICE.name, Stop::Group).await;
    let port = port_for(&state.directory, up::SERVICE.name, false)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    servers.start(up::SERVICE.name, Stop::Group, &mut host.command(&up::SERVICE, address, &settings))?;
    host::until_healthy(servers, &up::SERVICE, address).await?;
    Ok((address, settings))
}

async fn add_orders(database: &str) -> Result<()> {
    let file = project::root().join("tests/contract/orders.sql");
    let orders = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
    let mut connection = PgConnection::connect(database).await.context("the database can't be reached")?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(orders))
        .execute(&mut connection)
        .await
        .context("the orders can't be added")?;
    Ok(connection.close().await?)
}
