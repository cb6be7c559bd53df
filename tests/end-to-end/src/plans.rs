//! How Postgres carries statements out: `auto_explain` logs each plan, among many orders.

use anyhow::{Context, Result};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

use crate::environment::Environment;

const ORDERS: &str = include_str!("../../data/orders.sql");

/// A statement, or one within it or within a function, and how it was carried out.
#[derive(Debug, Deserialize)]
pub struct Plan {
    #[serde(rename = "Query Text")]
    pub statement: String,
    #[serde(rename = "Plan")]
    root: Node,
}

#[derive(Debug, Deserialize)]
struct Node {
    #[serde(rename = "Node Type")]
    kind: String,
    #[serde(rename = "Relation Name")]
    table: Option<String>,
    #[serde(rename = "Plans", default)]
    children: Vec<Node>,
}

impl Plan {
    /// The tables that are read from end to end.
    pub fn scanned_tables(&self) -> Vec<&str> {
        self.root.scanned_tables().collect()
    }
}

impl Node {
    fn scanned_tables(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        let own = self.table.as_deref().filter(|_| self.kind == "Seq Scan");
        Box::new(own.into_iter().chain(self.children.iter().flat_map(Node::scanned_tables)))
    }
}

pub async fn load_orders(database: &Url, count: u32) -> Result<()> {
    let mut connection = PgConnection::connect(database.as_str()).await?;
    connection.execute(AssertSqlSafe(format!("set load.orders = {count}"))).await?;
    connection.execute(sqlx::raw_sql(ORDERS)).await?;
    connection.execute("vacuum analyze").await?;
    Ok(connection.close().await?)
}

/// Has plans logged of what is done on connections that are opened from now on.
pub async fn log_plans(database: &Url) -> Result<()> {
    let mut connection = PgConnection::connect(database.as_str()).await?;
    let name = database.path().trim_start_matches('/');
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
        "auto_explain.log_format = json",
        // As on an SSD. With the default a table of this size is read whole where a bigger one isn't.
        "random_page_cost = 1.1",
    ] {
        connection.execute(AssertSqlSafe(format!("alter database {name} set {setting}"))).await?;
    }
    Ok(connection.close().await?)
}

/// The plans that were logged of a database.
pub fn plans_of(database: &Url) -> Vec<Plan> {
    let environment = Environment::read().unwrap_or_else(|error| panic!("{error:#}"));
    let log = std::fs::read(&environment.database_log).expect("the server's log can be read");
    let log = String::from_utf8_lossy(&log);
    let beginning = format!("{} LOG:  duration: ", database.path().trim_start_matches('/'));
    let mut plans = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        if line.contains(&beginning) && line.ends_with("plan:") {
            // The lines of one message begin with a tab, but for its first.
            let mut text = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
                text.push_str(line);
            }
            let plan = serde_json::from_str(&text).with_context(|| text.clone());
            plans.push(plan.unwrap_or_else(|error| panic!("a plan is JSON: {error:#}")));
        }
    }
    plans
}
