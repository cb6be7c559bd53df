//! The application under test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use tokio::sync::OnceCell;
use tokio::time::interval;
use url::Url;
use uuid::Uuid;

use crate::answer::Answer;
use crate::client::client;
use crate::database::Database;
use crate::dependencies::Dependencies;
use crate::environment::Environment;
use crate::person::Person;
use crate::plans::{Plan, plans_of};
use crate::setup::{Running, Setup, Surroundings};

/// Long enough for a busy machine and a few retries.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

pub struct TestApp {
    pub database: Database,
    pub dependencies: Dependencies,
    client: Client,
    running: Arc<Running>,
}

impl TestApp {
    /// The application all tests of this process share. They keep apart by users and products of
    /// their own.
    pub async fn shared() -> TestApp {
        static SHARED: OnceCell<Result<Arc<Running>, String>> = OnceCell::const_new();

        let start = || async { start(Setup::default()).await };
        match SHARED.get_or_init(start).await {
            Ok(running) => TestApp::of(running.clone()),
            Err(problem) => panic!("{problem}"),
        }
    }

    /// An application for one test alone.
    pub async fn own(setup: Setup) -> TestApp {
        match start(setup).await {
            Ok(running) => TestApp::of(running),
            Err(problem) => panic!("{problem}"),
        }
    }

    fn of(running: Arc<Running>) -> TestApp {
        TestApp {
            database: Database::of(&running.surroundings.database_url),
            dependencies: Dependencies::at(&running.surroundings.dependencies_url),
            client: client(),
            running,
        }
    }

    pub(crate) fn surroundings(&self) -> Arc<Surroundings> {
        self.running.surroundings.clone()
    }

    /// A connection to the service's own part of Redis.
    pub fn redis(&self) -> redis::Connection {
        let client =
            redis::Client::open(self.running.surroundings.redis_url.as_str()).expect("the URL is right");
        client.get_connection().expect("Redis answers")
    }

    /// The Redis channel that wakes the service's tasks.
    pub fn tasks_channel(&self) -> &str {
        &self.running.surroundings.name
    }

    /// How Postgres has carried out the service's statements; see `Setup::explained_with_orders`.
    pub fn plans(&self) -> Vec<Plan> {
        plans_of(&self.running.surroundings.database_url)
    }

    /// What the service has written to its log so far.
    pub fn log(&self) -> String {
        self.running.host.output()
    }

    pub fn customer(&self) -> Person<'_> {
        Person::new(self, &unique("customer"), "user")
    }

    pub fn courier(&self) -> Person<'_> {
        Person::new(self, &unique("courier"), "delivery_partner")
    }

    pub fn admin(&self) -> Person<'_> {
        Person::new(self, &unique("admin"), "admin")
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// The full address of a path, or of a link the service gave.
    pub fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.running.url) }
    }

    /// Waits until `check` yields something, with a deadline. Meanwhile the service is asked for its
    /// health, as a platform does: that's what makes it look for work that is due.
    pub async fn eventually<T>(&self, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut poll = interval(POLL);
        loop {
            poll.tick().await;
            if let Some(found) = check().await {
                return found;
            }
            assert!(Instant::now() < deadline, "never happened: {what}");
            self.get("/health").await;
        }
    }

    /// Waits until everything that follows an order's changes is done; no task waits for its time.
    pub async fn all_done(&self, order_id: i64) {
        self.eventually("nothing is left to do for the order", async || {
            self.database.hasten(order_id).await;
            self.database.tasks(order_id).await.is_empty().then_some(())
        })
        .await;
    }
}

async fn start(setup: Setup) -> Result<Arc<Running>, String> {
    // Kept as text, for each test that shares the failure.
    Running::start(setup).await.map(Arc::new).map_err(|error| format!("{error:#}"))
}

/// An id no other test uses.
pub fn unique(kind: &str) -> String {
    format!("{kind}-{}", Uuid::new_v4().simple())
}

/// The servers the tests were given, for proxies before them.
pub fn servers() -> (Url, Url) {
    let environment = Environment::read().unwrap_or_else(|error| panic!("{error:#}"));
    (environment.database_url, environment.redis_url)
}
