//! The probe as an application: its manifest, and a way to ask it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::process::{Process, required};

/// A component that satisfies the probe's import.
pub const SUM: &str = r#"
    (component
        (core module $m
            (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1))))
        (core instance $i (instantiate $m))
        (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
        (instance $sum (export "add" (func $add)))
        (export "probe:parts/sum@0.1.0" (instance $sum)))"#;

/// An application to run; by default one HTTP component that may use the tests' servers.
pub struct App {
    directory: TempDir,
    allowed: Vec<String>,
    /// The probe's own, an inline table.
    variables: &'static str,
    manifest: String,
}

pub struct Host {
    pub process: Process,
    probe: Probe,
    _directory: TempDir,
}

/// The probe in a host, to be asked over HTTP.
pub struct Probe {
    pub url: String,
}

impl std::ops::Deref for Host {
    type Target = Probe;

    fn deref(&self) -> &Probe {
        &self.probe
    }
}

/// What the probe answers.
#[derive(Deserialize)]
pub struct Answer {
    pub instance: String,
    pub requests: u32,
    pub concurrent: u32,
    pub outcome: Value,
}

pub fn database() -> String {
    required("TEST_DATABASE_URL")
}

pub fn redis() -> String {
    required("TEST_REDIS_URL")
}

/// `scheme://host:port` of a URL.
fn origin(url: &str, scheme: &str, default_port: u16) -> String {
    let url = Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    format!("{scheme}://{host}:{}", url.port().unwrap_or(default_port))
}

fn probe() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs this")).join("../../target"),
        PathBuf::from,
    );
    let path = target.join("wasm32-wasip2/release/probe.wasm");
    assert!(path.exists(), "{} is missing: run these tests by `cargo xtask test`", path.display());
    path
}

impl App {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the application");
        std::fs::copy(probe(), directory.path().join("probe.wasm")).expect("the probe can be copied");
        let app = Self {
            directory,
            allowed: vec![origin(&database(), "postgres", 5432), origin(&redis(), "redis", 6379)],
            variables: "{}",
            manifest: String::from(
                r#"
                spin_manifest_version = 2
                [application]
                name = "probe"
                [[trigger.http]]
                route = "/probe/..."
                component = "probe"
                "#,
            ),
        };
        app.component("sum.wasm", SUM)
    }

    /// Adds a component to the directory.
    pub fn component(self, name: &str, text: &str) -> Self {
        let bytes = wat::parse_str(text).expect("a component");
        self.file(name, bytes)
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.directory.path().join(name), content).expect("a file can be written");
        self
    }

    pub fn allow(mut self, destination: &str) -> Self {
        self.allowed.push(destination.to_owned());
        self
    }

    pub fn allow_nothing(mut self) -> Self {
        self.allowed.clear();
        self
    }

    /// Gives the probe variables, by an inline table.
    pub fn variables(mut self, variables: &'static str) -> Self {
        self.variables = variables;
        self
    }

    /// Adds lines to the manifest, before the components.
    pub fn with(mut self, lines: &str) -> Self {
        writeln!(self.manifest, "{lines}").expect("a string takes it");
        self
    }

    /// Adds a component `listener`, the probe too, that gets the channel's messages.
    pub fn listening(self, channel: &str) -> Self {
        self.listening_at(&redis(), channel)
    }

    pub fn listening_at(self, address: &str, channel: &str) -> Self {
        self.with(&format!(
            "[[trigger.redis]]\naddress = {address:?}\nchannel = {channel:?}\ncomponent = \"listener\""
        ))
    }

    fn write(&self) {
        let mut manifest = self.manifest.clone();
        let Self { allowed, variables, .. } = self;
        for id in ["probe", "listener"] {
            write!(
                manifest,
                "[component.{id}]\nsource = \"probe.wasm\"\nallowed_outbound_hosts = {allowed:?}\nvariables = {variables}\n\
                 [component.{id}.dependencies]\n\"probe:parts/sum@0.1.0\" = {{ path = \"sum.wasm\" }}\n"
            )
            .expect("a string takes it");
        }
        std::fs::write(self.directory.path().join("spin.toml"), manifest)
            .expect("the manifest can be written");
    }

    /// Starts `up` and does not wait for anything.
    pub fn process(&self, arguments: &[&str]) -> Process {
        self.write();
        Process::up(self.directory.path(), &[&["--listen", "127.0.0.1:0"], arguments].concat())
    }

    /// Runs an application that must not start; gives what the host says.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let (status, printed) = self.process(arguments).ended();
        assert!(!status.success(), "it ended well:\n{printed}");
        printed
    }

    pub fn up(self) -> Host {
        self.up_with(&[])
    }

    /// Runs the application until it serves and, if it has a listener, listens.
    pub fn up_with(self, arguments: &[&str]) -> Host {
        let mut process = self.process(arguments);
        let line = process.line("Serving http://");
        let url = line.split_once("Serving ").expect("the line has it").1.to_owned();
        if self.manifest.contains("[[trigger.redis]]") && !arguments.contains(&"-c") {
            process.line(": [listener]");
        }
        Host { process, probe: Probe { url }, _directory: self.directory }
    }
}

impl Probe {
    /// Has the probe run an operation.
    pub fn ask(&self, operation: Value) -> Answer {
        let (status, body) = self.post(&operation);
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).expect("the probe's answer")
    }

    pub fn outcome(&self, operation: Value) -> Value {
        self.ask(operation).outcome
    }

    /// Sends an operation that may leave nobody to answer.
    pub fn tell(&self, operation: &Value) {
        drop(ureq::post(format!("{}/probe", self.url)).send_json(operation));
    }

    pub fn post(&self, operation: &Value) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.post(format!("{}/probe", self.url)).send_json(operation).expect("an answer");
        let body = response.body_mut().read_to_string().expect("a body");
        (response.status().as_u16(), body)
    }

    /// Runs one statement on a connection of its own; gives its outcome.
    pub fn sql(&self, sql: &str) -> Value {
        self.statements(json!([{ "sql": sql }]))[0].clone()
    }

    pub fn statements(&self, statements: Value) -> Value {
        self.outcome(json!({ "postgres": { "address": database(), "statements": statements } }))
    }

    /// Sends commands over a new connection; gives their replies.
    pub fn redis(&self, commands: Value) -> Value {
        self.outcome(json!({ "redis": { "address": redis(), "commands": commands } }))
    }

    /// Asks until it is so.
    pub fn until(&self, operation: impl Fn() -> Value, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let outcome = self.outcome(operation());
            if is_so(&outcome) {
                return outcome;
            }
            assert!(std::time::Instant::now() < deadline, "it stays so: {outcome}");
            std::thread::yield_now();
        }
    }
}
