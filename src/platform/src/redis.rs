//! Redis: one connection for each instance. Everything in it can be lost: callers go on without.

use std::time::Duration;

use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

use crate::{
    shared::Shared,
    silence::{Silence, Silent},
    timeout::within,
};

/// A Redis that takes longer helps nobody.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A command may have to wait for its connection first.
const LONGEST: Duration = TIMEOUT.saturating_mul(2);

/// A server, reached over a connection that all requests of an instance share.
///
/// No blocking commands and no `MULTI` may run on it: they would stall or mix with other requests.
pub struct Redis {
    address: String,
    shared: Shared<Connection>,
    silence: Silence,
}

impl Redis {
    pub fn new(address: String) -> Self {
        Self { address, shared: Shared::new(), silence: Silence::default() }
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
        let answer = self.silence.ask(LONGEST, self.ask(command, arguments)).await;
        answer.map_err(|silent| silent.to_string())?
    }

    /// Runs a script, all of it at once.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn eval(
        &self,
        script: &str,
        keys: impl IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Vec<RedisResult>, String> {
        self.execute("EVAL", words(script, keys, arguments)).await
    }

    /// As [`Self::eval`], even of a server that has just been silent: for what the other instances, for which it may be
    /// there, have to know.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn insist(
        &self,
        script: &str,
        keys: impl IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<Vec<RedisResult>, String> {
        let answer = self.ask("EVAL", words(script, keys, arguments)).await;
        answer.ok_or_else(|| Silent::Now(LONGEST).to_string())?
    }

    /// What Redis, or the way to it, answers; none when nothing comes.
    async fn ask(
        &self,
        command: &str,
        arguments: impl IntoIterator<Item = impl Into<Vec<u8>>>,
    ) -> Option<Result<Vec<RedisResult>, String>> {
        let opened = within(TIMEOUT, self.shared.get(Connection::open(&self.address))).await?;
        let connection = match opened {
            Ok(connection) => connection,
            Err(error) => return Some(Err(error.to_string())),
        };
        let arguments = arguments.into_iter().map(|argument| RedisParameter::Binary(argument.into()));
        let answer = within(TIMEOUT, connection.execute(command, arguments)).await;
        if !matches!(answer, Some(Ok(_))) {
            self.shared.replace(&connection);
        }
        Some(answer?.map_err(|error| error.to_string()))
    }

    /// Ends the connection until the next command: for an instance that lives on with little to ask.
    pub fn let_go(&self) {
        self.shared.let_go();
    }
}

/// The arguments of `EVAL`.
fn words(
    script: &str,
    keys: impl IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
    arguments: impl IntoIterator<Item = String>,
) -> impl Iterator<Item = String> {
    let keys = keys.into_iter();
    [script.to_owned(), keys.len().to_string()].into_iter().chain(keys).chain(arguments)
}
