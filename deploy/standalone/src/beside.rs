//! What answers on addresses of its own beside the main one: sockets of a sidecar without functions, and figures.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use causeway_host::{Limits, serve_router};
use causeway_sidecar::Sidecar;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;

/// The further addresses, while they are served.
pub(crate) struct Beside {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Beside {
    /// Figures, if an address is given for them.
    pub(crate) async fn open(config: &Config, sidecar: &Arc<Sidecar>) -> anyhow::Result<Self> {
        let beside = Self { tasks: TaskTracker::new(), stop: CancellationToken::new() };
        if let Some(address) = config.metrics_listen {
            let address =
                beside.serve(address, sidecar.metrics_router(), config).await.context("metrics_listen")?;
            println!("figures on http://{address}/metrics");
        }
        Ok(beside)
    }

    /// The same, and the sockets. Without an address for them there are none: the internal API is not for browsers, so
    /// nothing of theirs shares its address.
    pub(crate) async fn open_with_sockets(config: &Config, sidecar: &Arc<Sidecar>) -> anyhow::Result<Self> {
        let beside = Self::open(config, sidecar).await?;
        if let Some(address) = config.ws_listen {
            let address =
                beside.serve(address, sidecar.public_router(), config).await.context("ws_listen")?;
            println!("live updates on ws://{address}/api/ws");
        } else {
            tracing::warn!("ws_listen is not given: browsers are not told of changes");
        }
        Ok(beside)
    }

    async fn serve(
        &self,
        address: SocketAddr,
        router: Router,
        config: &Config,
    ) -> anyhow::Result<SocketAddr> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let bound = listener.local_addr()?;
        let limits = Limits { unbounded_peers: config.trusted_proxies.clone(), ..Limits::default() };
        let stopped = self.stop.clone().cancelled_owned();
        self.tasks.spawn(async move {
            if let Err(error) = serve_router(listener, router, limits, stopped).await {
                tracing::error!(%error, %bound, "an address is not served any more");
            }
        });
        Ok(bound)
    }

    /// Ends them. Exchanges that are running end first.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
