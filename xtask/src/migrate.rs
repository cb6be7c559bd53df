//! `cargo xtask migrate`: brings a database's schema up to date.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use crate::console::say;
use crate::postgres::{self, Keep};
use crate::project::{self, State};
use crate::servers::Servers;
use crate::settings::Settings;
use crate::up;

pub async fn run() -> Result<ExitCode> {
    if let Some(url) = Settings::load()?.get("database_url") {
        apply(url).await?;
    } else if let Some(state) = State::claim(up::STATE)? {
        let mut servers = Servers::new(&state.directory);
        let outcome = async { apply(&postgres::start(&mut servers, &state, Keep::Data).await?).await }.await;
        servers.stop_all().await;
        outcome?;
    } else {
        apply(&postgres::running(&State::path(up::STATE))?).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies the migrations that the database lacks, and says which.
pub async fn apply(url: &str) -> Result<()> {
    let directory = project::root().join("migrations");
    let migrator = Migrator::new(directory).await.context("the migrations can't be read")?;
    let mut connection = connect(url).await?;
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let applied = connection.list_applied_migrations(&migrator.table_name).await?;
    let is_new = |version| applied.iter().all(|migration| migration.version != version);
    let new: Vec<_> = migrator.iter().filter(|migration| is_new(migration.version)).collect();
    for migration in &new {
        let timeout = if migration.no_tx { "0" } else { LOCK_TIMEOUT };
        sqlx::query("select set_config('lock_timeout', $1, false)")
            .bind(timeout)
            .execute(&mut connection)
            .await?;
        migrator.run_to(migration.version, &mut connection).await.context(CANT_MIGRATE)?;
        say("Migrated", format_args!("{:04} {}", migration.version, migration.description));
    }
    if new.is_empty() {
        // Whether they are still what was applied.
        migrator.run(&mut connection).await.context(CANT_MIGRATE)?;
        say("Migrated", "nothing to do: the schema is up to date");
    }
    Ok(connection.close().await?)
}

const CANT_MIGRATE: &str = "the schema can't be brought up to date";

/// A statement that waits longer for its lock gives up: every request would queue behind it. What runs by itself, such as
/// `create index concurrently`, keeps nobody waiting, and may have to wait for a long report.
const LOCK_TIMEOUT: &str = "5s";

/// Connects, or says to which address it couldn't: the rest of the URL is secret.
async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse().context("the database's URL isn't valid")?;
    PgConnection::connect_with(&options).await.map_err(|error| {
        anyhow!("the database at {}:{} can't be reached: {error}", options.get_host(), options.get_port())
    })
}
