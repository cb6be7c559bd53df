//! A stand-in for `spin up`, for tests and a first try on machines without Spin.
//!
//! It reads the same `spin.toml`, runs HTTP and Redis triggers of spin-sdk 7 components and keeps to
//! Spin 4.1's semantics (README.md beside this crate lists them, and what is left out).

mod allowed_hosts;
mod app;
mod bindings;
mod compose;
mod engine;
mod http_trigger;
mod manifest;
mod outbound_http;
mod postgres;
mod redis_host;
mod redis_trigger;
mod request_headers;
mod routes;
mod variables;
mod variables_host;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "spin-standin", version, about = "A small stand-in for Spin 4.1, for tests and a first try")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a Spin application
    Up(UpArgs),
}

/// The flags of `spin up` that the stand-in honours; any other is an error.
#[derive(Args)]
struct UpArgs {
    /// The manifest, or the directory that holds it
    #[arg(short, long, default_value = "spin.toml")]
    from: PathBuf,

    /// IP address and port to listen on; port 0 takes a free one [env: SPIN_HTTP_LISTEN_ADDR, default: 127.0.0.1:3000]
    #[arg(long, value_parser = parse_listen_address)]
    listen: Option<SocketAddr>,

    /// A variable of the application, before all other sources
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_variable)]
    variable: Vec<(String, String)>,

    /// Where the variables come from
    #[arg(long, env = "RUNTIME_CONFIG_FILE")]
    runtime_config_file: Option<PathBuf>,

    /// Run only this component (may be given several times)
    #[arg(short, long)]
    component_id: Vec<String>,

    /// Silence what the components print
    #[arg(short, long)]
    quiet: bool,
}

#[tokio::main]
async fn main() {
    let Command::Up(args) = Cli::parse().command;
    let ended = tokio::select! {
        ended = app::up(args) => ended,
        ended = interrupted() => ended,
    };
    if let Err(error) = &ended {
        eprintln!("Error: {error:#}");
    }
    // What still runs is not waited for.
    std::process::exit(ended.is_err().into());
}

/// Waits for SIGINT or SIGTERM. Like Spin, the host then ends at once, whatever is running.
async fn interrupted() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended.context("cannot listen for SIGINT"),
        _ = terminate.recv() => Ok(()),
    }
}

impl UpArgs {
    /// Where HTTP is listened to.
    fn address(&self) -> Result<SocketAddr> {
        let named = || std::env::var("SPIN_HTTP_LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
        self.listen.map_or_else(|| parse_listen_address(&named()), Ok)
    }
}

fn parse_listen_address(text: &str) -> Result<SocketAddr> {
    let addresses: Vec<SocketAddr> = text.to_socket_addrs()?.collect();
    // Spin's choice too: `localhost` means 127.0.0.1, whatever the resolver's order.
    addresses
        .iter()
        .find(|address| address.ip() == std::net::Ipv4Addr::LOCALHOST)
        .or(addresses.first())
        .copied()
        .context("the address cannot be resolved")
}

fn parse_variable(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').context("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
