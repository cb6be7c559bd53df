//! Redis: one connection for each instance. Everything in it can be lost: callers go on without.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

use crate::timeout::within;

/// A Redis that takes longer helps nobody.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A server, reached over a connection that all requests of an instance share.
///
/// No blocking commands and no `MULTI` may run on it: they would stall or mix with other requests.
pub struct Redis {
    address: String,
    shared: Mutex<Option<Arc<Connection>>>,
}

impl Redis {
    pub fn new(address: String) -> Self {
        Self { address, shared: Mutex::new(None) }
    }

    /// Runs one command; a nested reply comes flattened.
    ///
    /// # Errors
    /// A sentence for the log. The next command tries a new connection.
    pub async fn execute(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = RedisParameter>,
    ) -> Result<Vec<RedisResult>, String> {
        let work = async { self.connection().await?.execute(command, arguments).await };
        let result = match within(TIMEOUT, work).await {
            Some(result) => result.map_err(|error| error.to_string()),
            None => Err(format!("no answer within {TIMEOUT:?}")),
        };
        if result.is_err() {
            self.let_go();
        }
        result
    }

    /// Ends the connection until the next command: for an instance that lives on with little to ask.
    pub fn let_go(&self) {
        self.current().take();
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
}
