//! Postgres: one connection for each instance, on which statements of concurrent requests follow
//! each other without waiting; errors sorted by what a caller can do about them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::de::DeserializeOwned;
use spin_sdk::pg::{Connection, DbValue, Error, ParameterValue, PgError, QueryError};

use crate::timeout::within;

/// No statement on a request's path takes nearly as long; one that does has met a dead server.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a report may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Postgres can't be reached, or the connection broke: whether a change was made is unknown.
    #[error("Postgres is unavailable: {0}")]
    Unavailable(String),
    /// The change would break the constraint of that name.
    #[error("constraint {0} is violated")]
    Constraint(String),
    /// The request was given up for dead, and another one has its idempotency key: nothing was changed.
    #[error("another request has the idempotency key")]
    Overtaken,
    /// The statement or its result is wrong: a fault of this service.
    #[error("a statement failed: {0}")]
    Failed(String),
}

/// One row of a result.
pub type Row = Vec<DbValue>;

/// A database, reached over a connection that all requests of an instance share.
///
/// Only single statements may run on it: a transaction would mix with other requests' statements.
pub struct Database {
    address: String,
    shared: Mutex<Option<Arc<Connection>>>,
}

impl Database {
    pub fn new(address: String) -> Self {
        Self { address, shared: Mutex::new(None) }
    }

    /// Runs a statement that changes nothing, or leaves the same when it is run twice: a connection
    /// found broken is replaced, once.
    pub async fn idempotent(
        &self,
        statement: &str,
        parameters: &[ParameterValue],
    ) -> Result<Vec<Row>, DbError> {
        match self.run(statement, parameters).await {
            Err(Failure::Broken(_)) => Ok(self.run(statement, parameters).await?),
            result => Ok(result?),
        }
    }

    /// Runs a statement that changes something: once, for a broken connection doesn't tell whether
    /// it was carried out.
    pub async fn change(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Vec<Row>, DbError> {
        Ok(self.run(statement, parameters).await?)
    }

    /// Runs a long statement that changes nothing, on a connection of its own: on the shared one other
    /// requests would wait behind it.
    pub async fn report(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Vec<Row>, DbError> {
        let work = async {
            let connection = Connection::open(&self.address).await.map_err(Failure::from)?;
            rows(&connection, statement, parameters).await
        };
        let late = || Err(unanswered(REPORT_TIMEOUT));
        Ok(within(REPORT_TIMEOUT, work).await.unwrap_or_else(late)?)
    }

    /// Gives the connection back to the host, which has only so many, until the next statement: for
    /// an instance that lives on with little to ask.
    pub fn let_go(&self) {
        self.current().take();
    }

    async fn run(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Vec<Row>, Failure> {
        let work = async {
            let connection = self.connection().await.map_err(Failure::from)?;
            let result = rows(&connection, statement, parameters).await;
            if let Err(Failure::Broken(_)) = &result {
                self.forget(&connection);
            }
            result
        };
        if let Some(result) = within(TIMEOUT, work).await {
            return result;
        }
        // Whatever holds up this connection holds up its other statements too.
        self.let_go();
        Err(unanswered(TIMEOUT))
    }

    /// The shared connection, opened at need. The lock is never held across an await: a guest's tasks
    /// can't wake each other, so one that waited for another's lock would trap. Two first requests
    /// may both open one; the later is closed again.
    async fn connection(&self) -> Result<Arc<Connection>, Error> {
        if let Some(connection) = self.current().clone() {
            return Ok(connection);
        }
        let opened = Arc::new(Connection::open(&self.address).await?);
        Ok(self.current().get_or_insert(opened).clone())
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next statement open a new connection, unless another request has done so.
    fn forget(&self, broken: &Arc<Connection>) {
        let mut shared = self.current();
        if shared.as_ref().is_some_and(|current| Arc::ptr_eq(current, broken)) {
            shared.take();
        }
    }
}

fn unanswered(limit: Duration) -> Failure {
    Failure::Final(DbError::Unavailable(format!("no answer within {limit:?}")))
}

async fn rows(
    connection: &Connection,
    statement: &str,
    parameters: &[ParameterValue],
) -> Result<Vec<Row>, Failure> {
    let mut result = connection.query(statement, parameters).await?;
    let mut rows = Vec::new();
    while let Some(row) = result.rows().next().await {
        rows.push(row);
    }
    // An error may come after the first rows.
    result.result().await?;
    Ok(rows)
}

/// A failed attempt, and whether a new connection could do better.
enum Failure {
    Broken(String),
    Final(DbError),
}

impl From<Failure> for DbError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(text) => Self::Unavailable(text),
            Failure::Final(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::PgError(PgError::ConnectionFailed(text)) => Self::Final(DbError::Unavailable(text)),
            // Whatever Postgres itself didn't say came from the connection.
            Error::PgError(PgError::QueryFailed(QueryError::Text(text))) => Self::Broken(text),
            Error::PgError(PgError::QueryFailed(QueryError::DbError(error))) => {
                let constraint = error.extras.iter().find(|(name, _)| name == "constraint");
                match (&error.code[..2], constraint) {
                    // Class 57: the server is shutting down or starting up. 08: the connection. 53: it is full.
                    ("57" | "08" | "53", _) => Self::Broken(error.message),
                    ("23", Some((_, name))) => Self::Final(DbError::Constraint(name.clone())),
                    _ if error.code == "25006" => Self::Broken(error.message),
                    _ => Self::Final(DbError::Failed(format!("{} {}", error.code, error.message))),
                }
            }
            other => Self::Final(DbError::Failed(other.to_string())),
        }
    }
}

/// Reads the JSON document in a row's only column.
///
/// # Errors
/// The column isn't a text, or not the JSON of a `T`: a fault of the statement.
pub fn document<T: DeserializeOwned>(row: &Row) -> Result<T, DbError> {
    match row.as_slice() {
        [DbValue::Str(json)] => serde_json::from_str(json).map_err(|e| DbError::Failed(e.to_string())),
        other => Err(DbError::Failed(format!("not a document: {} columns", other.len()))),
    }
}

/// As [`document`], of the only row there may be.
pub fn only_document<T: DeserializeOwned>(rows: &[Row]) -> Result<Option<T>, DbError> {
    rows.first().map(document).transpose()
}

/// As [`document`], of the only row there is.
///
/// # Errors
/// As [`document`], and when there is no row.
pub fn the_document<T: DeserializeOwned>(rows: &[Row]) -> Result<T, DbError> {
    only_document(rows)?.ok_or_else(|| DbError::Failed("there is no row".to_owned()))
}
