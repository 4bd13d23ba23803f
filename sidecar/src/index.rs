//! Search over the directories of whole connections.
//!
//! Each connection has an index of its own, made by the first search and kept current by a task of its own
//! ([`keeper`]): by a scan, a watch over the tree, our own operations and other people's listings. A search takes what is
//! known and never waits for the share.

mod amendments;
mod keeper;
mod news;
mod scan;
mod shared;
mod shelf;
#[cfg(test)]
mod tests;
mod tree_watch;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_directory_index::Query;
use causeway_internal::accounts::Account;
use causeway_internal::directories::{DirectoriesFound, SearchDirectories};
use causeway_internal::{Fault, FaultCode};
use causeway_paths::{SharePath, TempName};
use causeway_smb::{Metadata, ShareErrorKind};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::amendments::Moment;
use self::keeper::{Word, Work, keep};
use self::scan::subdirectories;
use self::shared::Shared;
use self::shelf::Shelf;
use crate::changes::{Changes, Heard, Listener, Notice};
use crate::connections::{Connections, ResolvedConnection};
use crate::metrics::Metrics;
use crate::shares::Shares;

/// Searches at once: each keeps a processor busy for some milliseconds, and more than there are processors only make
/// each other slower.
const SEARCHES_AT_ONCE: usize = 4;

/// How long a search waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the first search waits for what is on disk.
const LOAD_PATIENCE: Duration = Duration::from_secs(3);

/// Words that wait for a keeper. Listings of others are dropped beyond it, and the watch waits.
const WAITING_WORDS: usize = 256;

/// Bytes that all indexes together may take; beyond it those that nobody has used for longest go to disk.
const MAX_BYTES: usize = 768 * 1024 * 1024;

/// An index that nobody has used for this long goes to disk, and its share is left in peace.
const MAX_IDLE: Duration = Duration::from_hours(24);

/// How often memory, idleness and the connections are looked at.
const UPKEEP: Duration = Duration::from_mins(1);

/// The indexes of all connections. Clones share them.
#[derive(Clone)]
pub(crate) struct Indexes {
    inner: Arc<Inner>,
}

struct Inner {
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    changes: Changes,
    shelf: Arc<Shelf>,
    rescan_every: Duration,
    metrics: Arc<Metrics>,
    entries: Mutex<HashMap<Uuid, Entry>>,
    turns: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// An index with its keeper.
struct Entry {
    revision: u64,
    shared: Arc<Shared>,
    words: mpsc::Sender<Word>,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Indexes {
    /// No index yet. Keepers run among `tasks` until `stop`; they scan again after `rescan_every`.
    pub(crate) fn new(
        connections: Arc<Connections>,
        shares: Arc<Shares>,
        changes: Changes,
        data_dir: &Path,
        rescan_every: Duration,
        metrics: Arc<Metrics>,
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) -> Self {
        let inner = Inner {
            connections,
            shares,
            changes,
            shelf: Arc::new(Shelf::new(data_dir)),
            rescan_every,
            metrics,
            entries: Mutex::default(),
            turns: Arc::new(Semaphore::new(SEARCHES_AT_ONCE)),
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        let indexes = Self { inner: Arc::new(inner) };
        // Before anything can be told, so that nothing is missed.
        let listener = indexes.inner.changes.listen();
        tasks.spawn(indexes.clone().run(listener, UPKEEP));
        indexes
    }

    /// Searches the index of a connection; makes one when there is none.
    pub(crate) async fn search(
        &self,
        account: &Account,
        call: SearchDirectories,
    ) -> Result<DirectoriesFound, Fault> {
        let connection = self.inner.connections.resolve(account, call.connection).await?;
        self.inner.metrics.directory_searches.count();
        let shared = self.index_of(&connection);
        shared.touch();
        // What takes longer to read than that is found by a later search.
        let _ = tokio::time::timeout(LOAD_PATIENCE, shared.loaded.cancelled()).await;
        let Some(query) = Query::parse(&call.query) else {
            return Ok(DirectoriesFound {
                paths: Vec::new(),
                total_matches: 0,
                state: shared.state(),
                directory_count: shared.count() as u64,
            });
        };
        let turn = tokio::time::timeout(TURN_TIMEOUT, Arc::clone(&self.inner.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(Fault::new(FaultCode::Busy, "Too many searches at the moment").retry_after(1));
        };
        let search = tokio::task::spawn_blocking(move || {
            let tree = shared.tree.blocking_read();
            let found = tree.search(&query, call.include_dot_directories);
            drop(turn);
            DirectoriesFound {
                paths: found.paths,
                total_matches: found.total as u64,
                state: shared.state(),
                directory_count: tree.len() as u64,
            }
        });
        search.await.map_err(|error| {
            tracing::error!(%error, "a search panicked");
            Fault::new(FaultCode::Internal, "Internal error")
        })
    }

    /// To be held while somebody's listing through a connection is under way.
    pub(crate) fn listing(&self, connection: &ResolvedConnection) -> Listing {
        let entries = self.inner.entries();
        let entry = entries.get(&connection.id).filter(|entry| entry.revision == connection.revision);
        Listing(entry.map(|entry| {
            entry.shared.people.fetch_add(1, Ordering::Relaxed);
            let since = Moment(entry.shared.moment.load(Ordering::Acquire));
            (Arc::clone(&entry.shared), entry.words.clone(), since)
        }))
    }

    fn index_of(&self, connection: &Arc<ResolvedConnection>) -> Arc<Shared> {
        let mut entries = self.inner.entries();
        let predecessor = match entries.remove(&connection.id) {
            // A request that resolved the connection before it was changed gets the newer index, as it gets the newer
            // pool.
            Some(entry) if entry.revision >= connection.revision && !entry.keeper.is_finished() => {
                let shared = Arc::clone(&entry.shared);
                entries.insert(connection.id, entry);
                return shared;
            }
            Some(entry) => Some(entry.end()),
            None => None,
        };
        let (words, inbox) = mpsc::channel(WAITING_WORDS);
        let shared = Arc::new(Shared::new(Arc::clone(&self.inner.metrics)));
        let stop = self.inner.stop.child_token();
        let work = Work {
            pool: self.inner.shares.pool(connection),
            connection: Arc::clone(connection),
            shared: Arc::clone(&shared),
            shelf: Arc::clone(&self.inner.shelf),
            // Before the first look, so that nothing is missed.
            listener: self.inner.changes.listen(),
            words: inbox,
            to_self: words.clone(),
            rescan_every: self.inner.rescan_every,
            stop: stop.clone(),
        };
        let keeper = self.inner.tasks.spawn(async move {
            // Two keepers of one index would have one file.
            if let Some(predecessor) = predecessor {
                let _ = predecessor.await;
            }
            keep(work).await;
        });
        let entry = Entry { revision: connection.revision, shared: Arc::clone(&shared), words, stop, keeper };
        entries.insert(connection.id, entry);
        shared
    }

    /// Follows the connections, and bounds what the indexes take.
    async fn run(self, mut listener: Listener, upkeep_every: Duration) {
        self.clear_shelf().await;
        // One for all turns of the loop: notices may come more often than this.
        let mut upkeep = tokio::time::interval_at(Instant::now() + upkeep_every, upkeep_every);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.inner.stop.cancelled() => return,
                heard = listener.next() => match heard {
                    Some(Heard::Notice(notice)) => match *notice {
                        Notice::Connection(id) => self.review(id).await,
                        Notice::Everything => self.review_all().await,
                        Notice::Item(_) | Notice::Account(_) => {}
                    },
                    Some(Heard::Missed) => self.review_all().await,
                    None => return,
                },
                _ = upkeep.tick() => {
                    // A search that found its connection before that was changed or deleted may have made an index since.
                    self.review_entries().await;
                    self.make_room().await;
                }
            }
        }
    }

    async fn clear_shelf(&self) {
        let (shelf, connections) = (Arc::clone(&self.inner.shelf), Arc::clone(&self.inner.connections));
        let clear = tokio::task::spawn_blocking(move || shelf.clear(|id| connections.is_known(id)));
        if let Err(error) = clear.await {
            tracing::error!(%error, "clearing up the directory indexes panicked");
        }
    }

    /// Drops the index of a connection that is gone, or leads elsewhere now.
    async fn review(&self, id: Uuid) {
        let revision = match self.inner.connections.for_upkeep(id).await {
            Ok(connection) => connection.map(|connection| connection.revision),
            // It cannot be used for now, which does not make the index a wrong one.
            Err(_) => return,
        };
        let entry = {
            let mut entries = self.inner.entries();
            let is_current = |entry: &Entry| Some(entry.revision) == revision;
            if entries.get(&id).is_some_and(is_current) { None } else { entries.remove(&id) }
        };
        if let Some(entry) = entry {
            entry.shared.discarded.store(true, Ordering::Release);
            drop(entry.end());
            if revision.is_none() {
                // Nobody else closes the sessions that such an index opened.
                self.inner.shares.retire(id);
            }
        } else {
            let shelf = Arc::clone(&self.inner.shelf);
            // Removing is all that can fail, and it tells so itself.
            let _ = tokio::task::spawn_blocking(move || {
                shelf.remove_if(id, |kept| Some(kept) != revision);
            })
            .await;
        }
    }

    async fn review_all(&self) {
        self.review_entries().await;
        self.clear_shelf().await;
    }

    async fn review_entries(&self) {
        let ids: Vec<Uuid> = self.inner.entries().keys().copied().collect();
        for id in ids {
            self.review(id).await;
        }
    }

    /// Lets go of indexes that nobody uses, and of those used longest ago when all together are too large.
    async fn make_room(&self) {
        let known: Vec<_> =
            self.inner.entries().iter().map(|(id, entry)| (*id, Arc::clone(&entry.shared))).collect();
        let mut sizes = Vec::with_capacity(known.len());
        for (id, shared) in known {
            let bytes = shared.tree.read().await.bytes();
            sizes.push(Size { used: shared.used(), id, bytes });
        }
        for Size { used, id, bytes } in surplus(sizes, Instant::now()) {
            let mut entries = self.inner.entries();
            // Unless somebody has searched it meanwhile.
            if entries.get(&id).is_some_and(|entry| entry.shared.used() == used)
                && let Some(entry) = entries.remove(&id)
            {
                tracing::debug!(connection = %id, bytes, "a directory index goes to disk");
                drop(entry.end());
            }
        }
    }
}

/// What an index takes, and since when for nobody.
#[derive(Debug, Clone, Copy)]
struct Size {
    used: Instant,
    id: Uuid,
    bytes: usize,
}

/// The indexes that are to go: those that nobody has used for long, and, as long as those that stay are too large together,
/// the ones used longest ago, though never the one used last: a single index has a bound of its own.
fn surplus(mut sizes: Vec<Size>, now: Instant) -> Vec<Size> {
    sizes.sort_unstable_by_key(|size| size.used);
    let mut total: usize = sizes.iter().map(|size| size.bytes).sum();
    let last = sizes.last().map(|size| size.id);
    sizes.retain(|size| {
        let is_idle = now.saturating_duration_since(size.used) >= MAX_IDLE;
        let goes = is_idle || (total > MAX_BYTES && Some(size.id) != last);
        total -= if goes { size.bytes } else { 0 };
        goes
    });
    sizes
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Has the keeper leave; it may take a moment to write down what it knows.
    fn end(self) -> JoinHandle<()> {
        self.stop.cancel();
        self.keeper
    }
}

/// Somebody's listing: what it shows puts the index right, and while it is under way scans step back. Without an index it
/// is nothing.
pub(crate) struct Listing(Option<(Arc<Shared>, mpsc::Sender<Word>, Moment)>);

impl Listing {
    /// What there is in a directory.
    pub(crate) fn shows(&self, path: &SharePath, entries: &[Metadata]) {
        self.tell(path, |since| Word::Listed { path: path.clone(), found: subdirectories(entries), since });
    }

    /// Why a directory cannot be listed: perhaps because it is not there any more.
    pub(crate) fn fails(&self, path: &SharePath, why: ShareErrorKind) {
        use ShareErrorKind as Kind;
        if matches!(why, Kind::NotFound | Kind::PathNotFound | Kind::NotADirectory) {
            self.tell(path, |_| Word::Doubted(path.clone()));
        }
    }

    fn tell(&self, path: &SharePath, word: impl FnOnce(Moment) -> Word) {
        let Some((_, words, since)) = &self.0 else { return };
        if path.segments().any(|name| TempName::parse(name).is_some()) {
            return;
        }
        // A keeper with so much to do finds out by itself.
        if let Ok(place) = words.try_reserve() {
            place.send(word(*since));
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        if let Some((shared, _, _)) = &self.0 {
            shared.people.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
