//! How an application is set up for the tests, and starting it so.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;
use url::Url;
use uuid::Uuid;

use crate::app::TestApp;
use crate::client::client;
use crate::database::Database;
use crate::environment::{Environment, Programs};
use crate::plans;
use crate::process::Process;
use crate::tokens::JWT_SECRET;

/// The host compiles the components first, on a busy machine perhaps.
const START_DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// Logical databases of a Redis server that `cargo xtask` starts.
const REDIS_DATABASES: u32 = 1_024;

/// What differs from the ordinary set-up.
#[derive(Default)]
pub struct Setup {
    variables: Vec<(String, String)>,
    component: Option<String>,
    database_port: Option<u16>,
    redis_port: Option<u16>,
    surroundings: Option<Arc<Surroundings>>,
    orders: Option<u32>,
}

impl Setup {
    /// Another value for one of the variables in `spin.toml`.
    pub fn variable(mut self, name: &str, value: &str) -> Setup {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Nothing listens where this service should be.
    pub fn without_service(self, service: &str) -> Setup {
        self.variable(&format!("{service}_service_url"), "http://127.0.0.1:1")
    }

    /// Runs this component alone.
    pub fn only(mut self, component: &str) -> Setup {
        self.component = Some(component.into());
        self
    }

    /// There are so many orders beforehand, and the plan of each statement is logged.
    pub fn explained_with_orders(mut self, count: u32) -> Setup {
        self.orders = Some(count);
        self
    }

    /// The service reaches Postgres by this local port, a proxy's.
    pub fn database_by(mut self, port: u16) -> Setup {
        self.database_port = Some(port);
        self
    }

    /// A second host for the same service: it shares everything with the first.
    pub fn beside(mut self, app: &TestApp) -> Setup {
        self.surroundings = Some(app.surroundings());
        self
    }

    /// The service reaches Redis by this local port, a proxy's.
    pub fn redis_by(mut self, port: u16) -> Setup {
        self.redis_port = Some(port);
        self
    }
}

/// A running application with everything it needs. It belongs to no async runtime, so that tests with
/// a runtime each can share it.
pub struct Running {
    pub url: String,
    pub host: Process,
    pub surroundings: Arc<Surroundings>,
}

/// What a host of the service needs around it.
pub struct Surroundings {
    pub name: String,
    pub logs: PathBuf,
    pub database_url: Url,
    pub redis_url: Url,
    pub dependencies_url: String,
    // Held for its life's sake.
    _dependencies: Process,
}

impl Running {
    pub async fn start(setup: Setup) -> Result<Running> {
        let environment = Environment::read()?;
        let (surroundings, log) = match &setup.surroundings {
            Some(shared) => (shared.clone(), format!("host-{}.log", Uuid::new_v4().simple())),
            None => (Arc::new(Surroundings::create(&environment).await?), "host.log".to_owned()),
        };
        if let Some(count) = setup.orders {
            plans::load_orders(&surroundings.database_url, count).await?;
            plans::log_plans(&surroundings.database_url).await?;
        }
        let variables = variables(&setup, &surroundings)?;
        let log = surroundings.logs.join(log);
        let (host, url) = start_host(&environment.programs, &setup, &variables, log).await?;
        Ok(Running { url, host, surroundings })
    }
}

impl Surroundings {
    async fn create(environment: &Environment) -> Result<Surroundings> {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let Environment { programs, database_url, redis_url, .. } = environment;
        let database_url = Database::create(database_url, &programs.root, &name).await?;
        let redis_url = own_redis(redis_url)?;
        Surroundings::of(programs, name, database_url, redis_url).await
    }

    /// These servers, and stand-ins of the services beside them.
    pub async fn of(
        programs: &Programs,
        name: String,
        database_url: Url,
        redis_url: Url,
    ) -> Result<Surroundings> {
        let logs = programs.logs(&name)?;
        let (dependencies, dependencies_url) = start_dependencies(programs, &logs).await?;
        Ok(Surroundings {
            name,
            logs,
            database_url,
            redis_url,
            dependencies_url,
            _dependencies: dependencies,
        })
    }
}

async fn start_dependencies(programs: &Programs, logs: &Path) -> Result<(Process, String)> {
    let log = logs.join("upstreams.log");
    let mut process = Process::start(&programs.upstreams, |_| (), log)?;
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let output = process.output();
        if let Some((line, _)) = output.split_once('\n') {
            let url = line.strip_prefix("listening on ").context("upstreams said something else")?;
            return Ok((process, url.to_owned()));
        }
        if process.has_ended() || Instant::now() > deadline {
            bail!("upstreams did not start, {}", process.last_words());
        }
        sleep(POLL).await;
    }
}

pub fn variables(setup: &Setup, surroundings: &Surroundings) -> Result<Vec<(String, String)>> {
    let database_url = by_port(&surroundings.database_url, setup.database_port)?;
    let redis_url = by_port(&surroundings.redis_url, setup.redis_port)?;
    let mut variables = vec![
        ("database_address".to_owned(), address(&database_url, 5432)?),
        ("database_url".to_owned(), database_url.into()),
        ("redis_address".to_owned(), address(&redis_url, 6379)?),
        ("redis_url".to_owned(), redis_url.into()),
        // Publications reach every logical database of a Redis server.
        ("tasks_channel".to_owned(), surroundings.name.clone()),
        ("jwt_secret_key".to_owned(), JWT_SECRET.to_owned()),
        ("payment_timeout_ms".to_owned(), "2000".to_owned()),
        // Tests that share an application make services fail for each other.
        ("circuit_failures".to_owned(), "0".to_owned()),
        // Tests change orders and products behind the service's back.
        ("order_cache_seconds".to_owned(), "0".to_owned()),
        ("product_cache_seconds".to_owned(), "0".to_owned()),
        // All tests come from one address.
        ("rate_limits".to_owned(), "off".to_owned()),
    ];
    for service in ["user", "product", "cart", "payment", "notification"] {
        variables.push((format!("{service}_service_url"), surroundings.dependencies_url.clone()));
    }
    // The last of one name counts.
    variables.extend(setup.variables.iter().cloned());
    Ok(variables)
}

fn by_port(url: &Url, port: Option<u16>) -> Result<Url> {
    let mut url = url.clone();
    if let Some(port) = port {
        url.set_host(Some("127.0.0.1"))?;
        if url.set_port(Some(port)).is_err() {
            bail!("{url} takes no port");
        }
    }
    Ok(url)
}

pub fn address(url: &Url, default_port: u16) -> Result<String> {
    let host = url.host_str().with_context(|| format!("{url} names no host"))?;
    Ok(format!("{host}:{}", url.port().unwrap_or(default_port)))
}

/// An emptied logical database, another one for each application of this process.
fn own_redis(server: &Url) -> Result<Url> {
    static NEXT: AtomicU32 = AtomicU32::new(0);

    let mut url = server.clone();
    url.set_path(&(NEXT.fetch_add(1, Ordering::Relaxed) % REDIS_DATABASES).to_string());
    let mut connection = redis::Client::open(url.as_str())?.get_connection()?;
    redis::cmd("FLUSHDB").exec(&mut connection)?;
    Ok(url)
}

async fn start_host(
    programs: &Programs,
    setup: &Setup,
    variables: &[(String, String)],
    log: PathBuf,
) -> Result<(Process, String)> {
    let listen = format!("127.0.0.1:{}", free_port()?);
    let url = format!("http://{listen}");
    let mut process = Process::start(
        &programs.host,
        |command| host_arguments(command, &programs.root, &listen, setup.component.as_slice(), variables),
        log,
    )?;
    let client = client();
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if let Ok(answer) = client.get(format!("{url}/health")).send().await
            && answer.status().is_success()
        {
            return Ok((process, url));
        }
        if process.has_ended() || Instant::now() > deadline {
            bail!("the service did not start, {}", process.last_words());
        }
        sleep(POLL).await;
    }
}

/// Has a host run these components of the application, or all when none is named.
pub fn host_arguments(
    command: &mut Command,
    root: &Path,
    listen: &str,
    components: &[String],
    variables: &[(String, String)],
) {
    command.current_dir(root).arg("up").args(["--from", "spin.toml"]);
    command.args(["--runtime-config-file", "runtime-config.toml"]);
    // Not by its flag, which Spin refuses where no HTTP component is among them.
    command.env("SPIN_HTTP_LISTEN_ADDR", listen);
    command.args(components.iter().flat_map(|component| ["--component-id", component]));
    for (name, value) in variables {
        command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
    }
}

/// A port below those that systems hand out for outgoing connections, so that none of them takes it
/// between now and the host's start.
pub fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let port = 20_000 + u16::try_from(Uuid::new_v4().as_u128() % 10_000)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("there is no free port between 20000 and 30000")
}
