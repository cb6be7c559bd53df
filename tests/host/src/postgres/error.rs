//! What went wrong with Postgres, in the terms of `spin:postgres`.

use tokio_postgres::error::DbError as ServerError;

use crate::bindings::spin::postgres::postgres::{DbError, Error, QueryError};

pub fn connection_failed(error: &anyhow::Error) -> Error {
    Error::ConnectionFailed(format!("{error:?}"))
}

pub fn conversion_failed(error: &anyhow::Error) -> Error {
    Error::QueryFailed(QueryError::Text(format!("{error:?}")))
}

pub fn query_failed(error: &tokio_postgres::Error) -> Error {
    let text = format!("{error:?}");
    Error::QueryFailed(match error.as_db_error() {
        None => QueryError::Text(text),
        Some(server) => QueryError::DbError(DbError {
            as_text: text,
            severity: server.severity().to_owned(),
            code: server.code().code().to_owned(),
            message: server.message().to_owned(),
            detail: server.detail().map(str::to_owned),
            extras: extras(server),
        }),
    })
}

/// The rest of what the server tells, under Spin's names.
fn extras(error: &ServerError) -> Vec<(String, String)> {
    let line = error.line().map(|line| line.to_string());
    [
        ("column", error.column()),
        ("constraint", error.constraint()),
        ("routine", error.routine()),
        ("hint", error.hint()),
        ("table", error.table()),
        ("datatype", error.datatype()),
        ("schema", error.schema()),
        ("file", error.file()),
        ("line", line.as_deref()),
        ("where_", error.where_()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
    .collect()
}
