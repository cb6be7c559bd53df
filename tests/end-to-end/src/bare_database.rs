//! A database of one test's own, empty at first: for the migrations themselves.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

use crate::app::unique;
use crate::environment::Environment;

pub struct BareDatabase {
    pub url: Url,
    pub migrations: Migrator,
    pub root: PathBuf,
    connection: PgConnection,
}

impl BareDatabase {
    pub async fn create() -> BareDatabase {
        let environment = Environment::read().unwrap_or_else(|error| panic!("{error:#}"));
        let name = unique("bare").replace('-', "_");
        let mut server =
            PgConnection::connect(environment.database_url.as_str()).await.expect("Postgres answers");
        server
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await
            .expect("a database can be created");
        let mut url = environment.database_url.clone();
        url.set_path(&name);
        let connection = PgConnection::connect(url.as_str()).await.expect("the new database answers");
        let folder: &Path = &environment.programs.root.join("migrations");
        let migrations = Migrator::new(folder).await.expect("the migrations can be read");
        BareDatabase { url, migrations, root: environment.programs.root, connection }
    }

    /// Applies what is missing.
    pub async fn migrate(&mut self) -> Result<(), MigrateError> {
        self.migrations.run(&mut self.connection).await
    }

    /// Applies what is missing up to this version.
    pub async fn migrate_to(&mut self, version: i64) -> Result<(), MigrateError> {
        self.migrations.run_to(version, &mut self.connection).await
    }

    /// Runs a statement that answers nothing.
    pub async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.connection.execute(sql).await.map(drop)
    }

    /// Rows of one text each.
    pub async fn texts(&mut self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql)
            .fetch_all(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One row as JSON.
    pub async fn row(&mut self, sql: &'static str) -> Value {
        sqlx::query_scalar(sql)
            .fetch_one(&mut self.connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}
