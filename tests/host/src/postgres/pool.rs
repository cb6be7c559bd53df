//! The pools of one component: up to 64 connections to each address.

use std::collections::HashMap;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use crate::allowed_hosts::AllowedHosts;
use crate::bindings::spin::postgres::postgres::Error;

const MAX_CONNECTIONS: usize = 64;

#[derive(Default)]
pub struct Pools(Mutex<HashMap<String, Pool>>);

impl Pools {
    /// Takes a client out of the address's pool, waiting for one when all are in use.
    pub async fn get(&self, address: &str, config: Config) -> Result<Object> {
        Ok(self.pool(address, config)?.get().await?)
    }

    fn pool(&self, address: &str, config: Config) -> Result<Pool> {
        let mut pools = self.0.lock().expect("nothing panics while it holds the pools");
        if let Some(pool) = pools.get(address) {
            return Ok(pool.clone());
        }
        // A client that comes back runs a clean-up query, which does not end a transaction.
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Clean };
        let manager = Manager::from_config(config, NoTls, manager_config);
        let pool = Pool::builder(manager)
            .max_size(MAX_CONNECTIONS)
            .build()
            .context("building Postgres connection pool")?;
        pools.insert(address.to_owned(), pool.clone());
        Ok(pool)
    }
}

/// Parses an address and checks each host in it.
pub fn permitted(address: &str, allowed: &AllowedHosts) -> Result<Config, Error> {
    let config: Config =
        address.parse().map_err(|error: tokio_postgres::Error| Error::ConnectionFailed(error.to_string()))?;
    let ports = config.get_ports();
    for (index, host) in config.get_hosts().iter().enumerate() {
        let Host::Tcp(host) = host else {
            let message = "Unix sockets are not supported on WebAssembly";
            return Err(Error::ConnectionFailed(message.to_owned()));
        };
        // One port stands for all hosts.
        let port = if ports.len() == 1 { ports.first() } else { ports.get(index) };
        let url = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        if !allowed.allow(&url, "postgres") {
            let message = format!("address postgres://{url} is not permitted");
            return Err(Error::ConnectionFailed(message));
        }
    }
    Ok(config)
}
