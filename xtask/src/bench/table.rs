//! The results, as Markdown.

use std::time::Duration;

use super::target::Target;
use super::workload::Workload;
use super::wrk::Figures;

/// One measurement.
pub struct Row {
    pub workload: Workload,
    pub connections: u32,
    pub target: Target,
    pub figures: Figures,
    pub processor_time: Option<Duration>,
}

/// How many times the bare component's processor time a request of this service should take at most.
const LIMITS: [(Workload, f64); 2] = [(Workload::GetOrderHot, 1.7), (Workload::GetOrderRandom, 1.5)];

impl Row {
    /// Milliseconds of processor time for each request.
    fn cost(&self) -> Option<f64> {
        Some(self.processor_time?.as_secs_f64() * 1e3 / self.figures.requests as f64)
    }

    fn line(&self) -> String {
        let Row { workload, connections, target, figures, .. } = self;
        let (rate, p50, p99) = (figures.rate(), figures.p50 as f64 / 1e3, figures.p99 as f64 / 1e3);
        let cost = self.cost().map_or_else(|| "–".to_owned(), |cost| format!("{cost:.3}"));
        let errors = figures.broken + figures.refused;
        format!(
            "| {workload:<16} | {connections:>11} | {:<14} | {rate:>10.0} | {p50:>7.2} | {p99:>7.2} | {cost:>10} | {errors:>6} |",
            target.name
        )
    }
}

/// The table, and how the costs compare with the bare component's.
pub fn print(rows: &[Row]) {
    println!(
        "| workload         | connections | service        | requests/s | p50, ms | p99, ms | CPU ms/req | errors |\n\
         | ---------------- | ----------: | -------------- | ---------: | ------: | ------: | ---------: | -----: |"
    );
    rows.iter().for_each(|row| println!("{}", row.line()));
    println!();
    for (workload, limit) in LIMITS {
        for bare in rows.iter().filter(|row| row.workload == workload && row.target.is_bare()) {
            let connections = bare.connections;
            let is_ours = |row: &&Row| {
                row.target.name == Target::SERVICE
                    && row.workload == workload
                    && row.connections == connections
            };
            let ours = rows.iter().find(is_ours).and_then(Row::cost);
            if let (Some(ours), Some(least)) = (ours, bare.cost()) {
                println!(
                    "{workload}, {connections} connections: {:.2} times the bare component's CPU time (at most {limit})",
                    ours / least
                );
            }
        }
    }
}
