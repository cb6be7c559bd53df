//! `cargo xtask up`: everything that is missing is set up, then the service runs until Ctrl-C.

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::time::sleep;

use crate::build;
use crate::console::say;
use crate::host::{self, App, Host};
use crate::interrupt::or_stopped;
use crate::postgres::{self, Keep};
use crate::project::State;
use crate::servers::{Servers, Stop};
use crate::settings::{MIN_KEY, SERVICES, Settings};
use crate::tokens::{self, Signer};
use crate::toolchain::Toolchain;
use crate::{migrate, redis, upstreams};

/// The name of the folder with what `up` keeps.
pub const STATE: &str = "up";

/// How often a platform usually asks.
const PROBES: Duration = Duration::from_secs(5);

pub const SERVICE: App = App { name: "host", manifest: "spin.toml" };

#[derive(Args)]
pub struct Options {
    /// Where the service listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// What runs the components [default: a `spin` from 4.1 on if there is one, else the stand-in]
    #[arg(long, value_enum, hide_default_value = true)]
    host: Option<host::Kind>,

    /// Build optimised components: always so, since spin.toml names those
    #[arg(long)]
    release: bool,
}

pub async fn run(options: Options) -> Result<ExitCode> {
    let Some(state) = State::claim(STATE)? else {
        bail!("`cargo xtask up` is already running in this checkout: end that one first");
    };
    let mut servers = Servers::new(&state.directory);
    let outcome = or_stopped(serve(&options, &state, &mut servers), ()).await;
    servers.stop_all().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn serve(options: &Options, state: &State, servers: &mut Servers) -> Result<()> {
    let begun = Instant::now();
    let mut settings = Settings::load()?;
    servers.end_left_behind(SERVICE.name, Stop::Group).await;
    let listen = free(options.listen)?;
    let host = Host::choose(options.host).await?;
    say("Host", &host.description);

    set_up_data(&mut settings, state, servers).await?;
    build::components(&Toolchain::ready().await?, &build::COMPONENTS).await?;
    if host.kind == host::Kind::Standin {
        build::program(host::STAND_IN).await?;
    }
    let stand_ins = set_up_services(&mut settings, state, servers).await?;
    set_up_key(&mut settings)?;
    if std::io::stderr().is_terminal() && settings.get("log_format").is_none() {
        settings.set("log_format", "text")?;
    }
    let reached_at = reached_at(listen);
    servers.start_here(SERVICE.name, Stop::Group, &mut host.command(&SERVICE, listen, &settings))?;
    host::until_healthy(servers, &SERVICE, reached_at).await?;
    say("Ready", format_args!("after {:.0} s", begun.elapsed().as_secs_f32()));
    print_welcome(reached_at, &settings, stand_ins.as_deref())?;

    tokio::select! {
        exit = servers.first_exit() => bail!("{exit}"),
        never = probe(reached_at) => never,
    }
}

/// Asks how the service is, over and over, as a platform does: tasks that wait for their time have no other clock.
async fn probe(reached_at: SocketAddr) -> Result<()> {
    loop {
        sleep(PROBES).await;
        host::is_healthy(reached_at).await;
    }
}

/// The address, if it is still to be had.
fn free(listen: SocketAddr) -> Result<SocketAddr> {
    TcpListener::bind(listen)
        .and_then(|listener| listener.local_addr())
        .with_context(|| format!("can't listen on {listen} (choose another address with `--listen`)"))
}

/// Where a client on this machine finds a server that listens there.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

/// Postgres with its schema, and Redis: those that were named, or private ones.
async fn set_up_data(settings: &mut Settings, state: &State, servers: &mut Servers) -> Result<()> {
    if settings.get("database_url").is_none() {
        settings.set("database_url", &postgres::start(servers, state, Keep::Data).await?)?;
    }
    migrate::apply(settings.get("database_url").expect("it was set above")).await?;
    if settings.get("redis_url").is_none() {
        settings.set("redis_url", &redis::start(servers, state).await?)?;
    } else if let Some(address) = settings.get("redis_address") {
        redis::check(address).await?;
    }
    Ok(())
}

/// Stand-ins for the services that nobody named, and their URL if there are any.
async fn set_up_services(
    settings: &mut Settings,
    state: &State,
    servers: &mut Servers,
) -> Result<Option<String>> {
    let unnamed: Vec<&str> = SERVICES.into_iter().filter(|service| settings.get(service).is_none()).collect();
    if unnamed.is_empty() {
        return Ok(None);
    }
    build::program(upstreams::NAME).await?;
    let url = upstreams::start(servers, state, &[]).await?;
    for service in unnamed {
        settings.set(service, &url)?;
    }
    Ok(Some(url))
}

/// Without a key of the user's there is one for this run.
fn set_up_key(settings: &mut Settings) -> Result<()> {
    match settings.get("jwt_secret_key") {
        None => settings.set("jwt_secret_key", &tokens::random_key()?),
        Some(key) => {
            if key.len() < MIN_KEY {
                say(
                    "warning",
                    format_args!(
                        "JWT_SECRET_KEY is under {MIN_KEY} bytes: the service will refuse all tokens"
                    ),
                );
            }
            Ok(())
        }
    }
}

/// Says how to try the service: lines to paste into a shell.
fn print_welcome(address: SocketAddr, settings: &Settings, stand_ins: Option<&str>) -> Result<()> {
    println!("\nThe order service is at http://{address} (Ctrl-C ends it).\n");
    let Some(signer) = Signer::new(settings) else {
        println!("Tokens come from your issuer: the service only has the key to check them with.\n");
        return Ok(());
    };
    // Nothing but commands, so that the lines can be pasted as one piece into any shell.
    println!(
        "To try it, paste these lines into another shell. The customer's cart becomes an order, which is"
    );
    println!("read by itself and among others, and the last line shows what the customer was told of it.\n");
    println!("CUSTOMER='{}'", signer.token("customer-1", "customer@example.com", "user")?);
    println!("COURIER='{}'", signer.token("courier-1", "courier@example.com", "delivery_partner")?);
    println!("ADMIN='{}'", signer.token("admin-1", "admin@example.com", "admin")?);
    if let Some(stand_ins) = stand_ins {
        println!("SERVICES='{stand_ins}'");
    }
    println!(
        r#"ORDER=$(curl -sS http://{address}/orders -H "Authorization: Bearer $CUSTOMER" -H 'Content-Type: application/json' \
  -d '{{"delivery_address": "123 Main St, City, State 12345", "delivery_latitude": "40.7128", "delivery_longitude": "-74.0060"}}')
echo "$ORDER"; ID=$(echo "$ORDER" | grep -oE '"id": ?[0-9]+' | head -n 1 | grep -oE '[0-9]+')
curl -sS http://{address}/orders/$ID -H "Authorization: Bearer $CUSTOMER"; echo
curl -sS http://{address}/orders/my-orders -H "Authorization: Bearer $CUSTOMER"; echo"#
    );
    if stand_ins.is_some() {
        // The messages go out a moment after the answer.
        println!("sleep 1; curl -sS $SERVICES/_notifications; echo");
    }
    println!();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_reached_on_this_machines_own() {
        assert_eq!(reached_at("0.0.0.0:3000".parse().unwrap()).to_string(), "127.0.0.1:3000");
        assert_eq!(reached_at("192.0.2.1:80".parse().unwrap()).to_string(), "192.0.2.1:80");
    }

    #[test]
    fn an_address_in_use_names_the_flag_to_choose_another() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = format!("{:#}", free(taken.local_addr().unwrap()).unwrap_err());
        assert!(error.contains("`--listen`"), "{error}");
    }
}
