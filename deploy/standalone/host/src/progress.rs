//! A clock that is wound up by progress.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When something last moved, at a resolution of one millisecond.
#[derive(Debug)]
pub(crate) struct Progress(AtomicU64);

impl Progress {
    /// Progress that has just been made.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(now()))
    }

    /// Notes that something moved.
    pub(crate) fn touch(&self) {
        self.0.store(now(), Ordering::Relaxed);
    }

    /// The last move.
    pub(crate) fn last(&self) -> Instant {
        *EPOCH + Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Resolves when nothing has moved for this long.
    pub(crate) async fn stalled(&self, limit: Duration) {
        loop {
            let deadline = self.last() + limit;
            if Instant::now() >= deadline {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

fn now() -> u64 {
    u64::try_from(EPOCH.elapsed().as_millis()).unwrap_or(u64::MAX)
}
