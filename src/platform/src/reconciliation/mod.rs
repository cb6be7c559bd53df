//! Reconciliation: going through the books for what should never be, though a crash at a bad moment,
//! a fault of ours or a hand in the database may have made it so.
//!
//! Whatever is found becomes a row of `findings`; what can be repaired is repaired from there.

mod inspection;
mod repair;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use domain::OrderId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Database, DbError,
    database::{one_document, optional_document},
    metrics::Samples,
    parameters::moment,
};

pub use inspection::{inspect, is_behind};
pub use repair::{REPAIRS, Repair};

/// A run under way.
#[derive(Debug, Deserialize)]
pub struct Run {
    started_at: DateTime<Utc>,
}

/// Orders that have the same kind of finding.
#[derive(Debug, Deserialize)]
pub struct Affected {
    pub kind: String,
    pub order_ids: Vec<OrderId>,
}

/// What is, or was, wrong with an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub kind: String,
    pub order_id: OrderId,
    pub detail: String,
    /// When it was first seen.
    pub since: DateTime<Utc>,
    pub repaired_at: Option<DateTime<Utc>>,
}

/// The latest run, what is wrong, and what was repaired in the last week.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Reconciliation")]
pub struct Report {
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i32>,
    /// Every change until then has been looked at.
    pub checked_until: DateTime<Utc>,
    /// How many orders have a finding, by its kind.
    pub counts: BTreeMap<String, i64>,
    /// Newest first.
    pub findings: Vec<Finding>,
    /// Newest first.
    pub repairs: Vec<Finding>,
}

/// Begins a run, if the last one began an interval ago and none is under way, in whatever replica.
pub async fn begin(db: &Database, interval: Duration) -> Result<Option<Run>, DbError> {
    let statement = "update reconciliation set started_at = now(), leased_until = now() + interval '1 minute'
        where coalesce(started_at <= now() - $1 * interval '1 second', true)
            and coalesce(leased_until < now(), true)
        returning json_build_object('started_at', started_at)::text";
    optional_document(&db.change(statement, &[interval.as_secs_f64().into()]).await?)
}

/// Ends a run, unless its lease ended it and another has begun, and forgets what was repaired long ago.
pub async fn finish(db: &Database, run: Run) -> Result<(), DbError> {
    let statement = "with old as (
            delete from findings where repaired_at < now() - interval '7 days'
        )
        update reconciliation set leased_until = null, finished_at = clock_timestamp(),
            duration_ms = extract(epoch from clock_timestamp() - started_at) * 1000
        where started_at = $1::timestamp at time zone 'utc'";
    db.change(statement, &[moment(run.started_at)]).await.map(drop)
}

/// The state of the books, with at most so many findings and repairs.
pub async fn report(db: &Database, limit: u32) -> Result<Report, DbError> {
    let statement = "select row_to_json(d)::text from (
            select r.started_at, r.finished_at, r.duration_ms, r.checked_until, (
                select coalesce(json_object_agg(kind, orders), '{}') from (
                    select kind, count(*) as orders from findings where repaired_at is null group by kind
                ) f
            ) as counts, (
                select coalesce(json_agg(row_to_json(f)), '[]') from (
                    select * from findings where repaired_at is null order by since desc, order_id desc limit $1
                ) f
            ) as findings, (
                select coalesce(json_agg(row_to_json(f)), '[]') from (
                    select * from findings where repaired_at is not null
                    order by repaired_at desc, order_id desc limit $1
                ) f
            ) as repairs
            from reconciliation r
        ) d";
    one_document(&db.idempotent(statement, &[i64::from(limit).into()]).await?)
}

/// How many orders have a finding, by its kind.
pub async fn samples(db: &Database) -> Result<Samples, DbError> {
    let statement = "select coalesce(json_object_agg(series, orders), '{}')::text from (
            select format('order_reconciliation_findings{kind=\"%s\"}', kind) as series, count(*) as orders
            from findings where repaired_at is null group by kind
        ) f";
    one_document(&db.idempotent(statement, &[]).await?)
}
