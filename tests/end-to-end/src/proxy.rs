//! A TCP proxy that can be cut, frozen and mended, to take a server away from the service for a while.

use std::sync::Arc;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Through,
    Cut,
    Frozen,
}

/// Lives as long as the test that made it.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(address: &str) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (state, changes) = watch::channel(State::Through);
        let accepting = tokio::spawn(accept(listener, address.into(), changes));
        Ok(Proxy { port, state, accepting })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections; new ones are closed at once.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Nothing passes any more; new connections are accepted, and nothing comes.
    pub fn freeze(&self) {
        self.state.send_replace(State::Frozen);
    }

    /// New connections are through again.
    pub fn mend(&self) {
        self.state.send_replace(State::Through);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, address: Arc<str>, state: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, address.clone(), state.clone()));
    }
}

/// Carries a connection until the proxy is cut; one that was frozen is closed when it is mended.
async fn carry(mut client: TcpStream, address: Arc<str>, mut state: watch::Receiver<State>) {
    if *state.borrow() == State::Through {
        let through = async {
            let mut server = TcpStream::connect(&*address).await?;
            copy_bidirectional(&mut client, &mut server).await
        };
        // An end by either side, or by a fault on the way, is what a proxy passes on by closing.
        tokio::select! {
            biased;
            _ = state.wait_for(|state| *state != State::Through) => {}
            _ = through => return,
        }
    }
    // An error says that the proxy is gone, which ends connections too.
    drop(state.wait_for(|state| *state != State::Frozen).await);
}
