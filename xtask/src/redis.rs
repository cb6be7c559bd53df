//! A private Redis (or Valkey) that keeps nothing: the service's truth is in Postgres.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::console::say;
use crate::packages::Package;
use crate::process::find_program;
use crate::project::State;
use crate::servers::{Servers, Stop, port_for};

const NAME: &str = "redis";
const PATIENCE: Duration = Duration::from_secs(20);
const PACKAGE: Package = Package { what: "Redis", apt: "redis-server", brew: "redis" };

/// The URL of a private Redis: the one that an earlier run left, or a new one.
pub async fn start(servers: &mut Servers, state: &State) -> Result<String> {
    let adopted = servers.adopt(NAME, Stop::Group);
    let port = port_for(&state.directory, NAME, adopted)?;
    if !adopted {
        servers.start(NAME, Stop::Group, &mut server(&state.directory, port).await?)?;
    }
    servers.until_ready(NAME, PATIENCE, async || answers(port).await).await?;
    let how = if adopted { "still running" } else { "started" };
    say("Redis", format_args!("private server on 127.0.0.1:{port}, {how}"));
    Ok(format!("redis://127.0.0.1:{port}"))
}

/// Whether a Redis that the user named is there.
pub async fn check(address: &str) -> Result<()> {
    TcpStream::connect(address)
        .await
        .with_context(|| format!("the Redis that REDIS_URL names, at {address}, can't be reached"))?;
    say("Redis", format_args!("REDIS_URL, at {address}"));
    Ok(())
}

async fn program() -> Result<PathBuf> {
    if find().is_none() {
        PACKAGE.install().await?;
    }
    find().context("neither redis-server nor valkey-server can be found, though it was installed")
}

fn find() -> Option<PathBuf> {
    let places = ["/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/sbin"];
    ["redis-server", "valkey-server"].into_iter().find_map(|program| find_program(program, &places))
}

/// The command that runs a server.
pub async fn server(directory: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new(program().await?);
    command.current_dir(directory);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    // Each application under test has one to itself.
    command.args(["--databases", "1024"]);
    Ok(command)
}

/// Whether it answers, rather than only listens: it may still be loading.
async fn answers(port: u16) -> bool {
    let ping = async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(b"PING\r\n").await?;
        let mut reply = [0; 7];
        connection.read_exact(&mut reply).await?;
        std::io::Result::Ok(&reply == b"+PONG\r\n")
    };
    ping.await.unwrap_or(false)
}
