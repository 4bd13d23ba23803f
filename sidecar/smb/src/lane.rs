//! [`Lane`]: the connections for one kind of work, opened when needed.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::error::{ShareError, ShareErrorKind};
use crate::session::Session;

/// A session idle for longer is asked for a sign of life before it gets work: firewalls and appliances drop quiet
/// connections without a word, from a minute on.
const PROBE_AFTER: Duration = Duration::from_secs(45);

/// How long a caller waits for a connection of its own before it shares a busy one.
const PATIENCE: Duration = Duration::from_millis(500);

/// For how long the outcome of a failed connect answers further callers, so that they do not wait in turn for the same
/// silence. Short: a server that has come back should be found at once.
const FAILURE_MEMORY: Duration = Duration::from_millis(500);

/// The same for a refused logon: accounts are locked out after a few.
const REFUSAL_MEMORY: Duration = Duration::from_secs(5);

/// Opens a session. A closure of the pool, so that lanes know nothing of targets.
pub(crate) type Dial = Arc<dyn Fn() -> BoxFuture<'static, Result<Session, ShareError>> + Send + Sync>;

type Dialling = Shared<BoxFuture<'static, Result<(), ShareError>>>;

/// The connections for one kind of work.
pub(crate) struct Lane {
    max: usize,
    /// Calls on one connection before another is opened beside it.
    comfortable: usize,
    /// Leases of one connection that there may be at all.
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: Vec<Arc<Slot>>,
    dialling: Option<Dialling>,
    /// What a connect under way brings is of no use any more.
    closed: bool,
}

struct Slot {
    session: Arc<Session>,
    /// Leases out.
    load: AtomicUsize,
    last_used: Mutex<Instant>,
}

/// The right to use a session, counted as load while it lives.
pub(crate) struct Lease(Arc<Slot>);

/// The last failed connect of a pool, for all its lanes.
#[derive(Default)]
pub(crate) struct FailureMemory(Mutex<Option<(Instant, ShareError)>>);

impl FailureMemory {
    fn recall(&self) -> Option<ShareError> {
        let memory = locked(&self.0);
        let (when, error) = memory.as_ref()?;
        let span = if error.kind() == ShareErrorKind::LogonRefused { REFUSAL_MEMORY } else { FAILURE_MEMORY };
        (when.elapsed() < span).then(|| error.clone())
    }

    fn note<T>(&self, outcome: &Result<T, ShareError>) {
        *locked(&self.0) = outcome.as_ref().err().map(|error| (Instant::now(), error.clone()));
    }
}

impl Lane {
    pub(crate) fn new(max: usize, comfortable: usize) -> Self {
        Self { max: max.max(1), comfortable, most: usize::MAX, state: Mutex::default() }
    }

    /// Each connection takes up to `most` leases and no more; then another one is opened.
    pub(crate) fn filling_up(max: usize, most: usize) -> Self {
        Self { max: max.max(1), comfortable: most, most, state: Mutex::default() }
    }

    /// A session of this lane: the least busy one, or a new one when all are busy or there is none.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        dial: &Dial,
        failures: &Arc<FailureMemory>,
    ) -> Result<Lease, ShareError> {
        loop {
            match self.look(dial, failures) {
                Look::Use(lease) => {
                    if lease.0.was_idle_for() < PROBE_AFTER || lease.probe().await {
                        return Ok(lease);
                    }
                }
                Look::Wait(dialling) => dialling.await?,
                Look::WaitOrUse(dialling, lease) => match tokio::time::timeout(PATIENCE, dialling).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return Ok(lease),
                },
                Look::Failed(error) => return Err(error),
            }
        }
    }

    fn look(self: &Arc<Self>, dial: &Dial, failures: &Arc<FailureMemory>) -> Look {
        let mut state = locked(&self.state);
        state.slots.retain(|slot| slot.session.is_alive());
        let load = |slot: &Arc<Slot>| slot.load.load(Ordering::Relaxed);
        let free = state.slots.iter().filter(|slot| load(slot) < self.most);
        // Filling up one after the other, the fullest is best: the others may become idle and be closed.
        let best = if self.most == usize::MAX {
            free.min_by_key(|slot| load(slot))
        } else {
            free.max_by_key(|slot| load(slot))
        };
        let best = best.cloned();
        let full = state.slots.len() >= self.max;
        if let Some(slot) = &best
            && (full || slot.load.load(Ordering::Relaxed) < self.comfortable)
        {
            return Look::Use(Lease::new(Arc::clone(slot)));
        }
        if best.is_none() && full {
            return Look::Failed(ShareErrorKind::TooManyWatches.into());
        }
        let recent_failure = failures.recall();
        match (best, recent_failure) {
            (Some(slot), Some(_)) => Look::Use(Lease::new(slot)),
            (None, Some(error)) if state.dialling.is_none() => Look::Failed(error),
            (best, _) => {
                let dialling = state
                    .dialling
                    .get_or_insert_with(|| self.start_dialling(Arc::clone(dial), Arc::clone(failures)))
                    .clone();
                match best {
                    Some(slot) => Look::WaitOrUse(dialling, Lease::new(slot)),
                    None => Look::Wait(dialling),
                }
            }
        }
    }

    /// One connect for all who wait. It runs on its own, so that a caller who gives up takes nobody's answer along.
    fn start_dialling(self: &Arc<Self>, dial: Dial, failures: Arc<FailureMemory>) -> Dialling {
        let lane = Arc::clone(self);
        let task = tokio::spawn(async move {
            let outcome = dial().await;
            failures.note(&outcome);
            let mut state = locked(&lane.state);
            state.dialling = None;
            let session = outcome?;
            if state.closed {
                session.abandon();
                return Err(ShareError::caused_by(ShareErrorKind::ConnectionLost, "the pool is closed"));
            }
            state.slots.push(Arc::new(Slot {
                session: Arc::new(session),
                load: AtomicUsize::new(0),
                last_used: Mutex::new(Instant::now()),
            }));
            Ok(())
        });
        async move {
            task.await.unwrap_or_else(|error| Err(ShareError::caused_by(ShareErrorKind::Unreachable, error)))
        }
        .boxed()
        .shared()
    }

    /// Closes what nobody has used for `idle`.
    pub(crate) fn drop_idle(&self, idle: Duration) {
        locked(&self.state).slots.retain(|slot| {
            slot.session.is_alive() && (slot.load.load(Ordering::Relaxed) > 0 || slot.was_idle_for() < idle)
        });
    }

    /// Ends every session; calls under way fail with `ConnectionLost`.
    pub(crate) fn close(&self) {
        let mut state = locked(&self.state);
        state.closed = true;
        for slot in state.slots.drain(..) {
            slot.session.abandon();
        }
    }

    /// Connections that are open now.
    pub(crate) fn connections(&self) -> usize {
        locked(&self.state).slots.iter().filter(|slot| slot.session.is_alive()).count()
    }
}

/// What a lane has for a caller.
enum Look {
    Use(Lease),
    /// The first connect is under way.
    Wait(Dialling),
    /// A further connect is under way; the lease is for when it fails or takes long.
    WaitOrUse(Dialling, Lease),
    Failed(ShareError),
}

impl Slot {
    /// Zero while it is in use.
    fn was_idle_for(&self) -> Duration {
        // The caller's own lease counts as one.
        if self.load.load(Ordering::Relaxed) > 1 { Duration::ZERO } else { locked(&self.last_used).elapsed() }
    }
}

impl Lease {
    fn new(slot: Arc<Slot>) -> Self {
        slot.load.fetch_add(1, Ordering::Relaxed);
        Self(slot)
    }

    /// The session, for a task that may outlive the lease.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.0.session
    }
}

impl Clone for Lease {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0.session
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *locked(&self.0.last_used) = Instant::now();
        self.0.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A panic elsewhere leaves these simple values whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
