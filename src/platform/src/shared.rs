//! A connection that all requests of an instance share: opened at need, replaced once it is broken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The place for such a connection.
pub struct Shared<C>(Mutex<Option<Arc<C>>>);

impl<C> Shared<C> {
    pub fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The connection, opened by `open` at need. The lock is never held across an await: a guest's tasks
    /// can't wake each other, so one that waited for another's lock would trap. Two first requests
    /// may both open one; the later is closed again.
    pub async fn get<E>(&self, open: impl Future<Output = Result<C, E>>) -> Result<Arc<C>, E> {
        if let Some(connection) = self.current().clone() {
            return Ok(connection);
        }
        let opened = Arc::new(open.await?);
        Ok(self.current().get_or_insert(opened).clone())
    }

    /// Lets the next request open a new connection, unless another has replaced the broken one already.
    pub fn replace(&self, broken: &Arc<C>) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, broken)) {
            current.take();
        }
    }

    /// Ends the connection, once nobody uses it any more, until somebody needs one again.
    pub fn let_go(&self) {
        self.current().take();
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::executor::block_on;

    use super::*;

    fn get(shared: &Shared<u32>, opened: u32) -> Arc<u32> {
        let Ok(connection) = block_on(shared.get(async { Ok::<_, Infallible>(opened) }));
        connection
    }

    #[test]
    fn only_the_broken_connection_is_replaced() {
        let shared = Shared::new();
        let first = get(&shared, 1);
        assert_eq!(*get(&shared, 2), 1);

        shared.replace(&first);
        let second = get(&shared, 2);
        // Another request notices late that the first connection is broken.
        shared.replace(&first);

        assert_eq!((*second, *get(&shared, 3)), (2, 2));
    }

    #[test]
    fn a_failed_opening_leaves_the_next_try_free() {
        let shared = Shared::<u32>::new();
        assert_eq!(block_on(shared.get(async { Err("refused") })), Err("refused"));
        assert_eq!(*get(&shared, 1), 1);
    }
}
