//! The fault suite: under load, servers are killed and services fail at random; then everything is
//! mended, and whatever was promised to anyone must be there, and every cent where it belongs.

mod audit;
mod caller;
mod customer;
mod journal;
mod money;
mod quiet;
mod records;
mod report;
mod sabotage;
mod staff;
mod stage;

use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use futures::future::{join_all, join3};
use futures::try_join;
use tokio::time::Instant;

pub use report::Report;

use crate::chaos::customer::Customer;
use crate::chaos::journal::Journal;
use crate::chaos::records::Records;
use crate::chaos::staff::{Admin, Courier};
use crate::chaos::stage::Stage;

const CUSTOMERS: usize = 8;
const COURIERS: usize = 2;
const ADMINS: usize = 2;

/// Lets everything fail for so long, and says what came of it. Whatever is left to chance follows
/// from the seed, each client's own decisions and each fault's included.
pub async fn run(faults_last: Duration, seed: u64) -> Result<Report> {
    let mut rng = Rng::with_seed(seed);
    let (stage, mut servers) = Stage::set_up().await?;
    let journal = Journal::default();

    let until = Instant::now() + faults_last;
    let crashes = sabotage::kill_servers(&mut servers, rng.fork(), until);
    let upsets = sabotage::upset_services(&stage.dependencies, rng.fork(), until);
    let customers: Vec<_> =
        (0..CUSTOMERS).map(|n| Customer::new(&stage, &journal, n, rng.fork()).live(until)).collect();
    let couriers: Vec<_> =
        (0..COURIERS).map(|n| Courier::new(&stage, &journal, n, rng.fork()).live(until)).collect();
    let admins: Vec<_> =
        (0..ADMINS).map(|n| Admin::new(&stage, &journal, n, rng.fork()).live(until)).collect();
    let crowd = async {
        join3(join_all(customers), join_all(couriers), join_all(admins)).await;
        Ok(())
    };
    let (mut faults, upsets, ()) = try_join!(crashes, upsets, crowd)?;
    faults.extend(upsets);

    stage.mend(&mut servers).await?;
    quiet::wait(&stage).await?;
    let records = Records::read(&stage.surroundings.database_url).await?;
    let mut violations = audit::audit(&stage, &records, &journal).await?;
    if !Customer::new(&stage, &journal, CUSTOMERS, rng.fork()).can_still_order().await {
        violations.push("a new customer's order isn't simply confirmed".into());
    }
    Ok(Report {
        seed,
        faults,
        answers: journal.answers(),
        orders: journal.orders(),
        due: records.due(),
        violations,
        logs: stage.surroundings.logs.clone(),
    })
}

/// How often things of a kind happened.
pub type Counts = std::collections::BTreeMap<String, u32>;
