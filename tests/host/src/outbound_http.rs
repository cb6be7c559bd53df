//! Outbound `wasi:http`: checks the destination, sends over kept-alive connections that all
//! components share, and names failures as Spin does.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::header::HOST;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wasmtime_wasi_http::p3::bindings::http::types::{DnsErrorPayload, ErrorCode};
use wasmtime_wasi_http::p3::{RequestOptions, WasiHttpHooks};

use crate::engine::Shared;

/// What a guest gets that sets no timeout of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

type Body = UnsyncBoxBody<Bytes, ErrorCode>;
type Outcome<T> = Result<T, wasmtime_wasi::TrappableError<ErrorCode>>;
type Transmission = Box<dyn Future<Output = Result<(), ErrorCode>> + Send>;

/// The connections to other servers, kept alive and shared by the whole application.
#[derive(Clone)]
pub struct HttpClient(Client<Connector, Body>);

impl HttpClient {
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build(Connector))
    }
}

/// One instance's way out.
pub struct OutboundHttp {
    client: HttpClient,
    shared: Arc<Shared>,
}

impl OutboundHttp {
    pub fn new(client: HttpClient, shared: Arc<Shared>) -> Self {
        Self { client, shared }
    }
}

impl WasiHttpHooks for OutboundHttp {
    fn send_request(
        &mut self,
        request: Request<Body>,
        options: Option<RequestOptions>,
        // What became of the response's body at the guest: of no use here.
        _consumed: Transmission,
    ) -> Box<dyn Future<Output = Outcome<(Response<Body>, Transmission)>> + Send> {
        let client = self.client.clone();
        let shared = Arc::clone(&self.shared);
        Box::new(async move {
            check(&shared, request.uri())?;
            let response = send(client, request, options.unwrap_or_default()).await?;
            Ok((response, Box::new(std::future::ready(Ok(()))) as Transmission))
        })
    }
}

fn check(shared: &Shared, uri: &Uri) -> Result<(), ErrorCode> {
    // A relative URL arrives with an empty host; requests to oneself are not implemented.
    if uri.host().is_none_or(str::is_empty) {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    if !shared.allowed_hosts.allow(&uri.to_string(), "https") {
        return Err(ErrorCode::HttpRequestDenied);
    }
    if uri.scheme() != Some(&Scheme::HTTP) {
        eprintln!("The stand-in has no TLS: the request to {uri} fails.");
        return Err(ErrorCode::TlsProtocolError);
    }
    Ok(())
}

async fn send(
    client: HttpClient,
    mut request: Request<Body>,
    options: RequestOptions,
) -> Result<Response<Body>, ErrorCode> {
    // hyper sets it anew from the URL.
    request.headers_mut().remove(HOST);
    let connect_timeout = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
    let sent = CONNECT_TIMEOUT.scope(connect_timeout, client.0.request(request));
    let response = timeout(options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT), sent)
        .await
        .map_err(|_| ErrorCode::ConnectionReadTimeout)?
        .map_err(|error| from_client_error(&error))?;
    let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
    Ok(response.map(|body| timed(body, between_bytes)))
}

/// The body, which fails once nothing comes for too long.
fn timed(body: Incoming, between_bytes: Duration) -> Body {
    let frames = stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout(between_bytes, body.frame()).await {
            Ok(None) => None,
            Ok(Some(frame)) => Some((frame.map_err(ErrorCode::from_hyper_request_error), Some(body))),
            Err(_) => Some((Err(ErrorCode::ConnectionReadTimeout), None)),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

fn from_client_error(error: &legacy::Error) -> ErrorCode {
    match error.source().and_then(|cause| cause.downcast_ref::<ErrorCode>()) {
        Some(code) => code.clone(),
        None => ErrorCode::HttpProtocolError,
    }
}

tokio::task_local! {
    /// How long the request that needs a new connection will wait for it.
    static CONNECT_TIMEOUT: Duration;
}

/// Opens connections, and reports failures in the terms of `wasi:http`.
#[derive(Clone)]
struct Connector;

impl Connector {
    async fn connect(uri: Uri) -> Result<TokioIo<TcpStream>, ErrorCode> {
        let host = uri.host().ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<_> = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80)))
            .await
            .map_err(|_| address_not_available())?
            .collect();
        let stream = timeout(CONNECT_TIMEOUT.get(), TcpStream::connect(&*addresses))
            .await
            .map_err(|_| ErrorCode::ConnectionTimeout)?
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AddrNotAvailable => address_not_available(),
                _ => ErrorCode::ConnectionRefused,
            })?;
        Ok(TokioIo::new(stream))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ErrorCode;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ErrorCode>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ErrorCode>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(Self::connect(uri))
    }
}

fn address_not_available() -> ErrorCode {
    ErrorCode::DnsError(DnsErrorPayload {
        rcode: Some("address not available".to_owned()),
        info_code: Some(0),
    })
}
