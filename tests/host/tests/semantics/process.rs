//! A host as a child process: starts it, waits for what it prints, ends it.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Compiling a component for the first time takes the longest.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Process {
    child: Child,
    lines: Receiver<String>,
    /// What has been read from `lines`.
    printed: Vec<String>,
}

impl Process {
    /// Runs `up` on the manifest in `directory`.
    pub fn up(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = if std::env::var("HOST").is_ok_and(|host| host == "spin") {
            Command::new("spin")
        } else {
            Command::new(required("STANDIN"))
        };
        let mut child = command
            .args(["up", "--from", "spin.toml"])
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host can be started");
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take().expect("stdout is piped"), sender.clone());
        forward(child.stderr.take().expect("stderr is piped"), sender);
        Self { child, lines, printed: Vec::new() }
    }

    /// Waits for a line that holds `text`, one already seen included.
    pub fn line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            if let Some(line) = self.printed[seen..].iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            seen = self.printed.len();
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.printed.push(line),
                Err(error) => panic!("{error} before {text:?}:\n{}", self.printed.join("\n")),
            }
        }
    }

    /// Waits until it ends by itself; gives its status and all it printed.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.printed.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still running:\n{}", self.printed.join("\n")),
            }
        }
        let status = self.child.wait().expect("the host can be waited for");
        (status, self.printed.join("\n"))
    }

    /// Asks it to end, as Ctrl-C or a container's stop does.
    pub fn terminate(&self) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill can be run").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.terminate();
            self.child.wait().expect("the host can be waited for");
        }
    }
}

fn forward(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody listens any more once the test is over.
            if lines.send(line).is_err() {
                break;
            }
        }
    });
}

/// An environment variable that the tests cannot do without.
pub fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run these tests by `cargo xtask test`"))
}
