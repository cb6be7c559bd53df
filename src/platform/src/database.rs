//! Postgres: one connection for each instance, shared by its requests and given back to Spin every tenth of a second;
//! errors sorted by what a caller can do about them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use spin_sdk::{
    pg::{Connection, DbValue, Error, ParameterValue, PgError, QueryError},
    time::sleep,
};

use crate::{
    shared::Shared,
    silence::{Silence, Silent},
    timeout::within,
};

/// No statement on a request's path takes nearly as long; one that does has met a dead server.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take to open.
const OPENING: Duration = Duration::from_secs(5);

/// Spin grants a component 64 connections, and under load there are more instances. Without turns the first would hold
/// theirs for life, idle or not, while the others' requests time out. To borrow one anew costs next to nothing.
const TURN: Duration = Duration::from_millis(100);

/// How long a report may take, or anything else that looks at many rows.
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
    ClaimLost,
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
    shared: Shared<Lent>,
    silence: Silence,
}

/// A connection of the host's, and since when it is ours.
struct Lent {
    connection: Connection,
    since: Instant,
    /// Whether somebody waits for the end of its turn.
    is_awaited: AtomicBool,
}

impl Database {
    pub fn new(address: String) -> Self {
        Self { address, shared: Shared::new(), silence: Silence::default() }
    }

    /// Runs a statement that changes nothing, or leaves the same when it is run twice: a connection
    /// found broken is replaced, once.
    pub async fn idempotent(
        &self,
        statement: &str,
        parameters: &[ParameterValue],
    ) -> Result<Vec<Row>, DbError> {
        match self.run(statement, parameters).await {
            Err(Failure::Broken(_) | Failure::Undone(_)) => Ok(self.run(statement, parameters).await?),
            result => Ok(result?),
        }
    }

    /// Runs a statement that changes something: once, for a broken connection doesn't tell whether it was carried out;
    /// again where Postgres says that it was not.
    pub async fn change(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Vec<Row>, DbError> {
        match self.run(statement, parameters).await {
            Err(Failure::Undone(_)) => Ok(self.run(statement, parameters).await?),
            result => Ok(result?),
        }
    }

    /// Runs a long statement once, on a connection of its own: on the shared one other requests would wait behind it.
    /// Postgres ends it when nobody waits for it any more.
    pub async fn alone(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Vec<Row>, DbError> {
        let opened = within(OPENING, Connection::open(&self.address)).await;
        let connection = opened.ok_or(Failure::from(Silent::Now(OPENING)))?.map_err(Failure::from)?;
        let work = async {
            // To compile a plan takes longer than its one run gains.
            let limits = "select set_config('jit', 'off', false), set_config('statement_timeout', $1, false)";
            rows(&connection, limits, &[REPORT_TIMEOUT.as_millis().to_string().into()]).await?;
            rows(&connection, statement, parameters).await
        };
        Ok(within(REPORT_TIMEOUT, work).await.ok_or(Failure::from(Silent::Now(REPORT_TIMEOUT)))??)
    }

    /// Gives the connection back to the host, which has only so many, until the next statement: for
    /// an instance that lives on with little to ask.
    pub fn let_go(&self) {
        self.shared.let_go();
    }

    /// Gives the connection back to the host at the end of its turn, if nobody else waits for that already: for an
    /// instance that many requests share.
    pub async fn end_turn(&self) {
        let lent = self.shared.current().filter(|lent| !lent.is_awaited.swap(true, Ordering::Relaxed));
        let Some(lent) = lent else { return };
        let rest = TURN.saturating_sub(lent.since.elapsed());
        // It may be broken and replaced before.
        let lent = Arc::downgrade(&lent);
        sleep(rest).await;
        if let Some(lent) = lent.upgrade() {
            self.shared.replace(&lent);
        }
    }

    async fn run(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Vec<Row>, Failure> {
        self.silence.ask(OPENING + TIMEOUT, self.ask(statement, parameters)).await?
    }

    /// What Postgres, or the way to it, answers; none when nothing comes.
    async fn ask(&self, statement: &str, parameters: &[ParameterValue]) -> Option<Result<Vec<Row>, Failure>> {
        let lent = match within(OPENING, self.shared.get(self.open())).await? {
            Ok(lent) => lent,
            Err(error) => return Some(Err(error.into())),
        };
        let result = within(TIMEOUT, rows(&lent.connection, statement, parameters)).await;
        // Whatever holds up a connection holds up its other statements too.
        if matches!(result, None | Some(Err(Failure::Broken(_)))) {
            self.shared.replace(&lent);
        }
        result
    }

    async fn open(&self) -> Result<Lent, Error> {
        let connection = Connection::open(&self.address).await?;
        Ok(Lent { connection, since: Instant::now(), is_awaited: AtomicBool::new(false) })
    }
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

/// A failed attempt, and whether another could do better.
enum Failure {
    /// On a new connection.
    Broken(String),
    /// Two waited for each other, and Postgres undid this one for the other to go on.
    Undone(String),
    Final(DbError),
}

impl From<Failure> for DbError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(text) | Failure::Undone(text) => Self::Unavailable(text),
            Failure::Final(error) => error,
        }
    }
}

impl From<Silent> for Failure {
    /// Asking again would wait as long again.
    fn from(silent: Silent) -> Self {
        Self::Final(DbError::Unavailable(silent.to_string()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // The second where Spin can't make out what the component may connect to.
            Error::PgError(PgError::ConnectionFailed(text) | PgError::Other(text)) => {
                Self::Final(DbError::Unavailable(text))
            }
            Error::PgError(PgError::QueryFailed(QueryError::Text(text))) if is_ours(&text) => {
                Self::Final(DbError::Failed(text))
            }
            // Whatever else Postgres itself didn't say came from the connection.
            Error::PgError(PgError::QueryFailed(QueryError::Text(text))) => Self::Broken(text),
            Error::PgError(PgError::QueryFailed(QueryError::DbError(error))) => {
                let constraint = error.extras.iter().find(|(name, _)| name == "constraint");
                match (error.code.get(..2).unwrap_or_default(), constraint) {
                    // Class 57: the server is shutting down or starting up. 08: the connection. 53: it is full.
                    ("57" | "08" | "53", _) => Self::Broken(error.message),
                    ("23", Some((_, name))) => Self::Final(DbError::Constraint(name.clone())),
                    _ if error.code == "25006" => Self::Broken(error.message),
                    _ if error.code == "40P01" => Self::Undone(error.message),
                    _ => Self::Final(DbError::Failed(format!("{} {}", error.code, error.message))),
                }
            }
            other => Self::Final(DbError::Failed(other.to_string())),
        }
    }
}

/// Whether an error that Postgres didn't send is a fault of the statement, its parameters or its result:
/// Spin then passes on the words of its driver. What isn't known here is taken for a broken connection,
/// lest a dead one be kept.
fn is_ours(text: &str) -> bool {
    const FAULTS: [&str; 7] = [
        "Error { kind: ToSql(",
        "Error { kind: FromSql(",
        "Error { kind: Parameters(",
        "Error { kind: Column",
        "Error { kind: Encode",
        "error deserializing column",
        "query result exceeds limit",
    ];
    FAULTS.iter().any(|fault| text.starts_with(fault))
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

/// As [`document`], of each row.
pub fn documents<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>, DbError> {
    rows.iter().map(document).collect()
}

/// As [`document`], of the only row there may be. Null, where there is one always, is none.
pub fn optional_document<T: DeserializeOwned>(rows: &[Row]) -> Result<Option<T>, DbError> {
    rows.first().filter(|row| !matches!(row.as_slice(), [DbValue::DbNull])).map(document).transpose()
}

/// As [`document`], of the only row there is.
///
/// # Errors
/// As [`document`], and when there is no row.
pub fn one_document<T: DeserializeOwned>(rows: &[Row]) -> Result<T, DbError> {
    optional_document(rows)?.ok_or_else(|| DbError::Failed("there is no row".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(text: &str) -> DbError {
        Failure::from(Error::PgError(PgError::QueryFailed(QueryError::Text(text.to_owned())))).into()
    }

    #[test]
    fn a_wrong_parameter_or_column_is_a_fault_of_ours() {
        for text in [
            "Error { kind: ToSql(0), cause: Some(WrongType { postgres: Int4, rust: \"i64\" }) }",
            "Error { kind: Parameters(1, 2), cause: None }",
            "error deserializing column 0\n\nCaused by:\n    cannot convert between",
            "query result exceeds limit of 134217728 bytes",
        ] {
            assert!(matches!(failure(text), DbError::Failed(_)), "{text}");
        }
    }

    #[test]
    fn anything_else_that_postgres_did_not_say_is_a_broken_connection() {
        for text in [
            "Error { kind: Closed, cause: None }",
            "Error { kind: Io, cause: Some(Os { code: 104, kind: ConnectionReset, message: \"\" }) }",
            "Error { kind: UnexpectedMessage, cause: None }",
            "something new",
        ] {
            assert!(matches!(failure(text), DbError::Unavailable(_)), "{text}");
        }
    }
}
