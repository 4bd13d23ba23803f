//! Everything in one process.

use std::sync::Arc;

use anyhow::Context as _;
use causeway_host::{Host, SidecarRoute};
use causeway_sidecar::{Sidecar, Started, config};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{self, Wiring};
use crate::beside::Beside;
use crate::config::Config;

pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let listener = bind(&config).await?;
    let (started, host) = start(&config).await?;
    if let Some(password) = &started.generated_password {
        println!("administrator: {}\npassword: {password}\n(shown this once)", config.first_admin.username);
    }
    let beside = Beside::open(&config, &started.sidecar).await?;
    let stop = hanging_up(asked_to_stop()?, &started.sidecar);
    announce(&listener)?;
    host.serve(listener, started.sidecar.public_router(), stop).await?;
    started.sidecar.stop().await;
    beside.close().await;
    Ok(())
}

/// When to stop, with all clients on sockets told of it at that moment.
pub(crate) fn hanging_up(
    stop: impl Future<Output = ()> + Send + 'static,
    sidecar: &Arc<Sidecar>,
) -> impl Future<Output = ()> + Send + 'static {
    let sidecar = Arc::clone(sidecar);
    async move {
        stop.await;
        sidecar.hang_up();
    }
}

/// Starts the sidecar and the functions, wired to each other without a socket.
pub(crate) async fn start(config: &Config) -> anyhow::Result<(Started, Host)> {
    let started = start_sidecar(config).await?;
    let sidecar = &started.sidecar;
    let wiring = Wiring {
        service_token: sidecar.service_token(),
        token_secret: sidecar.token_secret(),
        sidecar_url: None,
    };
    let host = app::start(config, wiring, SidecarRoute::InProcess(sidecar.router())).await?;
    Ok((started, host))
}

pub(crate) async fn start_sidecar(config: &Config) -> anyhow::Result<Started> {
    Sidecar::start(config::Config {
        data_dir: config.data_dir.clone(),
        first_admin: config.first_admin.clone(),
        secrets: config.secrets.clone(),
        directory_rescan: config.directory_rescan,
        lock_lifetime: config.lock_lifetime,
        trusted_proxies: config.trusted_proxies.clone(),
        public_url: config.public_url.clone(),
        max_sockets_per_user: config.max_sockets_per_user,
    })
    .await
}

pub(crate) async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))
}

/// Tells where the program answers, for people and for whoever asked for a free port.
pub(crate) fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}

/// Resolves on SIGINT or SIGTERM. The signals are caught from this call on, not from the first poll: whoever reads
/// [`announce`]'s line may send one at once.
pub(crate) fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}
