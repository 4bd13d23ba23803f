//! What components send out: whom they may reach, and how it gets there.

mod allowed;
mod network;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

pub(crate) use allowed::AllowedHosts;
pub(crate) use network::NetworkClient;

use crate::body::{AxumBody, Observer, Pace, guarded};
use crate::config::Limits;
use crate::host::SIDECAR_HOST;
use crate::progress::Progress;

/// The ways out, shared by all components.
pub(crate) struct Outbound {
    sidecar: Option<Router>,
    network: NetworkClient,
    first_byte_timeout: Duration,
    body_idle_timeout: Duration,
}

impl Outbound {
    pub(crate) fn new(sidecar: Option<Router>, limits: &Limits) -> Self {
        Self {
            sidecar,
            network: NetworkClient::new(limits),
            first_byte_timeout: limits.first_byte_timeout,
            body_idle_timeout: limits.body_idle_timeout,
        }
    }

    /// Sends a request that has been allowed. Bodies are handed on frame by frame, without a copy.
    ///
    /// `longest` bounds how long the sender may want to wait for the head of the answer.
    pub(crate) async fn send(
        self: Arc<Self>,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        longest: Duration,
    ) -> Result<Response<WasiBody>, Error> {
        let options = options.unwrap_or_default();
        let first_byte = options.first_byte_timeout.unwrap_or(self.first_byte_timeout).min(longest);
        let idle =
            options.between_bytes_timeout.unwrap_or(self.body_idle_timeout).min(self.body_idle_timeout);
        let progress = Arc::new(Progress::new());
        let sent = Pace::idle(self.body_idle_timeout);
        let request = request.map(|body| guarded(body, sent, Observer::Call(Arc::clone(&progress))));
        let answer = async {
            match &self.sidecar {
                Some(router) if is_sidecar(&request) => call(router.clone(), request).await,
                _ => self.network.send(request, options).await,
            }
        };
        tokio::select! {
            response = answer => response.map(|response| response.map(|body| guarded(body, Pace::idle(idle), Observer::None))),
            () = progress.stalled(first_byte) => Err(Error::HttpResponseTimeout),
        }
    }
}

fn is_sidecar(request: &Request<WasiBody>) -> bool {
    request.uri().scheme() == Some(&Scheme::HTTP) && request.uri().host() == Some(SIDECAR_HOST)
}

/// Calls the router in this process. It runs as a task of its own: a panic in it must not end the instance that asked,
/// and it must make progress while guest code runs.
async fn call(router: Router, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    let mut request = request.map(Body::new);
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = path.into();
    }
    let task = AbortOnDropHandle::new(tokio::spawn(router.oneshot(request)));
    match task.await {
        Ok(Ok(response)) => Ok(response.map(|body| AxumBody(body).boxed_unsync())),
        Err(error) => {
            tracing::error!(%error, "the sidecar's handler did not end well");
            Err(Error::ConnectionTerminated)
        }
    }
}
