//! The least that a component can do to answer with an order: `GET /cached/{id}` is one command to Redis, `GET
//! /stored/{id}` the service's own statement. `cargo xtask bench` measures the service against both.

use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use platform::orders;
use spin_sdk::http::Request;
use spin_sdk::pg::{self, DbValue, ParameterValue};
use spin_sdk::redis::{self, RedisParameter, RedisResult};
use spin_sdk::variables;
use spin_sdk::wasip3::http::types::{Headers, Response};
use spin_sdk::wasip3::http_compat::BodyWriter;
use spin_sdk::wasip3::spawn;
use spin_sdk::wasip3::wit_bindgen::yield_async;

// As in the service, all requests of an instance share its connections.
static POSTGRES: OnceLock<pg::Connection> = OnceLock::new();
static REDIS: OnceLock<redis::Connection> = OnceLock::new();

#[cfg_attr(target_arch = "wasm32", spin_sdk::http_service)]
pub async fn answer(request: Request) -> Result<Response> {
    let path = request.uri().path();
    let order = match path.rsplit_once('/').context("every path has a slash")? {
        ("/cached", id) => cached(id).await?,
        ("/stored", id) => stored(id).await?,
        _ => Vec::new(),
    };
    send(order).await
}

/// An order from Redis; the first time, it is put there.
async fn cached(id: &str) -> Result<Vec<u8>> {
    let key = RedisParameter::Binary(format!("bare:{id}").into_bytes());
    let redis = redis().await?;
    if let [RedisResult::Binary(order)] = redis.execute("GET", [key.clone()]).await?.as_mut_slice() {
        return Ok(std::mem::take(order));
    }
    let order = stored(id).await?;
    redis.execute("SET", [key, RedisParameter::Binary(order.clone())]).await?;
    Ok(order)
}

/// An order from Postgres.
async fn stored(id: &str) -> Result<Vec<u8>> {
    let parameters = [ParameterValue::Int32(id.parse()?)];
    let mut result = postgres().await?.query(orders::FIND, parameters).await?;
    let row = result.rows().next().await.context("there is no such order")?;
    let [DbValue::Str(order)] = row.as_slice() else { anyhow::bail!("the statement answers a document") };
    Ok(order.clone().into_bytes())
}

async fn postgres() -> Result<&'static pg::Connection> {
    if let Some(connection) = POSTGRES.get() {
        return Ok(connection);
    }
    let opened = pg::Connection::open(variables::get("database_url").await?).await?;
    Ok(POSTGRES.get_or_init(|| opened))
}

async fn redis() -> Result<&'static redis::Connection> {
    if let Some(connection) = REDIS.get() {
        return Ok(connection);
    }
    let opened = redis::Connection::open(variables::get("redis_url").await?).await?;
    Ok(REDIS.get_or_init(|| opened))
}

/// As the service does it: the body is on offer before the head leaves.
async fn send(order: Vec<u8>) -> Result<Response> {
    let length = order.len().to_string().into_bytes();
    let headers = Headers::from_list(&[("content-length".to_owned(), length)])?;
    let (mut writer, contents, trailers) = BodyWriter::new();
    let (response, _sent) = Response::new(headers, Some(contents), trailers);
    spawn(async move {
        // A client that has gone misses nothing.
        if writer.stream_writer.write_all(order).await.is_empty() {
            drop(writer.stream_writer);
            drop(writer.result_writer.write(Ok(None)).await);
        }
    });
    yield_async().await;
    Ok(response)
}
