//! [`Scan`]: the directories that are still to be looked into, and those that are being listed now.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use causeway_paths::{SharePath, TempName};
use causeway_smb::{Metadata, ShareError, SharePool};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::amendments::Moment;

/// Listings under way for one index while nobody else lists through the connection: enough to hide the way to the
/// server, few enough for a small NAS.
const LISTINGS_OF_A_SCAN: usize = 12;

/// The same while somebody is waiting for a listing of his own.
const LISTINGS_BESIDE_PEOPLE: usize = 1;

/// Listings under way for all indexes together.
const LISTINGS_OF_ALL_SCANS: usize = 32;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(LISTINGS_OF_ALL_SCANS)));

/// A directory to be looked into.
pub(super) struct Visit {
    /// Below the connection's root.
    pub(super) path: SharePath,
    /// The directories on the way to it and itself, by the server's numbers, as far as they are known; `None` when not
    /// even its own is.
    pub(super) trail: Option<Arc<Trail>>,
    /// Whether directories in it that are known already are looked into as well.
    pub(super) deep: bool,
    /// When `path` was the path.
    pub(super) since: Moment,
    /// How often it has failed in a way that may pass.
    pub(super) failures: u8,
}

/// Numbers of directories, each above the one before it. Some servers follow links without a word, and a link that leads
/// back up would lead around for ever; the number gives it away.
pub(super) struct Trail {
    id: u64,
    above: Option<Arc<Trail>>,
}

impl Trail {
    /// A directory, and the way to it.
    pub(super) fn to(id: u64, above: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { id, above })
    }

    /// Whether the way has been there. 0 is no number.
    pub(super) fn has(&self, id: u64) -> bool {
        id != 0
            && std::iter::successors(Some(self), |trail| trail.above.as_deref()).any(|trail| trail.id == id)
    }
}

/// A directory within a directory, as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subdirectory {
    pub(super) name: String,
    /// The server's number; 0 where it has none.
    pub(super) id: u64,
    /// Whether it is a link that tells that it is one: it is found by its name, and not entered.
    pub(super) is_link: bool,
}

/// The directories in a listing, without our own temporary ones.
pub(super) fn subdirectories(entries: &[Metadata]) -> Vec<Subdirectory> {
    let directories =
        entries.iter().filter(|entry| entry.is_directory() && TempName::parse(&entry.name).is_none());
    directories
        .map(|entry| Subdirectory { name: entry.name.clone(), id: entry.file_id, is_link: entry.is_link })
        .collect()
}

/// What a visit has shown.
pub(super) struct Seen {
    pub(super) visit: Visit,
    /// As the visit's, completed.
    pub(super) trail: Arc<Trail>,
    pub(super) outcome: Result<Vec<Subdirectory>, ShareError>,
}

/// Where directories are looked into: a share, or in tests whatever makes a case happen.
#[async_trait]
pub(super) trait Sight: Send + Sync {
    /// The server's number of a directory; 0 where it has none.
    async fn number(&self, path: &SharePath) -> Result<u64, ShareError>;

    /// The directories in a directory.
    async fn list(&self, path: &SharePath) -> Result<Vec<Subdirectory>, ShareError>;
}

/// The directories below one of a share.
pub(super) struct Shown {
    pool: SharePool,
    prefix: SharePath,
}

impl Shown {
    /// Those below `prefix`.
    pub(super) fn new(pool: SharePool, prefix: SharePath) -> Self {
        Self { pool, prefix }
    }
}

#[async_trait]
impl Sight for Shown {
    async fn number(&self, path: &SharePath) -> Result<u64, ShareError> {
        match path.under(&self.prefix) {
            Ok(full) => self.pool.stat(&full).await.map(|found| found.file_id),
            Err(_) => Ok(0),
        }
    }

    async fn list(&self, path: &SharePath) -> Result<Vec<Subdirectory>, ShareError> {
        match path.under(&self.prefix) {
            Ok(full) => self.pool.list(&full).await.map(|entries| subdirectories(&entries)),
            // Too long to be asked for: nothing can be seen in it.
            Err(_) => Ok(Vec::new()),
        }
    }
}

/// The directories that are still to be looked into, breadth first, and those that are being listed now.
pub(super) struct Scan {
    sight: Arc<dyn Sight>,
    waiting: VecDeque<Visit>,
    /// Not to be looked into before that moment.
    later: Vec<(Instant, Visit)>,
    under_way: JoinSet<Option<Seen>>,
}

impl Scan {
    /// Without any directory yet.
    pub(super) fn new(sight: Arc<dyn Sight>) -> Self {
        Self { sight, waiting: VecDeque::new(), later: Vec::new(), under_way: JoinSet::new() }
    }

    /// Whether nothing is left to be done now.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// How many directories wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many wait for their moment.
    pub(super) fn later(&self) -> usize {
        self.later.len()
    }

    pub(super) fn push(&mut self, visit: Visit) {
        self.waiting.push_back(visit);
    }

    /// Ahead of all others: it has waited before, or somebody waits for it.
    pub(super) fn push_ahead(&mut self, visit: Visit) {
        self.waiting.push_front(visit);
    }

    /// Not before that moment, and then ahead of all others.
    pub(super) fn push_later(&mut self, at: Instant, visit: Visit) {
        self.later.push((at, visit));
    }

    /// When the first of those that wait for their moment can be looked into.
    pub(super) fn next_moment(&self) -> Option<Instant> {
        self.later.iter().map(|(at, _)| *at).min()
    }

    /// Takes those whose moment has come among those that wait.
    pub(super) fn wake(&mut self, now: Instant) {
        for (_, visit) in self.later.extract_if(.., |(at, _)| *at <= now) {
            self.waiting.push_front(visit);
        }
    }

    /// Forgets what waits; what is under way is seen all the same.
    pub(super) fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.later = Vec::new();
    }

    /// The next directory, when there is a place for its listing.
    pub(super) fn next(&mut self, people_wait: bool) -> Option<Visit> {
        let places = if people_wait { LISTINGS_BESIDE_PEOPLE } else { LISTINGS_OF_A_SCAN };
        if self.under_way.len() < places { self.waiting.pop_front() } else { None }
    }

    /// Begins to list a directory.
    pub(super) fn look(&mut self, visit: Visit) {
        let sight = Arc::clone(&self.sight);
        self.under_way.spawn(async move {
            let _turn = TURNS.acquire().await.ok()?;
            Some(look(&*sight, visit).await)
        });
    }

    /// The next directory that has been listed; `None` when none is under way. May be dropped at any point.
    pub(super) async fn seen(&mut self) -> Option<Seen> {
        loop {
            match self.under_way.join_next().await? {
                Ok(Some(seen)) => return Some(seen),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a look into a directory panicked"),
            }
        }
    }
}

async fn look(sight: &dyn Sight, visit: Visit) -> Seen {
    let trail = match &visit.trail {
        Some(trail) => Arc::clone(trail),
        None => match sight.number(&visit.path).await {
            Ok(number) => Trail::to(number, None),
            Err(error) => return Seen { trail: Trail::to(0, None), visit, outcome: Err(error) },
        },
    };
    let outcome = sight.list(&visit.path).await;
    Seen { visit, trail, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_comes_back_is_known_by_its_numbers() {
        let root = Trail::to(7, None);
        let below = Trail::to(8, Some(Arc::clone(&root)));
        let beside = Trail::to(9, Some(root));
        assert!(below.has(7) && below.has(8) && !below.has(9));
        assert!(beside.has(7) && !beside.has(8));
        assert!(!Trail::to(0, None).has(0));
    }
}
