//! A connection that all requests of an instance share: opened at need, replaced once it is broken.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use spin_sdk::time::sleep;

/// Who waits for another request's opening looks for it, since a guest's tasks can't wake each other: first after
/// this long, then ever more seldom.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// The place for such a connection.
pub struct Shared<C>(Mutex<State<C>>);

enum State<C> {
    Empty,
    /// Some request is opening it.
    Opening,
    Open(Arc<C>),
}

/// The right to open the connection; should its request end before, the next one has it.
struct Opening<'s, C>(&'s Shared<C>);

impl<C> Shared<C> {
    pub fn new() -> Self {
        Self(Mutex::new(State::Empty))
    }

    /// The connection, opened by `open` at need. When many requests come at once, as to a new instance, one opens
    /// it and the others look for it now and then.
    pub async fn get<E>(&self, open: impl Future<Output = Result<C, E>>) -> Result<Arc<C>, E> {
        let mut pause = FIRST_LOOK;
        let opening = loop {
            match &mut *self.state() {
                State::Open(connection) => return Ok(connection.clone()),
                State::Opening => {}
                state @ State::Empty => {
                    *state = State::Opening;
                    break Opening(self);
                }
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        };
        let opened = Arc::new(open.await?);
        *opening.0.state() = State::Open(opened.clone());
        Ok(opened)
    }

    /// The connection, if it is open.
    pub fn current(&self) -> Option<Arc<C>> {
        match &*self.state() {
            State::Open(connection) => Some(connection.clone()),
            State::Opening | State::Empty => None,
        }
    }

    /// Lets the next request open a new connection, unless another has replaced this one already.
    pub fn replace(&self, former: &Arc<C>) {
        let mut state = self.state();
        if matches!(&*state, State::Open(current) if Arc::ptr_eq(current, former)) {
            *state = State::Empty;
        }
    }

    /// Ends the connection, once nobody uses it any more, until somebody needs one again.
    pub fn let_go(&self) {
        let mut state = self.state();
        if matches!(*state, State::Open(_)) {
            *state = State::Empty;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Drop for Opening<'_, C> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if matches!(*state, State::Opening) {
            *state = State::Empty;
        }
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
