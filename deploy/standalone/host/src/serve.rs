//! The host on a socket.

mod activity;
mod answer_body;
mod peers;
mod stall;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::Limits;
use crate::request::ambiguity;
use crate::response::failure;
use activity::Activity;
use answer_body::AnswerBody;
use peers::{Peers, Place};
use stall::StallGuard;

/// Pause after the system refuses a connection for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests that one HTTP/2 connection may have open.
const H2_STREAMS: u32 = 128;

/// What a connection that is asked to end and has nothing left to do gets to say goodbye: a round trip on HTTP/2
/// (RFC 9113 6.8). A peer that does not answer is left.
const FAREWELL: Duration = Duration::from_millis(500);

/// Accepts connections until `shutdown` resolves, then waits for those that are busy, up to [`Limits::drain`].
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let server =
        Arc::new(Server { http: protocol(&limits), router, limits, stopping: CancellationToken::new() });
    let places = Arc::new(Semaphore::new(server.limits.connections));
    let peers = Peers::new(&server.limits);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(place) = place.and_then(|place| peers.admit(peer.ip(), place)) {
                    connections.spawn(Arc::clone(&server).connection(stream, peer, place));
                } else {
                    tracing::debug!(%peer, "a peer has too many connections, this one is closed");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.stopping.cancel();
    let drained =
        tokio::time::timeout(server.limits.drain, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "exchanges were still running at the end of the drain"
        );
        connections.shutdown().await;
    }
    Ok(())
}

/// Serves a router that has nothing to do with an application under the same limits of connections: until `shutdown`
/// resolves, and then as long as exchanges are running, up to [`Limits::drain`].
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    run(listener, router, limits, shutdown).await
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, io::Result<(TcpStream, SocketAddr)>) {
    // The semaphore is never closed. Without a free place the connection stays in the system's backlog.
    let place = Arc::clone(places).acquire_owned().await.ok();
    (place, listener.accept().await)
}

fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        // hyper's least is 8 KiB.
        .max_buf_size(limits.socket_buffer.max(limits.header_bytes).max(8 << 10));
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.header_read_timeout)
        .max_concurrent_streams(H2_STREAMS)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    http
}

struct Server {
    http: auto::Builder<TokioExecutor>,
    router: Router,
    limits: Limits,
    stopping: CancellationToken,
}

impl Server {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place) {
        // Small answers must not wait for the acknowledgement of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "TCP_NODELAY");
        }
        let activity = Activity::new();
        let guard = StallGuard::new(stream, self.limits.body_idle_timeout, Arc::clone(&activity), place);
        let service = hyper::service::service_fn(|request| self.answer(request, peer, &activity));
        let mut connection = pin!(self.http.serve_connection_with_upgrades(TokioIo::new(guard), service));
        // Hyper has a deadline for the head of an HTTP/1.1 request, but none for the bytes by which the version is told
        // and none for an HTTP/2 connection without streams.
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.stopping.cancelled() => None,
            () = activity.idle_for(self.limits.header_read_timeout) => None,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = Self::farewell(&activity) => Ok(()),
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection broke off");
        }
    }

    /// Resolves when a peer that was told goodbye has had its time and nothing is under way.
    async fn farewell(activity: &Activity) {
        tokio::time::sleep(FAREWELL).await;
        activity.idle_for(FAREWELL).await;
    }

    fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        activity: &Arc<Activity>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<> {
        let busy = activity.begin();
        let refusal = if header_bytes(&request) > self.limits.header_bytes {
            let detail = "The request header is too large";
            Some(failure(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail))
        } else {
            ambiguity(&request).map(|detail| failure(StatusCode::BAD_REQUEST, detail))
        };
        let router = self.router.clone();
        let (version, limit) = (request.version(), self.limits.body_idle_timeout);
        async move {
            let response = if let Some(refusal) = refusal {
                refusal
            } else {
                request.extensions_mut().insert(ConnectInfo(peer));
                router.oneshot(request.map(Body::new)).await?
            };
            Ok(response.map(|body| Body::new(AnswerBody::new(body, busy, version, limit))))
        }
    }
}

/// The size of a request's head as it was sent, near enough.
fn header_bytes(request: &Request<Incoming>) -> usize {
    let line = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + line
}
