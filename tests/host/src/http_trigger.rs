//! The HTTP trigger: a server whose requests go to instances that are reused as Spin reuses them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, Proxy, ProxyHandler, ShouldAccept, ViewFn, WorkerExpiration, WorkerState,
    WorkerStatus,
};
use wasmtime_wasi_http::p3::WasiHttpView as _;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::bindings::{Service, ServiceIndices};

use crate::app::Components;
use crate::engine::{InstanceState, LoadedComponent};
use crate::manifest::{Application, Manifest};
use crate::request_headers;
use crate::routes::Routes;

/// How many requests an instance serves before it is dropped.
const MAX_REQUESTS: usize = 128;
/// How many of them at once.
const MAX_CONCURRENT_REQUESTS: usize = 16;
/// How long an instance waits for another request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

const WELL_KNOWN: &str = "/.well-known/spin/";

type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

/// Serves an application's HTTP triggers.
pub struct HttpServer {
    /// What anyone is told of the application.
    info: Bytes,
    routes: Routes,
    components: HashMap<String, ProxyHandler<Instances>>,
}

impl HttpServer {
    /// `None` if there are no triggers.
    pub fn new(manifest: &Manifest, components: &Components) -> Result<Option<Self>> {
        let (triggers, mut handlers) = (&manifest.trigger.http, HashMap::new());
        for trigger in triggers {
            let component = &components[&trigger.component];
            let exports = ServiceIndices::new(component.pre()).map_err(|error| {
                anyhow!("component {:?} exports no wasi:http/handler 0.3: {error:#}", trigger.component)
            })?;
            let component = Arc::clone(component);
            handlers.insert(trigger.component.clone(), ProxyHandler::new(Instances { component, exports }));
        }
        let routes = triggers.iter().map(|trigger| (trigger.route.as_str(), trigger.component.as_str()));
        let info = info(&manifest.application)?;
        let server = Self { info, routes: Routes::new(routes)?, components: handlers };
        Ok((!triggers.is_empty()).then_some(server))
    }

    pub async fn serve(self, address: SocketAddr) -> Result<()> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("unable to listen on {address}"))?;
        let base = format!("http://{}", listener.local_addr()?);
        println!("\nServing {base}\nAvailable Routes:");
        for (component, route) in self.routes.describe() {
            println!("  {component}: {base}{route}");
        }
        let server = Arc::new(self);
        loop {
            let (stream, client) = listener.accept().await?;
            tokio::spawn(Arc::clone(&server).serve_connection(stream, client));
        }
    }

    /// Like Spin, leaves Nagle's algorithm on: a response in two packets is as slow here as there.
    async fn serve_connection(self: Arc<Self>, stream: TcpStream, client: SocketAddr) {
        let service = service_fn(move |request| {
            let server = Arc::clone(&self);
            async move { server.respond(request, client).await }
        });
        let connection = auto::Builder::new(TokioExecutor::new());
        if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
            eprintln!("Error serving HTTP connection: {error:#}");
        }
    }

    async fn respond(&self, mut request: Request<Incoming>, client: SocketAddr) -> Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        if let Some(name) = path.strip_prefix(WELL_KNOWN) {
            return Ok(match name {
                "health" => Response::new(whole("OK")),
                "info" => Response::builder()
                    .header(CONTENT_TYPE, "application/json")
                    .body(whole(self.info.clone()))?,
                _ => empty(StatusCode::NOT_FOUND),
            });
        }
        let Some(found) = self.routes.find(&path) else {
            return Ok(empty(StatusCode::NOT_FOUND));
        };
        request_headers::make_absolute(&mut request)?;
        let answered = match request_headers::prepare(&mut request, &found, client) {
            Ok(()) => self.call(found.component, request).await,
            Err(error) => Err(error),
        };
        Ok(answered.unwrap_or_else(|error| {
            eprintln!("Error processing request: {error:#}");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }))
    }

    async fn call(&self, component: &str, request: Request<Incoming>) -> Result<Response<Body>> {
        let request = request.map(|body| {
            body.map_err(|error| ErrorCode::from_hyper_request_error(error).into()).boxed_unsync()
        });
        let response = self.components[component].handle((), request).await?;
        Ok(response.map(|body| body.map_err(anyhow::Error::from).boxed_unsync()))
    }
}

/// An application's name and version, as Spin tells them.
fn info(application: &Application) -> Result<Bytes> {
    let mut info = serde_json::Map::from_iter([("name".to_owned(), application.name.as_str().into())]);
    info.extend(application.version.as_deref().map(|version| ("version".to_owned(), version.into())));
    Ok(serde_json::to_vec_pretty(&info)?.into())
}

fn whole(body: impl Into<Bytes>) -> Body {
    Full::from(body.into()).map_err(anyhow::Error::from).boxed_unsync()
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(anyhow::Error::from).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Makes the instances of one component for wasmtime's handler, which shares requests out to them.
struct Instances {
    component: Arc<LoadedComponent>,
    exports: ServiceIndices,
}

impl HandlerState for Instances {
    type StoreData = InstanceState;
    type WorkerExpiration = IdleTimeout;
    type WorkerState = ReuseLimits;

    async fn instantiate(&self) -> wasmtime::Result<Instance<InstanceState, IdleTimeout, ReuseLimits>> {
        let (mut store, instance) = self.component.instantiate().await?;
        let service: Service = self.exports.load(&mut store, &instance)?;
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: ViewFn::P3(InstanceState::http),
            expiration: IdleTimeout(Box::pin(tokio::time::sleep(IDLE_TIMEOUT))),
            state: ReuseLimits,
        })
    }
}

/// Ends an instance that has been idle for long enough; never one that works.
struct IdleTimeout(Pin<Box<Sleep>>);

impl WorkerExpiration for IdleTimeout {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        match status {
            WorkerStatus::Requests | WorkerStatus::PostReturn => Poll::Pending,
            WorkerStatus::Idle => {
                let deadline = (since + IDLE_TIMEOUT).into();
                if self.0.deadline() != deadline {
                    self.0.as_mut().reset(deadline);
                }
                self.0.as_mut().poll(context)
            }
        }
    }
}

/// How many requests an instance takes.
struct ReuseLimits;

impl WorkerState for ReuseLimits {
    type StoreData = InstanceState;
    type RequestId = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= MAX_REQUESTS {
            ShouldAccept::Never
        } else if concurrent >= MAX_CONCURRENT_REQUESTS {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    /// A request may take as long as it likes.
    fn on_request_start(
        &self,
        _store: StoreContextMut<'_, InstanceState>,
        _id: (),
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, _store: Store<InstanceState>, ended: wasmtime::Result<()>) {
        if let Err(error) = ended {
            eprintln!("worker failed: {error:?}");
        }
    }
}
