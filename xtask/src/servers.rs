//! The servers a run starts: remembered in pid files, so that the next run finds what a killed one left.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::console;
use crate::identity::Identity;
use crate::process::tail;

const POLL: Duration = Duration::from_millis(50);
const PROBE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(15);

/// How a server is asked to end.
#[derive(Clone, Copy)]
pub enum Stop {
    /// SIGTERM to it and its children.
    Group,
    /// SIGINT to it alone: how Postgres ends at once, in order.
    Interrupt,
}

impl Stop {
    fn ask(self, identity: &Identity) -> io::Result<()> {
        match self {
            Stop::Group => identity.signal_group(Signal::TERM),
            Stop::Interrupt => identity.signal(Signal::INT),
        }
    }
}

/// A server that ended by itself.
pub struct Exit {
    pub name: &'static str,
    status: Option<ExitStatus>,
}

struct Server {
    name: &'static str,
    identity: Identity,
    stop: Stop,
}

pub struct Servers {
    directory: PathBuf,
    running: Vec<Server>,
    exits: JoinSet<Exit>,
}

impl Servers {
    /// Servers whose logs and pid files lie in `directory`.
    pub fn new(directory: &Path) -> Servers {
        Servers { directory: directory.to_owned(), running: Vec::new(), exits: JoinSet::new() }
    }

    /// Starts a server that writes to its own log.
    pub fn start(&mut self, name: &'static str, stop: Stop, command: &mut Command) -> Result<()> {
        let log = File::create(self.log(name)).with_context(|| format!("can't write {name}'s log"))?;
        let errors = log.try_clone().with_context(|| format!("can't write {name}'s log"))?;
        self.start_here(name, stop, command.stdout(log).stderr(errors))
    }

    /// Starts a server that writes to the terminal.
    pub fn start_here(&mut self, name: &'static str, stop: Stop, command: &mut Command) -> Result<()> {
        let mut child = command.stdin(Stdio::null()).process_group(0).spawn().with_context(|| {
            format!("{name} ({}) can't be started", command.as_std().get_program().display())
        })?;
        let identity = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .and_then(Identity::of)
            .with_context(|| format!("{name} ended at once"))?;
        fs::write(self.pid_file(name), identity.to_string())
            .with_context(|| format!("can't write {name}'s pid file"))?;
        self.running.push(Server { name, identity, stop });
        self.exits.spawn(async move { Exit { name, status: child.wait().await.ok() } });
        Ok(())
    }

    /// Takes over a server that a killed run left behind; false when there is none.
    pub fn adopt(&mut self, name: &'static str, stop: Stop) -> bool {
        let Some(identity) = self.left_behind(name) else { return false };
        self.running.push(Server { name, identity: identity.clone(), stop });
        self.exits.spawn(async move {
            while identity.is_alive() {
                sleep(POLL).await;
            }
            Exit { name, status: None }
        });
        true
    }

    /// Ends a server that a killed run left behind.
    pub async fn end_left_behind(&mut self, name: &'static str, stop: Stop) {
        if self.adopt(name, stop) {
            console::say("Cleaning up", format_args!("{name}, which an earlier run left behind"));
            self.stop(name).await;
        }
    }

    fn left_behind(&self, name: &str) -> Option<Identity> {
        let identity: Identity = fs::read_to_string(self.pid_file(name)).ok()?.parse().ok()?;
        identity.is_alive().then_some(identity)
    }

    /// Waits until `is_ready`, as long as the server lives and `patience` lasts.
    pub async fn until_ready(
        &self,
        name: &str,
        patience: Duration,
        is_ready: impl AsyncFn() -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !timeout(PROBE, is_ready()).await.unwrap_or(false) {
            let server = self.running.iter().find(|server| server.name == name);
            if !server.is_some_and(|server| server.identity.is_alive()) {
                bail!("{name} ended while starting{}", self.last_words(name));
            }
            if Instant::now() > deadline {
                bail!("{name} wasn't ready within {} s{}", patience.as_secs(), self.last_words(name));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// The process of a server that was started.
    pub fn pid_of(&self, name: &str) -> Option<i32> {
        let server = self.running.iter().find(|server| server.name == name)?;
        Some(server.identity.pid().as_raw_pid())
    }

    /// Waits for the first server to end by itself.
    pub async fn first_exit(&mut self) -> Exit {
        let Some(exit) = self.exits.join_next().await else { return std::future::pending().await };
        let exit = exit.expect("waiting for a process doesn't panic");
        self.running.retain(|server| server.name != exit.name);
        exit
    }

    /// Ends all servers, the last one started first.
    pub async fn stop_all(&mut self) {
        while let Some(name) = self.running.last().map(|server| server.name) {
            self.stop(name).await;
        }
    }

    async fn stop(&mut self, name: &'static str) {
        let Some(server) = self.running.iter().find(|server| server.name == name) else { return };
        let identity = server.identity.clone();
        report(name, server.stop.ask(&identity));
        if timeout(PATIENCE, self.exit_of(name)).await.is_err() {
            console::say("Stopping", format_args!("{name} by force: it is still there after {PATIENCE:?}"));
            report(name, identity.signal_group(Signal::KILL));
            self.exit_of(name).await;
        }
        report(name, fs::remove_file(self.pid_file(name)));
    }

    async fn exit_of(&mut self, name: &str) {
        while self.first_exit().await.name != name {}
    }

    /// What a server's log ends with, as the rest of a sentence.
    fn last_words(&self, name: &str) -> String {
        match fs::read_to_string(self.log(name)) {
            Ok(text) if !text.is_empty() => {
                format!("; the end of {}:\n{}", self.log(name).display(), tail(&text, 8))
            }
            _ => String::new(),
        }
    }

    /// Where a server's output goes.
    pub fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    fn pid_file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.pid"))
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(out, "{} ended by itself ({status})", self.name),
            None => write!(out, "{} ended by itself", self.name),
        }
    }
}

/// Says what went wrong with a server while it was being ended: the others still want to be.
fn report(name: &str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        console::say("warning", format_args!("{name}: {error}"));
    }
}

/// The port of a private server: the one it had before, unless something else has taken it since.
pub fn port_for(directory: &Path, name: &str, is_running: bool) -> Result<u16> {
    let file = directory.join(format!("{name}.port"));
    let before = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = before
        && (is_running || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    {
        return Ok(port);
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .context("no port on 127.0.0.1 is free")?
        .port();
    fs::write(&file, port.to_string()).with_context(|| format!("can't write {}", file.display()))?;
    Ok(port)
}
