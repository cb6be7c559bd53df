//! `spin:redis`: each `open` is a new TCP connection, shared by all commands sent over it.

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, ErrorKind, FromRedisValue, RedisError, Value};
use wasmtime::component::{Accessor, HasSelf, Resource};

use crate::bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, Payload, RedisParameter, RedisResult,
};
use crate::engine::InstanceState;

pub struct Connection(MultiplexedConnection);

impl Host for InstanceState {}

impl HostConnection for InstanceState {
    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}

fn connection<T>(
    accessor: &Accessor<T, HasSelf<InstanceState>>,
    connection: Resource<Connection>,
) -> Result<MultiplexedConnection, Error> {
    accessor.with(|mut access| {
        let connection = access.get().table.get(&connection).map_err(other)?;
        Ok(connection.0.clone())
    })
}

impl<T: Send + 'static> HostConnectionWithStore<T> for HasSelf<InstanceState> {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Result<Resource<Connection>, Error> {
        let shared = accessor.with(|mut access| access.get().shared.clone());
        if !shared.allowed_hosts.allow(&address, "redis") {
            return Err(Error::InvalidAddress);
        }
        let client = redis::Client::open(address).map_err(|_| Error::InvalidAddress)?;
        let connection = client.get_multiplexed_async_connection().await.map_err(other)?;
        accessor.with(|mut access| access.get().table.push(Connection(connection)).map_err(other))
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        channel: String,
        payload: Payload,
    ) -> Result<(), Error> {
        connection(accessor, resource)?.publish(channel, payload).await.map_err(other)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        key: String,
    ) -> Result<Option<Payload>, Error> {
        connection(accessor, resource)?.get(key).await.map_err(other)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        key: String,
        value: Payload,
    ) -> Result<(), Error> {
        connection(accessor, resource)?.set(key, value).await.map_err(other)
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        key: String,
    ) -> Result<i64, Error> {
        connection(accessor, resource)?.incr(key, 1).await.map_err(other)
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        keys: Vec<String>,
    ) -> Result<u32, Error> {
        connection(accessor, resource)?.del(keys).await.map_err(other)
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        let added = connection(accessor, resource)?.sadd(key, values).await;
        added.map_err(|error| match error.kind() {
            ErrorKind::TypeError => Error::TypeError,
            _ => other(error),
        })
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        key: String,
    ) -> Result<Vec<String>, Error> {
        connection(accessor, resource)?.smembers(key).await.map_err(other)
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        connection(accessor, resource)?.srem(key, values).await.map_err(other)
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        resource: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Error> {
        let mut connection = connection(accessor, resource)?;
        let mut command = redis::cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let Flattened(replies) = command.query_async(&mut connection).await.map_err(other)?;
        Ok(replies)
    }
}

/// A reply as Spin hands it over: one list, whatever was nested in it.
struct Flattened(Vec<RedisResult>);

impl FromRedisValue for Flattened {
    fn from_redis_value(value: &Value) -> redis::RedisResult<Self> {
        let mut replies = Vec::new();
        flatten(value, &mut replies)?;
        Ok(Self(replies))
    }
}

fn flatten(value: &Value, replies: &mut Vec<RedisResult>) -> redis::RedisResult<()> {
    let refuse = |what: &str| {
        let detail = format!("Redis {what} not supported");
        Err(RedisError::from((ErrorKind::TypeError, "Could not convert Redis response", detail)))
    };
    replies.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(*number),
        Value::Boolean(truth) => RedisResult::Int64((*truth).into()),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::SimpleString(status) => RedisResult::Status(status.clone()),
        Value::BulkString(bytes) => RedisResult::Binary(bytes.clone()),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::BigNumber(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::Array(values) | Value::Set(values) => {
            return values.iter().try_for_each(|value| flatten(value, replies));
        }
        Value::Map(_) => return refuse("Map type is"),
        Value::Attribute { .. } => return refuse("Attribute type is"),
        Value::VerbatimString { .. } => return refuse("string with format attribute is"),
        Value::Push { .. } => return refuse("Pub/Sub types are"),
        Value::ServerError(error) => {
            return Err((ErrorKind::ResponseError, "Server error", format!("{error:?}")).into());
        }
    });
    Ok(())
}
