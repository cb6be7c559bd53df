//! Which process a number means: numbers are used again, so the time it began belongs to it.

use std::fs;
use std::io;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A process, told apart from a later one with the same number by the time it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pid: Pid,
    begun: String,
}

impl Identity {
    /// The process that has this number now, unless it is gone or only waits to be reaped.
    pub fn of(pid: Pid) -> Option<Identity> {
        Some(Identity { pid, begun: begun(pid)? })
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    pub fn is_alive(&self) -> bool {
        Identity::of(self.pid).as_ref() == Some(self)
    }

    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.is_alive() { Ok(kill_process(self.pid, signal)?) } else { Ok(()) }
    }

    /// Signals the process and those it started.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if self.is_alive() { Ok(kill_process_group(self.pid, signal)?) } else { Ok(()) }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(out, "{} {}", self.pid, self.begun)
    }
}

impl FromStr for Identity {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Identity> {
        let (pid, begun) = text.trim().split_once(' ').context("a pid file holds a number and a time")?;
        let pid = Pid::from_raw(pid.parse()?).context("no process has the number 0")?;
        Ok(Identity { pid, begun: begun.to_owned() })
    }
}

/// The boot and the clock tick at which a process began.
#[cfg(target_os = "linux")]
fn begun(pid: Pid) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; state is the first field after it, the start the 20th.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, start) = (fields.first()?, fields.get(19)?);
    (*state != "Z").then(|| format!("{}/{start}", boot.trim()))
}

/// The date at which a process began.
#[cfg(not(target_os = "linux"))]
fn begun(pid: Pid) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "state=,lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let (state, start) = line.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_recognised_after_a_round_trip_through_its_pid_file() {
        let me = Identity::of(rustix::process::getpid()).unwrap();
        let read: Identity = me.to_string().parse().unwrap();
        assert_eq!(read, me);
        assert!(read.is_alive());
    }

    #[test]
    fn a_later_process_with_the_same_number_is_another() {
        let me = Identity::of(rustix::process::getpid()).unwrap();
        let earlier = Identity { begun: "before".into(), ..me };
        assert!(!earlier.is_alive());
    }

    #[test]
    fn a_child_that_waits_to_be_reaped_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        while Identity::of(pid).is_some() {
            std::thread::yield_now();
        }
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_damaged_pid_file_names_no_process() {
        for text in ["", "12", "0 x", "-3", "many x"] {
            assert!(text.parse::<Identity>().is_err(), "{text:?}");
        }
    }
}
