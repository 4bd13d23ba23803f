//! Whether anything is going on on a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::progress::Progress;

/// What a connection is busy with. One that only sends parts of a request's head, or only answers pings, is idle.
#[derive(Debug)]
pub(super) struct Activity {
    /// Requests from their head to the last frame of their answer.
    exchanges: AtomicUsize,
    /// Whether bytes wait to be taken by the peer.
    writing: AtomicBool,
    /// When something of the above last changed.
    changed: Progress,
}

/// One request at work.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            exchanges: AtomicUsize::new(0),
            writing: AtomicBool::new(false),
            changed: Progress::new(),
        })
    }

    /// Notes a request that is at work until the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.exchanges.fetch_add(1, Ordering::AcqRel);
        self.changed.touch();
        Busy(Arc::clone(self))
    }

    /// Notes whether bytes wait to be taken by the peer.
    pub(super) fn set_writing(&self, writing: bool) {
        if self.writing.swap(writing, Ordering::AcqRel) != writing {
            self.changed.touch();
        }
    }

    fn is_busy(&self) -> bool {
        self.exchanges.load(Ordering::Acquire) > 0 || self.writing.load(Ordering::Acquire)
    }

    /// Resolves when nothing has been going on for this long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let deadline = if self.is_busy() { now + limit } else { self.changed.last() + limit };
            if deadline <= now {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // First the time, so that nobody sees an idle connection that has been idle since long ago.
        self.0.changed.touch();
        self.0.exchanges.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);
    const STEP: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn idleness_begins_with_the_end_of_the_last_exchange() {
        let activity = Activity::new();
        let (first, second) = (activity.begin(), activity.begin());
        let ending = async {
            tokio::time::sleep(STEP).await;
            drop(first);
            tokio::time::sleep(STEP).await;
            drop(second);
            Instant::now()
        };
        let idle = async {
            activity.idle_for(LIMIT).await;
            Instant::now()
        };
        let (ended, idle) = tokio::join!(ending, idle);
        // The clock has a resolution of a millisecond.
        assert!(idle + Duration::from_millis(2) >= ended + LIMIT);
    }

    #[tokio::test]
    async fn an_answer_that_is_still_being_written_is_not_idle() {
        let activity = Activity::new();
        activity.set_writing(true);
        let writing = async {
            tokio::time::sleep(STEP).await;
            activity.set_writing(false);
            Instant::now()
        };
        let idle = async {
            activity.idle_for(LIMIT).await;
            Instant::now()
        };
        let (written, idle) = tokio::join!(writing, idle);
        assert!(idle + Duration::from_millis(2) >= written + LIMIT);
    }
}
