//! Runs a Spin application, a `spin.toml` and its WASM components, in an embedded wasmtime.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use causeway_host::{App, Host, HostConfig, SidecarRoute};
//!
//! let app = App::from_dir(".")?;
//! let host = Host::start(app, HostConfig::default(), SidecarRoute::Network).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! host.serve(listener, axum::Router::new(), std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A request meets, in this order: the connection's limits ([`Limits`]), the host's concurrency bound, the route of
//! the manifest, an instance of the component (reused like Spin does, see [`ComponentLimits`]), and, if the component
//! calls out, the list of hosts it may reach and the [`SidecarRoute`]. Bodies that a component only hands on never
//! enter its memory.

mod admission;
mod app;
mod artifact;
mod body;
mod config;
mod engine;
mod exchange;
mod gather;
mod heap;
mod hooks;
mod host;
mod instance;
mod key_value;
mod linger;
mod logs;
mod manifest;
mod outbound;
mod precompiled;
mod progress;
mod request;
mod response;
mod routes;
mod serve;
mod spin_interfaces;
mod start;
mod variables;

pub use app::{App, AppError};
pub use config::{ComponentLimits, HostConfig, Limits, LogLine, LogSink, Mount};
pub use host::{Host, SIDECAR_HOST, SidecarRoute, StartError};
pub use linger::lingering;
pub use manifest::{
    Component, FileMount, HttpRoute, Manifest, ManifestError, RoutePattern, Template, TemplateError, Variable,
};
pub use serve::serve_router;

/// Longest part of a line of a component's output that is logged as one line, in bytes; the rest becomes the next.
pub const MAX_LOG_LINE: usize = 8 << 10;
