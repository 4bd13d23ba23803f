//! Watched directories: one watch on the server for all who look at a directory through one connection.
//!
//! The first subscriber of a directory starts a keeper, a task that opens the watch, holds it and brings it back when it
//! is lost; the last one to leave ends it. A subscriber holds a [`Seat`], and leaving is dropping it, so that a browser
//! that is killed leaves like any other. What happens reaches subscribers by calls that never wait.

mod audience;
mod backoff;
mod contents;
mod keeper;
mod memory;
mod pacer;
mod source;
mod topic;
mod watched;

#[cfg(test)]
mod samba;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::extract::ws::Utf8Bytes;
use causeway_paths::{CanonicalKey, SharePath};
use causeway_smb::{ShareError, ShareErrorKind, SharePool};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::audience::Phase;
pub(crate) use self::audience::Welcome;
use self::backoff::Refusals;
pub(crate) use self::contents::Listing;
pub(crate) use self::memory::Remembered;
use self::source::{ShareDirectory, Source};
pub(crate) use self::topic::{Progress, Topic};
use self::watched::{Watched, folded};
use crate::changes::{Change, Deed, ShareKey};
use crate::connections::ResolvedConnection;
use crate::metrics::Metrics;

/// Directories watched at once. Each has a task, some kilobytes and a handle on a server; a server's own bound is lower.
const MOST_WATCHES: usize = 20_000;

/// Those that one user may have started: a tenth, so that nobody has them all.
const MOST_WATCHES_OF_USER: usize = 2_000;

/// Looks for what a server does not report, at once on one share: cheap for it, and never in the way of people's listings.
/// One that hangs keeps none of another waiting.
const LOOKS_AT_ONCE: usize = 4;

/// All watched directories. Clones share them.
#[derive(Clone)]
pub(crate) struct Watches {
    hub: Arc<Hub>,
}

struct Hub {
    watched: Mutex<Register>,
    refusals: Mutex<Refusals>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// All that is watched, and what is counted of it.
#[derive(Default)]
struct Register {
    all: HashMap<Key, Arc<Watched>>,
    of_user: HashMap<Uuid, usize>,
    /// The turns of looks at the shares that are in use.
    looks: HashMap<ShareKey, Weak<Semaphore>>,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    connection: Uuid,
    /// Of the connection: when it is changed, the same path may be somewhere else.
    revision: u64,
    /// Below the root of the share.
    path: SharePath,
}

/// Somebody who is told what happens to a directory. A call must not wait, and must not drop a [`Seat`].
pub(crate) trait Subscriber: Send + Sync {
    /// Something happened to the directory that the subscriber calls so.
    fn tell(&self, topic: &Arc<Topic>, event: Event);

    /// The user who is behind it.
    fn user(&self) -> Uuid;
}

/// What a subscriber is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Every change from now on is told.
    Subscribed,
    /// Something changed, or may have.
    Changed,
    /// The directory cannot be watched at the moment; the subscription stays.
    Failed(Failure),
    /// The directory cannot be watched; the subscription is over.
    Ended(Failure),
    /// A transfer into the directory got on.
    Progress {
        /// Which one: a later message of the same replaces an earlier one.
        operation: u64,
        /// Whether it is over, and this message must not be lost.
        last: bool,
        /// The message.
        message: Utf8Bytes,
    },
}

/// Why a directory cannot be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such directory, or the account may not look into it.
    NoDirectory,
    /// It was there and is not any more.
    Deleted,
    /// The server does not answer or the connection was lost.
    Unreachable,
    /// The server refuses the connection's account, or has no such share.
    Refused,
}

impl Failure {
    /// For people.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::NoDirectory => "Connection not found or access denied",
            Self::Deleted => "The directory no longer exists",
            Self::Unreachable => "The server cannot be reached at the moment",
            Self::Refused => "The server refuses the connection",
        }
    }
}

/// A subscription. Dropping it ends it.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    watched: Arc<Watched>,
    topic: Arc<Topic>,
    id: u64,
}

/// There are as many watches as there may be. Worded for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    #[error("Too many directories are being watched")]
    OfAll,
    #[error("You are watching too many directories")]
    OfUser,
}

impl Watches {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            hub: Arc::new(Hub {
                watched: Mutex::default(),
                refusals: Mutex::default(),
                metrics,
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// Subscribes to the directory at `path`, below the root of the share behind `pool`. `topic` is what the subscriber
    /// calls it (connection and path), `id` tells subscribers apart.
    pub(crate) fn subscribe(
        &self,
        connection: &ResolvedConnection,
        pool: &SharePool,
        path: SharePath,
        topic: (&str, &str),
        (id, subscriber): (u64, Arc<dyn Subscriber>),
        welcome: Welcome,
    ) -> Result<Seat, TooMany> {
        let key = Key { connection: connection.id, revision: connection.revision, path };
        let share = ShareKey::of(pool.target());
        self.hub.subscribe(key, share, topic, (id, subscriber), welcome, |path| {
            Arc::new(ShareDirectory::new(pool.clone(), path.clone()))
        })
    }

    /// Acts on what one of our own operations did, before anybody is answered: what is in memory is dropped, and those
    /// who look at the directory are told.
    pub(crate) fn note(&self, change: &Change) {
        self.hub.note(change);
    }

    /// Tells those who look at exactly that directory how far a transfer into it is.
    pub(crate) fn progress(
        &self,
        connection: Uuid,
        directory: &SharePath,
        operation: u64,
        progress: &Progress,
    ) {
        let found: Vec<_> = self
            .hub
            .lock()
            .all
            .values()
            .filter(|watched| watched.key.connection == connection && watched.key.path == *directory)
            .cloned()
            .collect();
        for watched in found {
            watched.audience().progress(operation, progress);
        }
    }

    /// What is remembered of that directory, if it is watched at the moment.
    pub(crate) fn remembered(&self, connection: &ResolvedConnection, path: &SharePath) -> Option<Remembered> {
        let key = Key { connection: connection.id, revision: connection.revision, path: path.clone() };
        let watched = self.hub.lock().all.get(&key).cloned()?;
        // While the program stops, nobody watches any more.
        let live = watched.audience().phase() == Phase::Live && !self.hub.stop.is_cancelled();
        live.then(|| Remembered::new(watched, Arc::clone(&self.hub.metrics)))
    }

    /// Ends all watches, in the background, and begins no more.
    pub(crate) fn let_go(&self) {
        self.hub.stop.cancel();
    }

    /// Ends all watches. Bounded by what closing a handle may take.
    pub(crate) async fn stop(&self) {
        self.let_go();
        self.hub.tasks.close();
        self.hub.tasks.wait().await;
    }
}

impl Hub {
    fn subscribe(
        self: &Arc<Self>,
        key: Key,
        share: ShareKey,
        topic: (&str, &str),
        (id, subscriber): (u64, Arc<dyn Subscriber>),
        welcome: Welcome,
        source: impl FnOnce(&SharePath) -> Arc<dyn Source>,
    ) -> Result<Seat, TooMany> {
        // Held while joining, so that the last one who leaves and this one who comes cannot miss each other.
        let mut register = self.lock();
        let watched = if let Some(watched) = register.all.get(&key) {
            Arc::clone(watched)
        } else {
            let user = subscriber.user();
            if self.stop.is_cancelled() {
                return Err(TooMany::OfAll);
            }
            register.has_room(user)?;
            let source = source(&key.path);
            let looks = register.looks_at(&share);
            let watched = Watched::new(key, share, user, looks, Arc::clone(&self.metrics));
            let watched = Arc::new(watched);
            register.insert(&watched);
            self.metrics.watches.change(1);
            let keeper = keeper::keep(Arc::clone(self), Arc::clone(&watched), source);
            self.tasks.spawn(keeper);
            watched
        };
        let topic = watched.join(topic, id, subscriber, welcome);
        drop(register);
        self.metrics.subscribers.change(1);
        Ok(Seat { hub: Arc::clone(self), watched, topic, id })
    }

    /// Ends the watch if nobody is left.
    fn release(&self, watched: &Arc<Watched>, leave: impl FnOnce() -> bool) {
        let mut register = self.lock();
        if leave() && register.remove(watched) {
            self.metrics.watches.change(-1);
            watched.order(|orders| orders.end = true);
        }
    }

    fn note(&self, change: &Change) {
        let change_at = Places::of(change);
        for watched in self.lock().all.values().filter(|watched| watched.share == change.share) {
            let effect = change_at.effect_on(&watched.folded);
            if effect.changed {
                watched.contents.outdate();
            }
            if effect != Effect::default() {
                watched.order(|orders| {
                    orders.changed |= effect.changed;
                    orders.look |= effect.look;
                });
            }
        }
    }

    /// A server has answered again: all who wait for it look, too.
    fn poke(&self, share: &ShareKey) {
        for watched in self.lock().all.values().filter(|watched| watched.share == *share) {
            if watched.audience().phase() != Phase::Live {
                watched.order(|orders| orders.look = true);
            }
        }
    }

    /// Whether a keeper may log on with the account of its connection, or when to ask again.
    fn may_log_on(&self, key: &Key) -> Result<(), Instant> {
        self.refusals().may_log_on(key.account(), Instant::now())
    }

    /// Whether the account of its connection was refused the last time.
    fn is_refused(&self, key: &Key) -> bool {
        self.refusals().has(key.account())
    }

    /// The server has refused the account.
    fn note_refusal(&self, key: &Key) {
        self.refusals().refuse(key.account(), Instant::now());
    }

    /// The server has let the account in: whoever waited for that goes on.
    fn note_logon(&self, key: &Key, share: &ShareKey) {
        let is_news = self.refusals().admit(key.account());
        if is_news {
            self.poke(share);
        }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Register {
    fn has_room(&self, user: Uuid) -> Result<(), TooMany> {
        if self.all.len() >= MOST_WATCHES {
            Err(TooMany::OfAll)
        } else if self.of_user.get(&user).is_some_and(|count| *count >= MOST_WATCHES_OF_USER) {
            Err(TooMany::OfUser)
        } else {
            Ok(())
        }
    }

    fn insert(&mut self, watched: &Arc<Watched>) {
        self.all.insert(watched.key.clone(), Arc::clone(watched));
        *self.of_user.entry(watched.founder).or_default() += 1;
    }

    /// Takes exactly this one out; whether it was there.
    fn remove(&mut self, watched: &Arc<Watched>) -> bool {
        if !self.all.get(&watched.key).is_some_and(|current| Arc::ptr_eq(current, watched)) {
            return false;
        }
        self.all.remove(&watched.key);
        if let Some(count) = self.of_user.get_mut(&watched.founder) {
            *count -= 1;
            if *count == 0 {
                self.of_user.remove(&watched.founder);
            }
        }
        true
    }

    /// The turns of looks at a share, the same for all who look at it.
    fn looks_at(&mut self, share: &ShareKey) -> Arc<Semaphore> {
        if let Some(looks) = self.looks.get(share).and_then(Weak::upgrade) {
            return looks;
        }
        self.looks.retain(|_, looks| looks.strong_count() > 0);
        let looks = Arc::new(Semaphore::new(LOOKS_AT_ONCE));
        self.looks.insert(share.clone(), Arc::downgrade(&looks));
        looks
    }
}

impl Key {
    /// Whose logons are meant.
    fn account(&self) -> (Uuid, u64) {
        (self.connection, self.revision)
    }
}

/// What a change of an item means for a watched directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Effect {
    /// Something in it or below it changed.
    changed: bool,
    /// The directory itself may have come or gone.
    look: bool,
}

/// Where a change happened, to be compared with many directories.
struct Places<'a> {
    at: CanonicalKey,
    /// Where it is now.
    to: Option<CanonicalKey>,
    deed: &'a Deed,
}

impl<'a> Places<'a> {
    fn of(change: &'a Change) -> Self {
        let to = match &change.deed {
            Deed::Renamed { to } => Some(folded(to)),
            _ => None,
        };
        Self { at: folded(&change.path), to, deed: &change.deed }
    }

    fn effect_on(&self, directory: &CanonicalKey) -> Effect {
        let mut effect = Effect::default();
        for place in std::iter::once(&self.at).chain(&self.to) {
            effect.changed |= place.is_within(directory) && place != directory;
            effect.look |= directory.is_within(place);
        }
        if *self.deed == Deed::Disturbed {
            effect.changed |= effect.look;
        }
        effect
    }
}

impl Seat {
    /// What the subscriber calls the directory.
    pub(crate) fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// Connection and revision by which it is watched.
    pub(crate) fn connection(&self) -> (Uuid, u64) {
        (self.watched.key.connection, self.watched.key.revision)
    }

    /// Acknowledges once more, as the state of things is.
    pub(crate) fn again(&self, subscriber: Arc<dyn Subscriber>) {
        let topic = (self.topic.connection_id(), self.topic.path());
        self.watched.join(topic, self.id, subscriber, Welcome::Acknowledge);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.metrics.subscribers.change(-1);
        let Self { hub, watched, topic, id } = self;
        hub.release(watched, || {
            let mut audience = watched.audience();
            audience.leave(topic, *id);
            audience.is_empty()
        });
    }
}

/// What an error of opening or holding a watch means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// There is no such directory for this account.
    Absent,
    /// The server reports no changes, or no more than it does already.
    Silent,
    /// Try again later.
    Away(Failure),
}

fn meaning(error: &ShareError) -> Meaning {
    use ShareErrorKind as Kind;
    match error.kind() {
        Kind::NotFound
        | Kind::PathNotFound
        | Kind::NotADirectory
        | Kind::DeletePending
        | Kind::NameInvalid
        | Kind::AccessDenied => Meaning::Absent,
        Kind::WatchUnsupported | Kind::NotSupported | Kind::TooManyWatches => Meaning::Silent,
        Kind::LogonRefused | Kind::ShareNotFound | Kind::EncryptionRequired => {
            Meaning::Away(Failure::Refused)
        }
        _ => Meaning::Away(Failure::Unreachable),
    }
}
