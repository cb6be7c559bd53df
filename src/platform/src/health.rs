//! Whether what the service depends on can be used: looked at now, or a moment ago by any instance.

use std::{collections::BTreeMap, time::Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::{FutureExt as _, future::join_all};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spin_sdk::{pg::DbValue, redis::RedisResult};

use crate::{Database, DbError, Redis, log::Line, services::Client, to_json};

/// The newest migration, which this version of the service needs.
pub const SCHEMA_VERSION: i32 = 28;

/// How old a report may be before somebody looks anew.
pub const FRESH: TimeDelta = TimeDelta::seconds(5);

/// Where the last report stands in Redis, and who may look anew.
const REPORT: &str = "orders:health";
const TURN: &str = "orders:health:turn";

/// What was found of all dependencies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub checked_at: DateTime<Utc>,
    pub dependencies: BTreeMap<String, Dependency>,
}

/// What was found of one dependency.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    pub status: Status,
    pub latency_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DependencyStatus")]
pub enum Status {
    Up,
    Down,
}

impl Report {
    pub fn is_up(&self, dependency: &str) -> bool {
        self.dependencies.get(dependency).is_some_and(|found| found.status == Status::Up)
    }

    pub fn is_all_up(&self) -> bool {
        self.dependencies.values().all(|found| found.status == Status::Up)
    }
}

/// The newest migration that the database has.
pub async fn schema_version(db: &Database) -> Result<i32, DbError> {
    match db.idempotent("select schema_version()", &[]).await?.first().map(Vec::as_slice) {
        Some([DbValue::Int32(version)]) => Ok(*version),
        other => Err(DbError::Failed(format!("not a version: {other:?}"))),
    }
}

/// The state of all dependencies, a few seconds old at most. However many ask, in all instances
/// together one looks anew; the others get what was found before. Without Redis each looks for itself.
pub async fn report(db: &Database, redis: &Redis, services: &[&Client], now: DateTime<Utc>) -> Report {
    if let Some(report) = kept_report(redis).await
        && (now - report.checked_at < FRESH || !is_our_turn(redis).await)
    {
        return report;
    }
    let report = look(db, redis, services, now).await;
    keep(redis, &report).await;
    report
}

async fn kept_report(redis: &Redis) -> Option<Report> {
    match redis.execute("GET", [REPORT]).await.ok()?.first()? {
        RedisResult::Binary(json) => serde_json::from_slice(json).ok(),
        _ => None,
    }
}

async fn is_our_turn(redis: &Redis) -> bool {
    let claimed = redis.execute("SET", [TURN, "1", "NX", "PX", "2000"]).await;
    claimed.is_ok_and(|answer| !matches!(answer.first(), None | Some(RedisResult::Nil)))
}

async fn keep(redis: &Redis, report: &Report) {
    let json = to_json(report);
    if let Err(error) = redis.execute("SET", [REPORT, &json, "EX", "60"]).await {
        Line::debug("a health report isn't kept").field("error", error).write();
    }
}

async fn look(db: &Database, redis: &Redis, services: &[&Client], now: DateTime<Utc>) -> Report {
    let postgres = async { schema_version(db).await.map(drop).map_err(|error| error.to_string()) };
    let ping = async { redis.execute("PING", [""; 0]).await.map(drop) };
    let services = services.iter().map(|service| look_at(service.service, service.probe()).boxed_local());
    let others = [look_at("postgres", postgres).boxed_local(), look_at("redis", ping).boxed_local()];
    let dependencies = join_all(others.into_iter().chain(services)).await;
    Report { checked_at: now.trunc_subsecs(6), dependencies: dependencies.into_iter().collect() }
}

async fn look_at(name: &str, check: impl Future<Output = Result<(), String>>) -> (String, Dependency) {
    let begun = Instant::now();
    let found = check.await;
    let latency_ms = (begun.elapsed().as_secs_f64() * 1e5).round() / 100.0;
    let status = if found.is_ok() { Status::Up } else { Status::Down };
    if let Err(error) = found {
        Line::warn("a dependency is down").field("dependency", name).field("error", error).write();
    }
    (name.to_owned(), Dependency { status, latency_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_needs_the_newest_migration() {
        let migrations = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations")).unwrap();
        let newest = migrations
            .filter_map(|file| file.unwrap().file_name().to_str()?.split('_').next()?.parse::<i32>().ok())
            .max();
        assert_eq!(newest, Some(SCHEMA_VERSION), "a new migration replaces schema_version(), too");
    }
}
