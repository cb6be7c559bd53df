//! What runs the components: a real Spin where there is one, its stand-in elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::process::{answer, find_program};
use crate::project;
use crate::servers::Servers;
use crate::settings::Settings;

/// The crate and program of the stand-in.
pub const STAND_IN: &str = "spin-standin";
const HOW_TO_GET_SPIN: &str = "https://spinframework.dev/install";
/// The first Spin with the interfaces that spin-sdk 7 calls.
const MIN_SPIN: (u32, u32) = (4, 1);
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Spin,
    Standin,
}

/// An application that a host can run.
pub struct App {
    /// Of its process.
    pub name: &'static str,
    /// From the root of the checkout.
    pub manifest: &'static str,
}

/// A host that can be started.
pub struct Host {
    pub kind: Kind,
    program: PathBuf,
    /// Which one it is and why, for the user.
    pub description: String,
}

impl Host {
    /// The host that was asked for, or the better one of those at hand.
    pub async fn choose(wanted: Option<Kind>) -> Result<Host> {
        if wanted == Some(Kind::Standin) {
            return Ok(Host::stand_in("as asked for"));
        }
        let problem = match find_program("spin", &[]) {
            None => "there is no `spin` on the PATH".to_owned(),
            Some(program) => {
                let answer = answer(Command::new(&program).arg("--version")).await.unwrap_or_default();
                match version(&answer) {
                    Some(version) if version >= MIN_SPIN => {
                        return Ok(Host { kind: Kind::Spin, program, description: answer });
                    }
                    _ => format!(
                        "the `spin` on the PATH ({answer}) is older than {}.{}",
                        MIN_SPIN.0, MIN_SPIN.1
                    ),
                }
            }
        };
        if wanted == Some(Kind::Spin) {
            bail!("{problem}; how to get Spin: {HOW_TO_GET_SPIN}");
        }
        Ok(Host::stand_in(&format!("since {problem}; how to get Spin: {HOW_TO_GET_SPIN}")))
    }

    fn stand_in(reason: &str) -> Host {
        Host {
            kind: Kind::Standin,
            program: project::program(STAND_IN),
            description: format!("the stand-in for Spin, {reason}"),
        }
    }

    /// This host as it is measured: the stand-in as a release.
    pub fn released(self) -> Host {
        match self.kind {
            Kind::Spin => self,
            Kind::Standin => Host { program: project::release(STAND_IN), ..self },
        }
    }

    /// What runs an application.
    pub fn command(&self, app: &App, listen: SocketAddr, settings: &Settings) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(project::root());
        command.args(["up", "--from", app.manifest, "--runtime-config-file", "runtime-config.toml"]);
        command.args(["--listen", &listen.to_string()]);
        settings.give_to(&mut command);
        command
    }
}

/// Waits until an application answers.
pub async fn until_healthy(servers: &Servers, app: &App, reached_at: SocketAddr) -> Result<()> {
    servers.until_ready(app.name, PATIENCE, async || is_healthy(reached_at).await).await
}

/// The version in `spin 4.1.0 (abc1234 2026-09-01)`.
fn version(answer: &str) -> Option<(u32, u32)> {
    let mut numbers = answer.strip_prefix("spin ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

pub async fn is_healthy(address: SocketAddr) -> bool {
    let answer = async {
        let mut connection = TcpStream::connect(address).await?;
        let request = format!("GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    answer.await.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_spin_says() {
        assert_eq!(version("spin 4.1.0 (abc1234 2026-09-01)"), Some((4, 1)));
        assert_eq!(version("spin 4.2.0-pre0 (abc1234 2026-09-01)"), Some((4, 2)));
        assert_eq!(version("spin: command not found"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("spin 4.10.0").unwrap() >= MIN_SPIN);
        assert!(version("spin 3.11.2").unwrap() < MIN_SPIN);
    }
}
