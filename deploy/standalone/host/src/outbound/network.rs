//! Outbound requests over sockets.

use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, default_send_request};

use crate::config::Limits;

/// How long a connection is kept for the next request: less than the minute after which servers usually close.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Idle connections kept for one server: as many as requests that an instance runs at once, a few times over.
const POOL_IDLE_CONNECTIONS: usize = 64;

/// A client that keeps connections for the next request.
pub(crate) struct NetworkClient {
    plain: Client<HttpConnector, WasiBody>,
    connect_timeout: Duration,
}

impl NetworkClient {
    pub(crate) fn new(limits: &Limits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits.connect_timeout));
        let plain = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_CONNECTIONS)
            .http1_max_buf_size(limits.socket_buffer)
            .build(connector);
        Self { plain, connect_timeout: limits.connect_timeout }
    }

    pub(crate) async fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        if request.uri().scheme() == Some(&Scheme::HTTPS) {
            return self.send_encrypted(request, options).await;
        }
        match self.plain.request(request).await {
            Ok(response) => Ok(response.map(|body| body.map_err(Error::from).boxed_unsync())),
            Err(error) => {
                tracing::debug!(%error, cause = ?std::error::Error::source(&error), "an outbound request failed");
                Err(if error.is_connect() { Error::ConnectionRefused } else { Error::ConnectionTerminated })
            }
        }
    }

    /// TLS goes through wasmtime's own client: one connection a request, with the roots of Mozilla.
    async fn send_encrypted(
        &self,
        request: Request<WasiBody>,
        mut options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        options.connect_timeout =
            Some(options.connect_timeout.unwrap_or(self.connect_timeout).min(self.connect_timeout));
        let (response, io) = default_send_request(request, Some(options)).await?;
        let io = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = io.await {
                tracing::debug!(%error, "an outbound connection broke off");
            }
        }));
        Ok(response.map(|body| {
            body.map_frame(move |frame| {
                // The connection lives as long as the body that comes through it.
                let _ = &io;
                frame
            })
            .boxed_unsync()
        }))
    }
}
