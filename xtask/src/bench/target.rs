//! What is measured: a service at its address, with the processes that it costs.

use std::fs;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use url::Url;

use super::workload::Workload;

/// The unit of Linux's `/proc`, whatever the kernel itself counts in.
const TICK: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
pub struct Target {
    pub name: String,
    /// Scheme, host and port.
    pub origin: String,
    /// A process of it, where that is known.
    pid: Option<i32>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It has all of the routes.
    Service,
    /// The component that does the least there is to do.
    Bare,
}

impl Target {
    /// The name of the service that is built here.
    pub const SERVICE: &str = "this service";

    pub fn service(origin: String, pid: Option<i32>) -> Target {
        Target { name: Target::SERVICE.into(), origin, pid, kind: Kind::Service }
    }

    pub fn bare(origin: String, pid: Option<i32>) -> Target {
        Target { name: "bare component".into(), origin, pid, kind: Kind::Bare }
    }

    pub fn is_bare(&self) -> bool {
        self.kind == Kind::Bare
    }

    /// Where it has what the workload asks for; the bare component knows two workloads alone.
    pub fn path(&self, workload: Workload) -> Option<&'static str> {
        match (self.kind, workload) {
            (Kind::Service, _) => Some("/orders/"),
            (Kind::Bare, Workload::GetOrderHot) => Some("/cached/"),
            (Kind::Bare, Workload::GetOrderRandom) => Some("/stored/"),
            (Kind::Bare, _) => None,
        }
    }

    /// The processor time that it has used so far: its process's and that of all in the same process group.
    pub fn processor_time(&self) -> Option<Duration> {
        let group = Usage::of(&fs::read_to_string(format!("/proc/{}/stat", self.pid?)).ok()?)?.group;
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let usages =
            processes.filter_map(|process| Usage::of(&fs::read_to_string(process.path().join("stat")).ok()?));
        let ticks: u64 = usages.filter(|usage| usage.group == group).map(|usage| usage.ticks).sum();
        Some(TICK * u32::try_from(ticks).ok()?)
    }
}

/// A process's group and the clock ticks that it has used, by `/proc/<pid>/stat`.
struct Usage {
    group: i32,
    ticks: u64,
}

impl Usage {
    fn of(stat: &str) -> Option<Usage> {
        // The name, in parentheses, may hold anything. After it come the state, the parent and the group.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Usage { group: fields.get(2)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
    }
}

/// Another service, as `NAME=URL` or `NAME=URL,PID`.
impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Target> {
        let (name, rest) = text.split_once('=').context("expected NAME=URL or NAME=URL,PID")?;
        let (url, pid) = match rest.split_once(',') {
            Some((url, pid)) => (url, Some(pid.parse().context("the PID isn't a number")?)),
            None => (rest, None),
        };
        let origin = Url::parse(url).context("the URL isn't one such as http://host:8000")?.origin();
        ensure!(origin.is_tuple(), "the URL isn't one such as http://host:8000");
        Ok(Target { name: name.to_owned(), origin: origin.ascii_serialization(), pid, kind: Kind::Service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_service_has_a_name_an_address_and_perhaps_a_process() {
        let target: Target = "peer=http://127.0.0.1:8000/,42".parse().unwrap();
        assert_eq!(
            (target.name.as_str(), target.origin.as_str(), target.pid),
            ("peer", "http://127.0.0.1:8000", Some(42))
        );
        assert_eq!("peer=http://h".parse::<Target>().unwrap().pid, None);
        for wrong in ["http://h", "peer=h:8000", "peer=http://h,x"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_process_is_counted_whatever_its_name() {
        let stat = "7 (a) b) S 1 5 5 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 9 0 100 1000 50";
        let usage = Usage::of(stat).unwrap();
        assert_eq!((usage.group, usage.ticks), (5, 42));
    }
}
