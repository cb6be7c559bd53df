//! What the probe can do. Each outcome is the SDK's value or error as `Debug` shows it.

use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::pg::{self, ParameterValue, PgError, QueryError};
use spin_sdk::redis::{self, RedisParameter, RedisResult};
use spin_sdk::{time, variables, wasip3};

use crate::probe::parts::sum;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Opens a connection, runs the statements on it and gives it back.
    Postgres {
        address: String,
        statements: Vec<Statement>,
    },
    /// Sends the commands over one new connection.
    Redis {
        address: String,
        commands: Vec<Vec<String>>,
    },
    /// Sends a GET request.
    Fetch {
        url: String,
    },
    Variable {
        name: String,
    },
    Sleep {
        milliseconds: u64,
    },
    /// Prints a line to stdout.
    Print {
        line: String,
    },
    /// Asks the component the probe is composed with.
    Add {
        a: u32,
        b: u32,
    },
    /// Runs one operation after the other.
    All(Vec<Operation>),
    /// Runs an operation once the response is sent.
    Later(Box<Operation>),
    Trap,
}

#[derive(Deserialize)]
pub struct Statement {
    sql: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
    /// By `execute`, not `query`.
    #[serde(default)]
    execute: bool,
}

#[derive(Deserialize)]
enum Parameter {
    Int32(i32),
    Int64(i64),
    Floating64(f64),
    Str(String),
    Datetime((i32, u8, u8, u8, u8, u8, u32)),
    Jsonb(Value),
    Decimal(String),
    ArrayInt32(Vec<Option<i32>>),
    ArrayDecimal(Vec<Option<String>>),
    DbNull,
}

impl From<Parameter> for ParameterValue {
    fn from(parameter: Parameter) -> Self {
        match parameter {
            Parameter::Int32(value) => Self::Int32(value),
            Parameter::Int64(value) => Self::Int64(value),
            Parameter::Floating64(value) => Self::Floating64(value),
            Parameter::Str(value) => Self::Str(value),
            Parameter::Datetime(value) => Self::Datetime(value),
            Parameter::Jsonb(value) => Self::Jsonb(value.to_string().into_bytes()),
            Parameter::Decimal(value) => Self::Decimal(value),
            Parameter::ArrayInt32(values) => Self::ArrayInt32(values),
            Parameter::ArrayDecimal(values) => Self::ArrayDecimal(values),
            Parameter::DbNull => Self::DbNull,
        }
    }
}

pub async fn run(operation: Operation) -> Result<Value> {
    Ok(match operation {
        Operation::Postgres { address, statements } => postgres(&address, statements).await,
        Operation::Redis { address, commands } => redis(&address, commands).await,
        Operation::Fetch { url } => fetch(&url).await,
        Operation::Variable { name } => json!(format!("{:?}", variables::get(name).await)),
        Operation::Sleep { milliseconds } => {
            time::sleep(Duration::from_millis(milliseconds)).await;
            Value::Null
        }
        Operation::Print { line } => {
            println!("{line}");
            Value::Null
        }
        Operation::Add { a, b } => json!(sum::add(a, b)),
        Operation::All(operations) => {
            let mut outcomes = Vec::new();
            for operation in operations {
                outcomes.push(Box::pin(run(operation)).await?);
            }
            Value::Array(outcomes)
        }
        Operation::Later(operation) => {
            wasip3::spawn(async move {
                if let Err(error) = Box::pin(run(*operation)).await {
                    eprintln!("{error:?}");
                }
            });
            Value::Null
        }
        Operation::Trap => panic!("asked to trap"),
    })
}

async fn postgres(address: &str, statements: Vec<Statement>) -> Value {
    let connection = match pg::Connection::open(address).await {
        Ok(connection) => connection,
        Err(error) => return json!({ "open": describe(&error) }),
    };
    let mut outcomes = Vec::new();
    for statement in statements {
        let parameters: Vec<_> = statement.parameters.into_iter().map(Into::into).collect();
        outcomes.push(if statement.execute {
            match connection.execute(statement.sql, parameters).await {
                Ok(affected) => json!({ "affected": affected }),
                Err(error) => json!({ "call": describe(&error) }),
            }
        } else {
            query(&connection, statement.sql, parameters).await
        });
    }
    Value::Array(outcomes)
}

/// The rows, and apart from them the error of the call or of the result.
async fn query(connection: &pg::Connection, sql: String, parameters: Vec<ParameterValue>) -> Value {
    let mut result = match connection.query(sql, parameters).await {
        Ok(result) => result,
        Err(error) => return json!({ "call": describe(&error) }),
    };
    let mut rows = Vec::new();
    while let Some(row) = result.rows().next().await {
        rows.push(row.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>());
    }
    match result.result().await {
        Ok(()) => json!({ "rows": rows }),
        Err(error) => json!({ "rows": rows, "result": describe(&error) }),
    }
}

/// An error the server sent is known by its code.
fn describe(error: &pg::Error) -> Value {
    match error {
        pg::Error::PgError(PgError::QueryFailed(QueryError::DbError(error))) => json!({
            "code": error.code,
            "extras": error.extras.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        }),
        other => json!(format!("{other:?}")),
    }
}

async fn redis(address: &str, commands: Vec<Vec<String>>) -> Value {
    let connection = match redis::Connection::open(address).await {
        Ok(connection) => connection,
        Err(error) => return json!({ "open": format!("{error:?}") }),
    };
    let mut outcomes = Vec::new();
    for command in commands {
        let mut words = command.into_iter();
        let name = words.next().unwrap_or_default();
        let arguments: Vec<_> = words.map(argument).collect();
        outcomes.push(match connection.execute(name, arguments).await {
            Ok(replies) => replies.iter().map(reply).collect(),
            Err(error) => json!(format!("{error:?}")),
        });
    }
    Value::Array(outcomes)
}

/// `{instance}` at the end of a word stands for the one that runs.
fn argument(word: String) -> RedisParameter {
    RedisParameter::Binary(match word.strip_suffix("{instance}") {
        Some(start) => format!("{start}{}", *crate::INSTANCE).into_bytes(),
        None => word.into_bytes(),
    })
}

fn reply(reply: &RedisResult) -> Value {
    json!(match reply {
        RedisResult::Binary(bytes) => format!("Binary({:?})", String::from_utf8_lossy(bytes)),
        other => format!("{other:?}"),
    })
}

async fn fetch(url: &str) -> Value {
    match spin_sdk::http::get(url).await {
        Err(error) => json!(format!("{error:?}")),
        Ok(response) => {
            let status = response.status().as_u16();
            match response.into_body().bytes().await {
                Ok(body) => json!({ "status": status, "body": String::from_utf8_lossy(&body) }),
                Err(error) => json!({ "status": status, "error": format!("{error:?}") }),
            }
        }
    }
}
