//! Redis: one connection for each instance. Everything in it can be lost: callers go on without.

use std::time::Duration;

use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

use crate::{shared::Shared, timeout::within};

/// A Redis that takes longer helps nobody.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A server, reached over a connection that all requests of an instance share.
///
/// No blocking commands and no `MULTI` may run on it: they would stall or mix with other requests.
pub struct Redis {
    address: String,
    shared: Shared<Connection>,
}

impl Redis {
    pub fn new(address: String) -> Self {
        Self { address, shared: Shared::new() }
    }

    /// Runs one command; a nested reply comes flattened.
    ///
    /// # Errors
    /// A sentence for the log. The next command tries a new connection.
    pub async fn execute(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = impl Into<Vec<u8>>>,
    ) -> Result<Vec<RedisResult>, String> {
        let late = || format!("no answer within {TIMEOUT:?}");
        let opened = within(TIMEOUT, self.shared.get(Connection::open(&self.address))).await;
        let connection = opened.ok_or_else(late)?.map_err(|error| error.to_string())?;
        let arguments = arguments.into_iter().map(|argument| RedisParameter::Binary(argument.into()));
        let answer = within(TIMEOUT, connection.execute(command, arguments)).await;
        let result = answer.ok_or_else(late).and_then(|result| result.map_err(|error| error.to_string()));
        if result.is_err() {
            self.shared.replace(&connection);
        }
        result
    }

    /// Ends the connection until the next command: for an instance that lives on with little to ask.
    pub fn let_go(&self) {
        self.shared.let_go();
    }
}
