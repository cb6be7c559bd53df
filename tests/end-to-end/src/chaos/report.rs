//! What a run of the fault suite has to say.

use std::fmt::{Display, Formatter, Result};
use std::path::PathBuf;

use super::Counts;

pub struct Report {
    pub seed: u64,
    pub faults: Counts,
    /// The answers that clients got, by what they asked for.
    pub answers: Counts,
    /// How many orders were placed and seen to be.
    pub orders: usize,
    /// How many scheduled orders came due.
    pub due: usize,
    pub violations: Vec<String>,
    pub logs: PathBuf,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (title, counts) in [("faults injected", &self.faults), ("answers", &self.answers)] {
            writeln!(f, "{title}: {}", counts.values().sum::<u32>())?;
            for (kind, count) in counts {
                writeln!(f, "{count:>8}  {kind}")?;
            }
        }
        writeln!(f, "orders placed: {}, come due: {}", self.orders, self.due)?;
        writeln!(f, "violations: {}", self.violations.len())?;
        for violation in &self.violations {
            writeln!(f, "          {violation}")?;
        }
        if !self.violations.is_empty() {
            writeln!(f, "logs: {}", self.logs.display())?;
        }
        write!(f, "seed: {}", self.seed)
    }
}
