//! Where the fault suite plays: servers of its own, which can be killed and started again at the same
//! place, with the same data.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use chrono::TimeDelta;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use url::Url;
use uuid::Uuid;

use crate::client::client;
use crate::database::Database;
use crate::dependencies::Dependencies;
use crate::environment::Programs;
use crate::process::Process;
use crate::setup::{Setup, Surroundings, free_port, host_arguments, variables};

const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);
const DATABASE: &str = "orders";

/// How long the service waits for others: shorter than usual, so that more goes wrong in less time.
const TIMEOUT_MS: &str = "500";

/// How long before its time a scheduled order is due: far enough ahead to be asked for, and due any moment.
pub const SCHEDULE_LEAD: TimeDelta = TimeDelta::hours(1);

pub struct Stage {
    pub url: String,
    pub dependencies: Dependencies,
    pub surroundings: Surroundings,
    // Held for its life's sake.
    _data: TempDir,
}

/// A program that can be killed and started again.
pub struct Server {
    pub name: &'static str,
    program: PathBuf,
    configure: Box<dyn Fn(&mut Command)>,
    logs: PathBuf,
    starts: u32,
    process: Option<Process>,
}

impl Server {
    fn new(
        name: &'static str,
        program: &Path,
        logs: &Path,
        configure: impl Fn(&mut Command) + 'static,
    ) -> Server {
        let (program, logs) = (program.to_owned(), logs.to_owned());
        Server { name, program, configure: Box::new(configure), logs, starts: 0, process: None }
    }

    /// Starts it, with a log of its own each time.
    pub fn start(&mut self) -> Result<()> {
        self.starts += 1;
        let log = self.logs.join(format!("{}-{}.log", self.name, self.starts));
        self.process = Some(Process::start(&self.program, &self.configure, log)?);
        Ok(())
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Whether it runs, as far as one can tell from outside.
    pub fn is_up(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| !process.has_ended())
    }
}

impl Stage {
    /// Starts everything: Postgres, Redis, the stand-ins of the services, and a host each for requests
    /// and for tasks, as in production.
    pub async fn set_up() -> Result<(Stage, Vec<Server>)> {
        let programs = Programs::find()?;
        let name = format!("chaos_{}", Uuid::new_v4().simple());
        let logs = programs.logs(&name)?;
        // Postgres may run as another user, who must get there.
        let data = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir()?;
        let server = |kind: &'static str, port: u16| {
            let directory = data.path().to_owned();
            Server::new(kind, &programs.xtask, &logs, move |command| {
                command.arg("serve").arg(kind).arg(&directory).arg(port.to_string());
            })
        };

        let (database_port, redis_port) = (free_port()?, free_port()?);
        let mut postgres = server("postgres", database_port);
        let mut redis = server("redis", redis_port);
        postgres.start()?;
        redis.start()?;
        let database_server = Url::parse(&format!("postgres://postgres@127.0.0.1:{database_port}/postgres"))?;
        until("Postgres answers", async || PgConnection::connect(database_server.as_str()).await.is_ok())
            .await?;
        until("Redis answers", async || TcpStream::connect(("127.0.0.1", redis_port)).await.is_ok()).await?;
        let database_url = Database::create(&database_server, &programs.root, DATABASE).await?;
        let redis_url = Url::parse(&format!("redis://127.0.0.1:{redis_port}"))?;
        let surroundings = Surroundings::of(&programs, name, database_url, redis_url).await?;

        let setup = Setup::default()
            .variable("service_timeout_ms", TIMEOUT_MS)
            .variable("payment_timeout_ms", TIMEOUT_MS)
            .variable("schedule_lead_minutes", &SCHEDULE_LEAD.num_minutes().to_string());
        let variables = variables(&setup, &surroundings)?;
        let host = |kind: &'static str, listen: String, components: &[&str]| {
            let components: Vec<String> = components.iter().map(|&name| name.to_owned()).collect();
            let (root, variables) = (programs.root.clone(), variables.clone());
            Server::new(kind, &programs.host, &logs, move |command| {
                host_arguments(command, &root, &listen, &components, &variables);
            })
        };
        let listen = format!("127.0.0.1:{}", free_port()?);
        let api = host("api", listen.clone(), &["api", "tracking"]);
        let tasks = host("tasks", format!("127.0.0.1:{}", free_port()?), &["tasks"]);

        let stage = Stage {
            url: format!("http://{listen}"),
            dependencies: Dependencies::at(&surroundings.dependencies_url),
            surroundings,
            _data: data,
        };
        // They are ended in this order: Postgres waits for those who are connected.
        let mut servers = vec![api, tasks, redis, postgres];
        stage.mend(&mut servers).await?;
        Ok((stage, servers))
    }

    /// Ends all faults, and starts every server that is down until the service is at work.
    pub async fn mend(&self, servers: &mut [Server]) -> Result<()> {
        self.dependencies.recover_all().await;
        let client = client();
        let is_ready = async || {
            let answer = client.get(format!("{}/health", self.url)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
                && PgConnection::connect(self.surroundings.database_url.as_str()).await.is_ok()
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The task host ends where there is no Redis yet, Postgres while its last connections end.
            for server in servers.iter_mut() {
                if !server.is_up() {
                    server.start()?;
                }
            }
            if is_ready().await {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the servers don't come up again; their logs: {}", self.surroundings.logs.display());
            }
            sleep(POLL).await;
        }
    }
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        ensure!(Instant::now() < deadline, "never happened: {what}");
        sleep(POLL).await;
    }
    Ok(())
}
