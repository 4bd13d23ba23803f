//! The running host.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler};

use crate::admission::{Admission, Permit};
use crate::app::App;
use crate::artifact::{ArtifactCache, Origin};
use crate::body::{AxumBody, Observer, Pace, guarded};
use crate::config::{HostConfig, Limits};
use crate::engine::{self, EpochClock};
use crate::exchange::{Exchange, ExchangeGuard};
use crate::gather::Gathering;
use crate::heap;
use crate::instance::{self, InstanceFactory};
use crate::key_value::KeyValue;
use crate::linger::LingeringBody;
use crate::outbound::Outbound;
use crate::request::prepare;
use crate::response::{AccessRecord, TrackedBody, busy, failure};
use crate::routes::{RouteMatch, Routes};
use crate::serve;
use crate::start::{configure, link};

/// The host name under which functions reach the sidecar in the same process: `http://sidecar.internal`.
pub const SIDECAR_HOST: &str = "sidecar.internal";

/// How functions reach the sidecar.
#[derive(Debug, Clone)]
pub enum SidecarRoute {
    /// Requests to `http://sidecar.internal` go to this router without a socket.
    InProcess(Router),
    /// The sidecar is one more address on the network.
    Network,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Values, limits and components do not fit the manifest; all faults at once.
    #[error("the application cannot start: {}", .0.join("; "))]
    Configuration(Vec<String>),
    /// A component cannot be compiled or linked.
    #[error("component `{component}`: {reason}")]
    Component {
        /// Id of the component.
        component: String,
        /// What wasmtime said.
        reason: String,
    },
    /// The engine cannot be set up.
    #[error("wasmtime: {0}")]
    Engine(String),
}

/// What an exchange has beyond its deadline before the host answers in the place of an instance that does not.
const OVERDUE_SLACK: Duration = Duration::from_secs(3);

/// A started application. Clones share it; when the last one is dropped, its instances end.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    routes: Routes,
    components: Vec<RunningComponent>,
    admission: Admission,
    gathering: Gathering,
    limits: Limits,
    key_value: Arc<KeyValue>,
}

struct RunningComponent {
    id: Arc<str>,
    handler: ProxyHandler<InstanceFactory>,
    deadline: Duration,
    gate: Option<Arc<Semaphore>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.shared.components.iter().map(|component| &component.id)).finish()
    }
}

impl Host {
    /// Compiles (or loads from the cache) and links every component.
    ///
    /// With a warm cache this takes milliseconds; else it takes as long as the compiler needs, on all cores.
    pub async fn start(app: App, config: HostConfig, sidecar: SidecarRoute) -> Result<Self, StartError> {
        let started = Instant::now();
        let engine_failed = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        let memory = app
            .manifest
            .components
            .keys()
            .map(|id| config.component_limits.get(id).cloned().unwrap_or_default().memory)
            .max()
            .unwrap_or_default();
        let engine = engine::build(config.limits.concurrent_requests, memory).map_err(engine_failed)?;
        let clock = EpochClock::start(&engine).map_err(|error| StartError::Engine(error.to_string()))?;
        let sidecar = match sidecar {
            SidecarRoute::InProcess(router) => Some(router),
            SidecarRoute::Network => None,
        };
        let outbound = Arc::new(Outbound::new(sidecar, &config.limits));
        let key_value = Arc::new(KeyValue::new(config.key_value_path.as_deref()));
        let runtimes = configure(&app, &config, &engine, &clock, &outbound, &key_value)?;
        let index = |id: &str| runtimes.iter().position(|runtime| &*runtime.id == id);
        let routes = Routes::new(&app.manifest.routes, index)
            .map_err(|fault| StartError::Configuration(vec![fault]))?;

        let linker = Arc::new(instance::linker(&engine).map_err(engine_failed)?);
        let cache = config.cache_dir.as_deref().and_then(ArtifactCache::open).map(Arc::new);
        let app = Arc::new(app);
        let links: Vec<_> = runtimes
            .into_iter()
            .map(|runtime| {
                let (app, cache, linker) = (Arc::clone(&app), cache.clone(), Arc::clone(&linker));
                tokio::task::spawn_blocking(move || {
                    let wasm = app.components.get(&*runtime.id).map_or(&[][..], |bytes| bytes);
                    link(runtime, wasm, cache.as_deref(), &linker)
                })
            })
            .collect();
        let mut components = Vec::with_capacity(links.len());
        let mut compiled = false;
        for link in links {
            let (factory, origin) = link.await.map_err(|error| StartError::Engine(error.to_string()))??;
            compiled |= origin == Origin::Compiled;
            let limits = &factory.component.limits;
            components.push(RunningComponent {
                id: Arc::clone(&factory.component.id),
                deadline: limits.deadline,
                gate: limits.concurrent_requests.map(|bound| Arc::new(Semaphore::new(bound))),
                handler: ProxyHandler::new(factory),
            });
        }
        // Housekeeping; the start does not wait for it.
        tokio::task::spawn_blocking(move || {
            if let Some(cache) = cache {
                cache.prune();
            }
            if compiled {
                heap::give_back();
            }
        });
        tracing::info!(
            components = components.len(),
            ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "application started"
        );
        Ok(Self {
            shared: Arc::new(Shared {
                routes,
                components,
                admission: Admission::new(&config.limits),
                gathering: Gathering::new(&config.limits),
                limits: config.limits,
                key_value,
            }),
        })
    }

    /// Answers one request. The peer's address is taken from the extension
    /// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo) if there is one.
    ///
    /// Dropping the future, or the body of the response, ends the work for it.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let mut record = AccessRecord::new(request.method().clone(), request.uri().path());
        let path = request.uri().path().to_owned();
        let outcome = match self.shared.routes.find(&path) {
            Some(found) => {
                let component = &self.shared.components[found.target.component];
                record.component(&component.id);
                self.run(component, &found, request).await
            }
            None => Err(failure(StatusCode::NOT_FOUND, "Not Found")),
        };
        let (response, exchange, permit) = match outcome {
            Ok((response, exchange, permit)) => (response, Some(exchange), Some(permit)),
            Err(answer) => (answer.map(|body| AxumBody(body).boxed_unsync()), None, None),
        };
        record.head(response.status(), response.headers());
        response.map(|body| Body::new(TrackedBody::new(body, record, exchange, permit)))
    }

    /// Lets a component answer; `Err` is the host's own answer.
    async fn run(
        &self,
        component: &RunningComponent,
        found: &RouteMatch<'_, '_>,
        request: Request<Body>,
    ) -> Result<(wasmtime_wasi_http::handler::Response, ExchangeGuard, Permit), Response<Body>> {
        let shared = &*self.shared;
        let request = shared.gathering.gather(request).await?;
        let Some(permit) = shared.admission.enter(component.gate.as_ref()).await else {
            return Err(busy(shared.admission.retry_after()));
        };
        let (mut parts, body) = request.into_parts();
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |ConnectInfo(peer)| *peer);
        prepare(&mut parts, found, peer).map_err(|fault| failure(StatusCode::BAD_REQUEST, fault))?;

        let exchange = Exchange::new(component.deadline);
        let guard = ExchangeGuard(Arc::clone(&exchange));
        let idle = shared.limits.body_idle_timeout;
        let observer = Observer::Exchange(Arc::clone(&exchange));
        let pace = Pace::at_least(shared.limits.body_least_rate, idle);
        let body = guarded(LingeringBody::new(AxumBody(body)), pace, observer.clone());
        let request = Request::from_parts(parts, body);
        let answered = tokio::select! {
            answered = component.handler.handle(Arc::clone(&exchange), request) => answered,
            () = exchange.overdue(OVERDUE_SLACK) => Err(ExpirationError.into()),
        };
        match answered {
            Ok(response) => {
                Ok((response.map(|body| guarded(body, Pace::idle(idle), observer)), guard, permit))
            }
            Err(error) => Err(self.explain(component, &error)),
        }
    }

    /// The answer for a request that a component did not answer.
    fn explain(&self, component: &RunningComponent, error: &wasmtime::Error) -> Response<Body> {
        let id = &*component.id;
        if error.is::<ExpirationError>() {
            tracing::error!(component = id, "a component did not answer in time");
            failure(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout")
        } else if let Some(failed) = error.downcast_ref::<InstantiationError<Arc<Exchange>>>() {
            tracing::error!(
                component = id,
                error = format!("{:#}", failed.error),
                "no instance could be made"
            );
            busy(self.shared.admission.retry_after())
        } else {
            tracing::error!(component = id, error = format!("{error:#}"), "a component failed");
            failure(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }

    /// Serves connections until `shutdown` resolves, then lets running exchanges end within [`Limits::drain`].
    /// Routes of `extra` are matched before those of the manifest; its fallback is replaced. At the end the key-value
    /// stores are closed, so a host serves once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        extra: Router,
        shutdown: impl Future<Output = ()> + Send,
    ) -> std::io::Result<()> {
        let host = self.clone();
        let router = extra.fallback(move |request: Request<Body>| {
            let host = host.clone();
            async move { host.handle(request).await }
        });
        let served = serve::run(listener, router, self.shared.limits.clone(), shutdown).await;
        self.shared.key_value.close().await;
        served
    }
}
