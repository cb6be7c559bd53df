//! `cargo xtask bench`: how many requests the service answers, how soon, and what each costs, beside a component that
//! does the least there is to do and any other service.

mod data;
mod table;
mod target;
mod workload;
mod wrk;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum as _};

use crate::console::say;
use crate::host::{self, App, Host};
use crate::interrupt::or_stopped;
use crate::postgres::{self, Keep};
use crate::project::State;
use crate::servers::{Servers, Stop, port_for};
use crate::settings::{SERVICES, Settings};
use crate::tokens::{self, Signer};
use crate::toolchain::Toolchain;
use crate::{build, redis, upstreams};

use table::Row;
use target::Target;
use workload::Workload;
use wrk::Wrk;

/// The name of the folder with what the bench keeps: its servers' data.
const STATE: &str = "bench";

const SERVICE: App = App { name: "bench-service", manifest: "spin.toml" };
const BARE: App = App { name: "bench-bare", manifest: "tests/bare/spin.toml" };

/// Measures with release builds, a private Postgres and Redis, and stand-ins of the dependent services. The
/// environment's variables hold, `RATE_LIMITS` for one; without, limits are off and the log says only what is wrong.
///
/// Prints a Markdown table: for each workload, number of connections and service the requests answered per second, the
/// latencies that half and 99 % of them stay below, the processor time that each took in the service's processes (without
/// Postgres and Redis), and how many failed.
#[derive(Args)]
pub struct Options {
    /// How many orders there are beforehand; loaded once for each number and kept
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    orders: u32,

    /// Only this workload (may be given several times)
    #[arg(long, value_enum)]
    workload: Vec<Workload>,

    /// How many connections send requests, each one after the other
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<u32>,

    /// How long each measurement lasts
    #[arg(long, default_value_t = 10)]
    seconds: u32,

    /// How long requests are sent before each measurement
    #[arg(long, default_value_t = 3, value_name = "SECONDS")]
    warmup: u32,

    /// Another service to measure in turn (may be given several times). It has orders 1 to N, order i of customer
    /// (i * 7919) % 10000 + 1, and takes tokens signed with JWT_SECRET_KEY; PID is one of its processes
    #[arg(long, value_name = "NAME=URL[,PID]")]
    also: Vec<Target>,

    /// What runs the components [default: a `spin` from 4.1 on if there is one, else the stand-in]
    #[arg(long, value_enum, hide_default_value = true)]
    host: Option<host::Kind>,
}

pub async fn run(options: Options) -> Result<ExitCode> {
    let Some(state) = State::claim(STATE)? else {
        bail!("`cargo xtask bench` is already running in this checkout");
    };
    let mut servers = Servers::new(&state.directory);
    let work = async { bench(&options, &state, &mut servers).await.map(|()| ExitCode::SUCCESS) };
    let outcome = or_stopped(work, ExitCode::FAILURE).await;
    servers.stop_all().await;
    outcome
}

async fn bench(options: &Options, state: &State, servers: &mut Servers) -> Result<()> {
    let host = Host::choose(options.host).await?.released();
    say("Host", &host.description);
    let (settings, database) = set_up(options, &host, state, servers).await?;
    let tokens = write_tokens(&settings, &state.directory)?;
    let wrk = Wrk::ready(tokens, options.orders, state.directory.join("created")).await?;

    let service = start(&host, &SERVICE, &settings, state, servers).await?;
    let bare = start(&host, &BARE, &settings, state, servers).await?;
    let mut targets = vec![
        Target::service(format!("http://{service}"), servers.pid_of(SERVICE.name)),
        Target::bare(format!("http://{bare}"), servers.pid_of(BARE.name)),
    ];
    targets.extend(options.also.iter().cloned());

    let workloads = if options.workload.is_empty() { Workload::value_variants() } else { &options.workload };
    let mut rows = Vec::new();
    for &workload in workloads {
        for &connections in &options.connections {
            for target in targets.iter().filter(|target| target.path(workload).is_some()) {
                rows.push(measure(options, &wrk, target, workload, connections).await?);
                data::until_settled(&database, async || host::is_healthy(service).await).await?;
            }
        }
    }
    table::print(&rows);
    Ok(())
}

/// Starts an application and answers where it is.
async fn start(
    host: &Host,
    app: &App,
    settings: &Settings,
    state: &State,
    servers: &mut Servers,
) -> Result<SocketAddr> {
    servers.end_left_behind(app.name, Stop::Group).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port_for(&state.directory, app.name, false)?));
    servers.start(app.name, Stop::Group, &mut host.command(app, address, settings))?;
    host::until_healthy(servers, app, address).await?;
    Ok(address)
}

/// Builds everything, starts the servers and loads the orders. The settings, and the database's URL.
async fn set_up(
    options: &Options,
    host: &Host,
    state: &State,
    servers: &mut Servers,
) -> Result<(Settings, String)> {
    let toolchain = Toolchain::ready().await?;
    build::components(&toolchain, &[&build::COMPONENTS[..], &[build::BARE]].concat()).await?;
    if host.kind == host::Kind::Standin {
        build::release(host::STAND_IN).await?;
    }
    build::program(upstreams::NAME).await?;

    let mut settings = Settings::load()?;
    let server = postgres::start(servers, state, Keep::Data).await?;
    let database = data::fresh(&server, options.orders).await?;
    settings.set("database_url", &database)?;
    settings.set("redis_url", &redis::start(servers, state).await?)?;
    let services = upstreams::start(servers, state, &["--endless"]).await?;
    for service in SERVICES {
        settings.set(service, &services)?;
    }
    for (name, value) in [("rate_limits", "off"), ("log_level", "warn")] {
        if settings.get(name).is_none() {
            settings.set(name, value)?;
        }
    }
    if settings.get("jwt_secret_key").is_none() {
        settings.set("jwt_secret_key", &tokens::random_key()?)?;
    }
    Ok((settings, database))
}

/// The tokens of an admin and of all customers, for nobody else to read.
fn write_tokens(settings: &Settings, directory: &Path) -> Result<PathBuf> {
    let signer = Signer::new(settings).context("tokens can be signed with a secret key only (HS256)")?;
    let mut lines = vec![signer.token("admin-1", "admin@example.com", "admin")?];
    for customer in 1..=data::CUSTOMERS {
        lines.push(signer.token(&customer.to_string(), &format!("{customer}@example.com"), "user")?);
    }
    let path = directory.join("tokens");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(lines.join("\n").as_bytes()).with_context(|| format!("can't write {}", path.display()))?;
    Ok(path)
}

async fn measure(
    options: &Options,
    wrk: &Wrk,
    target: &Target,
    workload: Workload,
    connections: u32,
) -> Result<Row> {
    let steps = workload.share_of_steps();
    if steps > 0.0 {
        wrk.create(target, 1_000).await?;
    }
    let warm = wrk.run(target, workload, connections, options.warmup).await?;
    if steps > 0.0 {
        // Each goes three steps; half as many again, should it get faster.
        let needed = warm.rate() * f64::from(options.seconds) * steps / 3.0 * 1.5;
        wrk.create(target, 1_000 + needed as usize).await?;
    }
    let before = target.processor_time();
    let figures = wrk.run(target, workload, connections, options.seconds).await?;
    let processor_time = target.processor_time().zip(before).map(|(after, before)| after - before);
    ensure!(!figures.ran_out(), "{workload}: the orders to take further ran out");
    Ok(Row { workload, connections, target: target.clone(), figures, processor_time })
}
