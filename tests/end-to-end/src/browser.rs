//! A real browser: Chromium without a window, driven by the DevTools protocol.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::client::client;
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Nothing of its own on the network, and no questions. The pages are our own: they need no sandbox,
/// which containers don't allow.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "about:blank",
];

/// A browser with one page.
pub struct Browser {
    page: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    // Held for their lives' sake; the profile outlives the program that writes to it.
    _program: Process,
    _profile: TempDir,
}

impl Browser {
    pub async fn start() -> Browser {
        start().await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Opens an address in the page.
    pub async fn visit(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
        let loaded = format!("location.href === {} && document.readyState === 'complete'", json!(url));
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(&loaded).await != true {
            assert!(Instant::now() < deadline, "{url} doesn't load");
            sleep(POLL).await;
        }
    }

    /// The value of a JavaScript expression in the page.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", parameters).await;
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression}");
        answer["result"]["value"].take()
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": parameters }).to_string();
        self.page.send(Message::text(call)).await.expect("the browser listens");
        loop {
            let message = timeout(PATIENCE, self.page.next()).await.expect("the browser answers");
            let message = message.expect("the browser is there").expect("the browser answers in order");
            let Ok(text) = message.to_text() else { continue };
            let mut answer: Value = serde_json::from_str(text).unwrap_or_default();
            // What has no id, or an old one, is news of something else.
            if answer["id"] == self.calls {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].take();
            }
        }
    }
}

async fn start() -> Result<Browser> {
    let program: PathBuf = std::env::var_os("CHROMIUM").map(PathBuf::from).context(
        "the browser test needs Chromium (`apt-get install chromium`) or Google Chrome \
         (`brew install --cask google-chrome`): install it and run `cargo xtask test`, or set CHROMIUM",
    )?;
    let profile = TempDir::new()?;
    let directory = format!("--user-data-dir={}", profile.path().display());
    let log = profile.path().join("browser.log");
    let configure = |command: &mut Command| {
        command.arg(directory).args(ARGUMENTS);
    };
    let mut process = Process::start(&program, configure, log)?;
    let port_file = profile.path().join("DevToolsActivePort");
    let deadline = Instant::now() + PATIENCE;
    let port = loop {
        // The first of two lines; the second is there when the file is complete.
        if let Ok(text) = std::fs::read_to_string(&port_file)
            && let Some((port, _)) = text.split_once('\n')
        {
            break port.to_owned();
        }
        if process.has_ended() || Instant::now() > deadline {
            bail!("the browser did not start, {}", process.last_words());
        }
        sleep(POLL).await;
    };
    let pages: Value =
        client().get(format!("http://127.0.0.1:{port}/json/list")).send().await?.json().await?;
    let page = pages[0]["webSocketDebuggerUrl"].as_str().context("the browser has no page")?;
    let (page, _) = connect_async(page).await?;
    Ok(Browser { page, calls: 0, _program: process, _profile: profile })
}
