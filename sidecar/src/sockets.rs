//! `/api/ws`: clients that are told of changes while they look at directories.
//!
//! A socket costs a task, the client's subscriptions and two small buffers. It has no timers: one task for all of them,
//! the [pulse](pulse), sends pings, finds dead clients and ends sockets whose token is no longer valid. What a client may
//! see is asked when it subscribes, and again whenever a user or a connection changes.

mod conversation;
mod origin;
mod outbox;
mod pulse;
mod socket;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use causeway_internal::Principal;
use causeway_internal::accounts::Account;
use causeway_paths::SharePath;
use causeway_tokens::TokenKey;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use self::origin::{NoPublicUrl, PublicUrl};
use self::outbox::Closing;
use self::socket::Socket;
use crate::accounts::Accounts;
use crate::connections::{Connections, ResolvedConnection};
use crate::metrics::Metrics;
use crate::shares::Shares;
use crate::watches::Watches;

/// Sockets at once, of all users: what the memory and descriptors of one machine are good for.
const MOST_SOCKETS: usize = 20_000;

/// Bytes of a message. A path may have 32,000 characters, in JSON some of them escaped; real ones are far below it.
const MOST_MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes read at once: a message of the usual size.
const READ_BUFFER: usize = 512;

/// Bytes that wait for a client's system to take them. Beyond it the socket is slow, and messages gather in its outbox.
const MOST_WRITE_BUFFER: usize = 128 * 1024;

/// How long the ends of all sockets may take when the program stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// All sockets. Clones share them.
#[derive(Clone)]
pub(crate) struct Sockets {
    all: Arc<All>,
}

struct All {
    accounts: Arc<Accounts>,
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    watches: Watches,
    key: TokenKey,
    public_url: Option<PublicUrl>,
    most_of_user: usize,
    open: Mutex<HashMap<u64, Arc<Socket>>>,
    next_id: AtomicU64,
    /// Rounds of the pulse, about a second each.
    rounds: AtomicU32,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What sockets are opened with.
pub(crate) struct Admission {
    /// Of the access tokens.
    pub(crate) key: TokenKey,
    /// Where browsers' pages come from; `None` does not look.
    pub(crate) public_url: Option<PublicUrl>,
    /// Sockets that one user may have open.
    pub(crate) most_of_user: usize,
}

#[derive(Deserialize)]
struct Presented {
    token: Option<String>,
}

/// Why a socket is not opened. Outside it all looks the same.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("there is no token")]
    NoToken,
    #[error("{0}")]
    Token(#[from] causeway_tokens::TokenRefused),
    #[error("the user is unknown, inactive or has had his tokens revoked")]
    Principal,
    #[error("the page is not from the public address")]
    Origin,
    #[error("there are too many sockets")]
    Full,
}

impl Sockets {
    pub(crate) fn new(
        accounts: Arc<Accounts>,
        connections: Arc<Connections>,
        shares: Arc<Shares>,
        watches: Watches,
        metrics: Arc<Metrics>,
        admission: Admission,
    ) -> Self {
        let all = Arc::new(All {
            accounts,
            connections,
            shares,
            watches,
            key: admission.key,
            public_url: admission.public_url,
            most_of_user: admission.most_of_user,
            open: Mutex::default(),
            next_id: AtomicU64::new(1),
            rounds: AtomicU32::new(0),
            metrics,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        Self { all }
    }

    /// The route, to be mounted where browsers can reach it.
    pub(crate) fn router(&self) -> Router {
        Router::new().route("/api/ws", get(connect)).with_state(self.clone())
    }

    /// Looks after the sockets until the program stops.
    pub(crate) async fn run_pulse(self, listener: crate::changes::Listener) {
        pulse::run(self.all, listener).await;
    }

    /// Tells every client that the program stops, and opens no more sockets.
    pub(crate) fn hang_up(&self) {
        self.all.stop.cancel();
        for socket in self.all.sockets() {
            socket.close(Closing::Stopping);
        }
    }

    /// Waits until all sockets are closed, some seconds at most.
    pub(crate) async fn stop(&self) {
        self.hang_up();
        self.all.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.all.tasks.wait()).await.is_err() {
            tracing::debug!(sockets = self.all.open().len(), "some clients did not take their leave");
        }
    }
}

/// Opens a socket. Every refusal is an empty 403 (`contract`: the reference refuses so before it accepts).
async fn connect(
    State(sockets): State<Sockets>,
    presented: Result<Query<Presented>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let all = sockets.all;
    let token = presented.ok().and_then(|Query(presented)| presented.token);
    let (principal, expires_at) = match all.admit(token.as_deref(), &headers).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            tracing::debug!(%refused, "a socket was refused");
            all.metrics.sockets_refused.count();
            return StatusCode::FORBIDDEN.into_response();
        }
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    upgrade
        .max_message_size(MOST_MESSAGE_BYTES)
        .max_frame_size(MOST_MESSAGE_BYTES)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_WRITE_BUFFER)
        .on_upgrade(move |socket| all.converse(socket, principal, expires_at))
}

impl All {
    async fn admit(&self, token: Option<&str>, headers: &HeaderMap) -> Result<(Principal, u64), Refused> {
        if self.public_url.as_ref().is_some_and(|url| !url.admits(headers)) {
            return Err(Refused::Origin);
        }
        let claims = self.key.verify(token.ok_or(Refused::NoToken)?, unix_now())?;
        let principal = Principal { user_id: claims.user_id, token_version: claims.token_version };
        self.accounts.authorize(principal).await.map_err(|_| Refused::Principal)?;
        if self.stop.is_cancelled() || self.open().len() >= MOST_SOCKETS {
            return Err(Refused::Full);
        }
        Ok((principal, claims.expires_at))
    }

    /// One client, from the handshake to the end.
    fn converse(
        self: Arc<Self>,
        connection: WebSocket,
        principal: Principal,
        expires_at: u64,
    ) -> impl Future<Output = ()> + Send {
        let tasks = self.tasks.clone();
        tasks.track_future(async move {
            let (registered, room) = Registered::new(&self, principal, expires_at);
            if !room {
                registered
                    .socket
                    .text(conversation::error("There are too many open sockets of this user", None));
                registered.socket.close(Closing::TooMany);
            }
            if self.stop.is_cancelled() {
                registered.socket.close(Closing::Stopping);
            }
            conversation::hold(&self, &registered.socket, connection).await;
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Socket>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> Vec<Arc<Socket>> {
        self.open().values().cloned().collect()
    }

    /// The clock by which clients are silent: seconds in which this program was running. After a pause of its own (a
    /// machine that slept) nobody is taken for dead who had no chance to be heard.
    fn now(&self) -> u32 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// The connection that a client means, and the directory on its share; `None` when he may not see it or it is none.
    async fn resolve(
        &self,
        account: &Account,
        topic: (&str, &str),
    ) -> Option<(Arc<ResolvedConnection>, SharePath)> {
        let id = Uuid::parse_str(topic.0).ok()?;
        let connection = self.connections.resolve(account, id).await.ok()?;
        let path = SharePath::parse(topic.1).ok()?.under(&connection.prefix).ok()?;
        Some((connection, path))
    }
}

/// An open socket's place among all, given up when dropped.
struct Registered {
    all: Arc<All>,
    socket: Arc<Socket>,
}

impl Registered {
    /// Also says whether the user may have one more.
    fn new(all: &Arc<All>, principal: Principal, expires_at: u64) -> (Self, bool) {
        let id = all.next_id.fetch_add(1, Ordering::Relaxed);
        let socket = Arc::new(Socket::new(id, principal, expires_at, all.now(), Arc::clone(&all.metrics)));
        let mut open = all.open();
        let of_user = open.values().filter(|socket| socket.principal.user_id == principal.user_id).count();
        open.insert(id, Arc::clone(&socket));
        drop(open);
        all.metrics.sockets.change(1);
        (Self { all: Arc::clone(all), socket }, of_user < all.most_of_user)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.all.open().remove(&self.socket.id);
        self.all.metrics.sockets.change(-1);
        self.socket.end();
    }
}

/// Seconds since 1970.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
