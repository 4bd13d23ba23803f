//! [`SharePool`]: all access to one share.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::budget::ByteBudget;
use crate::error::{ShareError, ShareErrorKind};
use crate::lane::{Dial, FailureMemory, Lane, Lease};
use crate::limits::{HOLDS_PER_CONNECTION, PoolLimits, WATCHES_PER_CONNECTION, deadline};
use crate::session::{ServerIdentity, Session};
use crate::target::Target;

/// Calls on one connection for short work before a second one is opened beside it.
const COMFORTABLE_CALLS: usize = 8;

/// Listings on one connection likewise.
const COMFORTABLE_LISTINGS: usize = 2;

/// How often idle connections are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(15);

/// All access to one share by one account. Clones are the same pool.
///
/// Connections are opened when needed and kept for a while. Interactive calls, listings, downloads, uploads, watches and
/// holds have connections of their own, so that none stands in another's way; on each connection the requests of many callers
/// are under way at once.
///
/// # When the server goes away
///
/// Calls under way fail with [`ConnectionLost`](ShareErrorKind::ConnectionLost) or
/// [`TimedOut`](ShareErrorKind::TimedOut), the next call connects anew. Calls that only look (`stat`, `list`, opening for
/// reading) are repeated once on a new connection before they fail. Calls that change something are not: the caller gets
/// the error, [`outcome_unknown`](ShareError::outcome_unknown) is true, and looking tells whether it was done. Open
/// [`ReadHandle`](crate::ReadHandle)s, [`WriteHandle`](crate::WriteHandle)s and [`Watch`](crate::Watch)es are lost with
/// their connection.
///
/// # Dropping a future
///
/// Every future may be dropped at any point. What was begun is finished in the background, its handles are closed, and
/// the connection stays usable; whether a change was made is then unknown.
#[derive(Clone)]
pub struct SharePool {
    inner: Arc<Inner>,
}

struct Inner {
    target: Arc<Target>,
    limits: PoolLimits,
    dial: Dial,
    failures: Arc<FailureMemory>,
    interactive: Arc<Lane>,
    listings: Arc<Lane>,
    reads: Arc<Lane>,
    writes: Arc<Lane>,
    watches: Arc<Lane>,
    holds: Arc<Lane>,
    watch_places: Arc<Semaphore>,
    closed: CancellationToken,
    housekeeper: std::sync::Once,
}

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Interactive,
    Listing,
    Read,
    Write,
    Watch,
    Hold,
}

impl SharePool {
    /// A pool without a connection yet.
    pub fn new(target: Target, limits: PoolLimits) -> Self {
        let target = Arc::new(target);
        let timeout = limits.connect_timeout;
        let dial: Dial = {
            let target = Arc::clone(&target);
            Arc::new(move || {
                let target = Arc::clone(&target);
                async move { Session::open(&target, timeout).await }.boxed()
            })
        };
        let inner = Inner {
            interactive: Arc::new(Lane::new(limits.interactive_connections, COMFORTABLE_CALLS)),
            listings: Arc::new(Lane::new(limits.listing_connections, COMFORTABLE_LISTINGS)),
            reads: Arc::new(Lane::new(limits.read_connections, 1)),
            writes: Arc::new(Lane::new(limits.write_connections, 1)),
            watches: Arc::new(Lane::filling_up(limits.watch_connections, WATCHES_PER_CONNECTION)),
            holds: Arc::new(Lane::filling_up(limits.hold_connections, HOLDS_PER_CONNECTION)),
            watch_places: Arc::new(Semaphore::new(watch_places(&limits))),
            failures: Arc::default(),
            closed: CancellationToken::new(),
            housekeeper: std::sync::Once::new(),
            target,
            limits,
            dial,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whom this pool speaks to.
    pub fn target(&self) -> &Target {
        &self.inner.target
    }

    /// Connects, signs in, attaches to the share and looks at its root, all on a connection of its own that is thrown
    /// away; what the pool has cached or open plays no part.
    pub async fn test(&self) -> Result<ServerIdentity, ShareError> {
        let lane = Arc::new(Lane::new(1, 1));
        let lease = lane.lease(&self.inner.dial, &Arc::default()).await?;
        let identity = lease.identity().clone();
        let root = causeway_paths::SharePath::root();
        let looked = detached(deadline::INFO, lease.clone(), crate::items::stat(lease, root, false)).await;
        lane.close();
        looked.map(|_| identity)
    }

    /// Which share of which server this is, to tell whether two pools see the same files.
    pub async fn server_identity(&self) -> Result<ServerIdentity, ShareError> {
        Ok(self.lease(Work::Interactive).await?.identity().clone())
    }

    /// Whether traffic with the share is encrypted, by its own demand or the server's.
    pub async fn is_encrypted(&self) -> Result<bool, ShareError> {
        Ok(self.lease(Work::Interactive).await?.is_encrypted())
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.inner.lanes().iter().map(|lane| lane.connections()).sum()
    }

    /// Watches that are open now, those that are just being opened or closed among them; each has one handle.
    pub fn watches(&self) -> usize {
        watch_places(&self.inner.limits) - self.inner.watch_places.available_permits()
    }

    /// The right to one more watch, given back when its handle is closed.
    pub(crate) fn watch_place(&self) -> Result<OwnedSemaphorePermit, ShareError> {
        Arc::clone(&self.inner.watch_places)
            .try_acquire_owned()
            .map_err(|_| ShareErrorKind::TooManyWatches.into())
    }

    /// Whether [`close`](Self::close) has been called: nothing works here any more.
    pub fn is_closed(&self) -> bool {
        self.inner.closed.is_cancelled()
    }

    /// Ends all connections. Calls under way and later ones fail with `ConnectionLost`.
    pub fn close(&self) {
        self.inner.closed.cancel();
        for lane in self.inner.lanes() {
            lane.close();
        }
    }

    pub(crate) fn budget(&self) -> &Arc<ByteBudget> {
        &self.inner.limits.budget
    }

    pub(crate) async fn lease(&self, work: Work) -> Result<Lease, ShareError> {
        let inner = &self.inner;
        if inner.closed.is_cancelled() {
            return Err(ShareError::caused_by(ShareErrorKind::ConnectionLost, "the pool is closed"));
        }
        inner.housekeeper.call_once(|| {
            tokio::spawn(keep_house(Arc::downgrade(inner), inner.closed.clone()));
        });
        let lane = match work {
            Work::Interactive => &inner.interactive,
            Work::Listing => &inner.listings,
            Work::Read => &inner.reads,
            Work::Write => &inner.writes,
            Work::Watch => &inner.watches,
            Work::Hold => &inner.holds,
        };
        lane.lease(&inner.dial, &inner.failures).await
    }

    /// Runs a call that may be repeated: once more on another session when the first one was lost under it.
    pub(crate) async fn look<T, F>(
        &self,
        work: Work,
        limit: Duration,
        call: impl Fn(Lease) -> F,
    ) -> Result<T, ShareError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ShareError>> + Send + 'static,
    {
        let lease = self.lease(work).await?;
        match detached(limit, lease.clone(), call(lease)).await {
            Err(error) if error.kind() == ShareErrorKind::ConnectionLost => {
                tracing::debug!(?error, "repeating a call on a new connection");
                let lease = self.lease(work).await?;
                detached(limit, lease.clone(), call(lease)).await
            }
            outcome => outcome,
        }
    }

    /// Runs a call that changes something: once.
    pub(crate) async fn change<T, F>(
        &self,
        work: Work,
        limit: Duration,
        call: impl FnOnce(Lease) -> F,
    ) -> Result<T, ShareError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ShareError>> + Send + 'static,
    {
        let lease = self.lease(work).await?;
        detached(limit, lease.clone(), call(lease)).await
    }
}

impl Inner {
    fn lanes(&self) -> [&Arc<Lane>; 6] {
        [&self.interactive, &self.listings, &self.reads, &self.writes, &self.watches, &self.holds]
    }
}

fn watch_places(limits: &PoolLimits) -> usize {
    limits.watch_connections.max(1) * WATCHES_PER_CONNECTION
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl std::fmt::Debug for SharePool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SharePool")
            .field("target", &self.inner.target)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// Runs `call` in a task of its own and waits for it `limit` at most.
///
/// A request that was given its place in the sequence of messages has to be sent, or the server waits for it and for
/// everything after it (MS-SMB2 3.3.5.2.3); and a CREATE that was sent may leave a handle. So a caller that goes away
/// takes only itself away, never the work.
pub(crate) async fn detached<T: Send + 'static>(
    limit: Duration,
    lease: Lease,
    call: impl Future<Output = Result<T, ShareError>> + Send + 'static,
) -> Result<T, ShareError> {
    match tokio::time::timeout(limit, tokio::spawn(call)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(ShareError::caused_by(ShareErrorKind::Protocol, panic)),
        Err(_) => {
            lease.note_timeout(limit);
            Err(ShareErrorKind::TimedOut.into())
        }
    }
}

async fn keep_house(pool: std::sync::Weak<Inner>, closed: CancellationToken) {
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => {}
        }
        let Some(pool) = pool.upgrade() else { return };
        for lane in pool.lanes() {
            lane.drop_idle(pool.limits.idle_timeout);
        }
    }
}
