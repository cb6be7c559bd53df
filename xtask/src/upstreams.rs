//! Stand-ins for the dependent services, all at one address.

use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::console::say;
use crate::project::{self, State};
use crate::servers::{Servers, Stop, port_for};

pub const NAME: &str = "upstreams";
const PATIENCE: Duration = Duration::from_secs(20);

/// The URL at which every dependent service is played, in the way that `args` ask for.
pub async fn start(servers: &mut Servers, state: &State, args: &[&str]) -> Result<String> {
    servers.end_left_behind(NAME, Stop::Group).await;
    let address = format!("127.0.0.1:{}", port_for(&state.directory, NAME, false)?);
    let program = project::program(NAME);
    servers.start(NAME, Stop::Group, Command::new(program).args(["--listen", &address]).args(args))?;
    servers.until_ready(NAME, PATIENCE, async || TcpStream::connect(&address).await.is_ok()).await?;
    say("Services", format_args!("stand-ins on http://{address}"));
    Ok(format!("http://{address}"))
}
