//! A TCP proxy that can be cut and mended, to take a server away from the service for a while.

use std::sync::Arc;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Lives as long as the test that made it.
pub struct Proxy {
    port: u16,
    connected: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(address: &str) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (connected, state) = watch::channel(true);
        let accepting = tokio::spawn(accept(listener, address.into(), state));
        Ok(Proxy { port, connected, accepting })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections; new ones are closed at once.
    pub fn cut(&self) {
        self.connected.send_replace(false);
    }

    pub fn mend(&self) {
        self.connected.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, address: Arc<str>, state: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, address.clone(), state.clone()));
    }
}

async fn carry(mut client: TcpStream, address: Arc<str>, mut state: watch::Receiver<bool>) {
    let through = async {
        let mut server = TcpStream::connect(&*address).await?;
        copy_bidirectional(&mut client, &mut server).await
    };
    // An end by either side, or by a fault on the way, is what a proxy passes on by closing.
    tokio::select! {
        biased;
        _ = state.wait_for(|connected| !connected) => {}
        _ = through => {}
    }
}
