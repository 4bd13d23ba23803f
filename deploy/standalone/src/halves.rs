//! The two halves of the product as programs of their own.

use std::time::Duration;

use anyhow::Context as _;
use axum::extract::Request;
use axum::middleware::map_request;
use axum::serve::ListenerExt as _;
use causeway_host::{SidecarRoute, lingering};
use tokio_util::sync::CancellationToken;

use crate::app::{self, Wiring};
use crate::beside::Beside;
use crate::config::Config;
use crate::serve::{announce, asked_to_stop, bind, hanging_up, start_sidecar};

/// How long calls may go on after the program was asked to stop; as long as the functions' host lets requests go on.
const DRAIN: Duration = Duration::from_secs(10);

/// The sidecar with its internal API on an address of its own.
pub(crate) async fn sidecar(config: Config) -> anyhow::Result<()> {
    let listener = bind(&config).await?;
    let started = start_sidecar(&config).await?;
    if let Some(password) = &started.generated_password {
        println!("administrator: {}\npassword: {password}\n(shown this once)", config.first_admin.username);
    }
    let beside = Beside::open_with_sockets(&config, &started.sidecar).await?;
    let stop = hanging_up(asked_to_stop()?, &started.sidecar);
    announce(&listener)?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers may be delayed");
        }
    });
    let router = started.sidecar.router().merge(started.sidecar.metrics_router());
    // A save is refused in the middle of its content, also by a full disk; the function must hear why.
    let router = router.layer(map_request(async |request: Request| lingering(request)));
    let stopping = CancellationToken::new();
    let asked = stopping.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        asked.cancel();
    });
    let too_late = async {
        stopping.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving.into_future() => served?,
        // They end with the sessions that they need.
        () = too_late => tracing::warn!("calls were still running at the end of the drain"),
    }
    started.sidecar.stop().await;
    beside.close().await;
    Ok(())
}

/// The functions, with a sidecar somewhere else.
pub(crate) async fn host(config: Config) -> anyhow::Result<()> {
    let missing = |name| move || format!("{name} must be given: it is the same as the sidecar's");
    let wiring = Wiring {
        service_token: config.secrets.service_token.as_deref().with_context(missing("service_token"))?,
        token_secret: config.secrets.token_secret.as_deref().with_context(missing("token_secret"))?,
        sidecar_url: Some(config.sidecar_url.as_deref().context("sidecar_url must be given")?),
    };
    std::fs::create_dir_all(&config.data_dir).with_context(|| config.data_dir.display().to_string())?;
    let listener = bind(&config).await?;
    let host = app::start(&config, wiring, SidecarRoute::Network).await?;
    let stop = asked_to_stop()?;
    announce(&listener)?;
    host.serve(listener, axum::Router::new(), stop).await?;
    Ok(())
}
