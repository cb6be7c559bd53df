//! The first try of somebody new: `cargo xtask up`, and the lines it prints pasted into a shell.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// What could lead `up` to servers and services that aren't the test's.
const NAMED: [&str; 9] = [
    "DATABASE_URL",
    "REDIS_URL",
    "JWT_SECRET_KEY",
    "JWT_ALGORITHM",
    "USER_SERVICE_URL",
    "PRODUCT_SERVICE_URL",
    "CART_SERVICE_URL",
    "PAYMENT_SERVICE_URL",
    "NOTIFICATION_SERVICE_URL",
];

/// A running `up`, with servers and data of its own.
struct Up {
    child: Child,
    /// Kept open to the end: `up` goes on printing.
    printed: Lines<BufReader<ChildStdout>>,
    state: PathBuf,
}

impl Up {
    fn start() -> Self {
        // Not private: Postgres may have to run as another user.
        let state = std::env::temp_dir().join(format!("order-service-newcomer-{}", std::process::id()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        // A newcomer has named nothing; an empty value hides what a developer's `.env` may name.
        for named in NAMED {
            command.env(named, "").env_remove(format!("SPIN_VARIABLE_{named}"));
        }
        let mut child = command
            .args(["up", "--listen", "127.0.0.1:0"])
            .env("ORDER_SERVICE_STATE", &state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("xtask starts");
        let printed = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, printed, state }
    }

    /// The lines to paste: all that is printed from the first token to the last command.
    fn lines_to_paste(&mut self) -> String {
        let mut lines = String::new();
        for line in self.printed.by_ref() {
            let line = line.expect("the output is text");
            if !lines.is_empty() || line.starts_with("CUSTOMER=") {
                lines.push_str(&line);
                lines.push('\n');
            }
            if line.contains("/_notifications") {
                return lines;
            }
        }
        panic!("`up` ended before it was ready; it printed:\n{lines}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::TERM).expect("it runs");
        let status = self.child.wait().expect("it ends");
        fs::remove_dir_all(&self.state).expect("its data can be removed");
        assert!(status.success() || std::thread::panicking(), "up ended with {status}");
    }
}

#[test]
fn the_printed_lines_place_an_order_and_show_its_notifications() {
    let mut up = Up::start();
    let lines = up.lines_to_paste();

    let placed = run(&lines);

    for expected in
        ["\"total_amount\":25.97,\"delivery_fee\":5.00,\"status\":\"confirmed\"", "\"name\":\"Apple\""]
    {
        assert_eq!(placed.matches(expected).count(), 3, "{expected}: created, read and listed:\n{placed}");
    }
    // The last command shows what has arrived by now: the e-mail may take a moment longer.
    let again: Vec<_> = lines
        .lines()
        .filter(|line| line.starts_with("SERVICES=") || line.contains("/_notifications"))
        .collect();
    let again = again.join("\n");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut told = run(&again);
    while !told.contains("order-confirmation") {
        assert!(Instant::now() < deadline, "no confirmation was sent:\n{told}");
        told = run(&again);
    }
    assert!(told.contains("customer@example.com"), "{told}");
}

/// What a shell prints for these lines.
fn run(lines: &str) -> String {
    let shell = Command::new("sh").arg("-c").arg(lines).output().expect("sh runs");
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    String::from_utf8_lossy(&shell.stdout).into_owned()
}
