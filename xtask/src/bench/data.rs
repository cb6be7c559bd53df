//! The database that is measured with: loaded once for each number of orders, and copied for each run.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::console::Step;
use crate::migrate;

/// The name of the copy.
const COPY: &str = "bench";

/// So many customers have orders. `orders.sql` counts on it, too.
pub const CUSTOMERS: u32 = 10_000;

const ORDERS: &str = include_str!("../../../tests/data/orders.sql");

const PATIENCE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(200);

/// The URL of a fresh database with so many orders, on the server of that URL.
pub async fn fresh(server: &str, orders: u32) -> Result<String> {
    let name = format!("loaded_{orders}");
    let loaded = database(server, &name)?;
    let mut server_connection = PgConnection::connect(server).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut server_connection)
        .await?;
    if !exists {
        run(&mut server_connection, format!("create database {name}")).await?;
    }
    migrate::apply(&loaded).await?;
    load(&loaded, orders).await?;

    let step = Step::begin("Copying", &name);
    run(&mut server_connection, format!("drop database if exists {COPY} with (force)")).await?;
    run(&mut server_connection, format!("create database {COPY} template {name}")).await?;
    run(&mut server_connection, "checkpoint".to_owned()).await?;
    step.done("copied");
    server_connection.close().await?;
    database(server, COPY)
}

fn database(server: &str, name: &str) -> Result<String> {
    let mut url = Url::parse(server)?;
    url.set_path(name);
    Ok(url.into())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    let failed = format!("`{statement}` failed");
    connection.execute(AssertSqlSafe(statement)).await.context(failed)?;
    Ok(())
}

/// Loads the orders, in one transaction, where there are none.
async fn load(url: &str, orders: u32) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let is_loaded: bool =
        sqlx::query_scalar("select exists (select from orders)").fetch_one(&mut connection).await?;
    if !is_loaded {
        let step = Step::begin("Loading", format_args!("{orders} orders"));
        run(&mut connection, format!("set load.orders = {orders}")).await?;
        connection.execute(sqlx::raw_sql(ORDERS)).await.context("the orders can't be loaded")?;
        run(&mut connection, "vacuum analyze".to_owned()).await?;
        step.done("loaded");
    }
    connection.close().await?;
    Ok(())
}

/// Waits until the task component has done what is due: the next measurement is not to pay for the last.
pub async fn until_settled(url: &str, nudge: impl AsyncFn() -> bool) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let deadline = Instant::now() + PATIENCE;
    let is_settled = "select not exists (select from tasks where status = 'queued' and due_at < now() + interval '1 minute')";
    while !sqlx::query_scalar::<_, bool>(is_settled).fetch_one(&mut connection).await? {
        ensure!(Instant::now() < deadline, "there are tasks left after {PATIENCE:?}");
        ensure!(nudge().await, "the service doesn't answer");
        sleep(POLL).await;
    }
    connection.close().await?;
    Ok(())
}
