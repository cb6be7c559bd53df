//! Stand-ins for the services the order service depends on, all on one port, for tests and a first
//! try. What they hold is read and changed under `/_…`, see `control`.

mod calls;
mod carts;
mod catalogue;
mod control;
mod endpoint;
mod faults;
mod notifications;
mod payments;
mod reply;
mod services;
mod users;

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, bail};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::services::Services;

const USAGE: &str = "usage: upstreams [--listen 127.0.0.1:0] [--endless]\n\n--endless: for load. Every product exists, no cart is ever empty, and no call is remembered.";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (address, services) = arguments()?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;

    tokio::select! {
        failed = accept(listener, Arc::new(services)) => failed,
        _ = terminated.recv() => Ok(()),
        _ = interrupted.recv() => Ok(()),
    }
}

fn arguments() -> anyhow::Result<(String, Services)> {
    let (mut address, mut services) = ("127.0.0.1:0".to_owned(), Services::default());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--listen" => address = args.next().context(USAGE)?,
            "--endless" => services = Services::endless(),
            _ => bail!(USAGE),
        }
    }
    Ok((address, services))
}

async fn accept(listener: TcpListener, services: Arc<Services>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, services.clone()));
    }
}

async fn serve(stream: TcpStream, services: Arc<Services>) {
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("a connection without TCP_NODELAY: {error}");
    }
    let answer = service_fn(|request| services.answer(request));
    // A client that goes away and a connection dropped on purpose both end here: no news.
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await
        && !(error.is_incomplete_message() || error.is_user() || error.is_canceled())
    {
        eprintln!("a connection ended: {error}");
    }
}
