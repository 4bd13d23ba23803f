//! [`Shared`]: what the keeper of an index and those who search it have in common.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use causeway_directory_index::DirectoryIndex;
use causeway_internal::directories::IndexState;
use causeway_paths::CaseRule;
use tokio::sync::RwLock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The states by number.
const STATES: [IndexState; 4] =
    [IndexState::Building, IndexState::Empty, IndexState::Ready, IndexState::Updating];

/// What the keeper of an index and those who search it have in common. Only the keeper changes the tree.
pub(super) struct Shared {
    /// The directories. Readers and writers get their turn in the order in which they came.
    pub(super) tree: RwLock<DirectoryIndex>,
    /// Cancelled once what was on disk has been read.
    pub(super) loaded: CancellationToken,
    /// Listings under way that somebody waits for.
    pub(super) people: AtomicUsize,
    /// How much the keeper has heard.
    pub(super) moment: AtomicU64,
    /// What is counted of all indexes.
    pub(super) metrics: Arc<Metrics>,
    /// Whether the index is of no more use to anybody.
    pub(super) discarded: AtomicBool,
    /// Whether some directories did not find room.
    full: AtomicBool,
    count: AtomicUsize,
    bytes: AtomicUsize,
    state: AtomicU8,
    used: Mutex<Instant>,
}

impl Shared {
    /// Nothing is known yet.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            tree: RwLock::new(DirectoryIndex::new(CaseRule::Insensitive)),
            loaded: CancellationToken::new(),
            people: AtomicUsize::new(0),
            moment: AtomicU64::new(0),
            metrics,
            discarded: AtomicBool::new(false),
            full: AtomicBool::new(false),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            state: AtomicU8::new(0),
            used: Mutex::new(Instant::now()),
        }
    }

    /// How many directories there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Shows that there are so many by now, in so many bytes.
    pub(super) fn show_size(&self, count: usize, bytes: usize) {
        let before = self.count.swap(count, Ordering::Relaxed);
        self.metrics.directories.change(signed(count) - signed(before));
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        self.metrics.directory_bytes.change(signed(bytes) - signed(before));
    }

    /// Shows whether some directories did not find room; whether that was so before.
    pub(super) fn show_full(&self, full: bool) -> bool {
        let before = self.full.swap(full, Ordering::Relaxed);
        self.metrics.directory_indexes_full.change(i64::from(full) - i64::from(before));
        before
    }

    pub(super) fn state(&self) -> IndexState {
        let number = usize::from(self.state.load(Ordering::Relaxed));
        STATES.get(number).copied().unwrap_or(IndexState::Building)
    }

    pub(super) fn set_state(&self, state: IndexState) {
        let number = (0_u8..).zip(STATES).find(|(_, known)| *known == state).map_or(0, |(number, _)| number);
        self.state.store(number, Ordering::Relaxed);
    }

    /// When somebody searched last.
    pub(super) fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.show_size(0, 0);
        self.show_full(false);
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
