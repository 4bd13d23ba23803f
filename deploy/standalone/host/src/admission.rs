//! How many requests are worked on, and how many may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// The host's bound on concurrent requests, with a bounded queue before it.
pub(crate) struct Admission {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    wait: Duration,
}

/// The right to be worked on, given back when dropped: at the end of the response's body.
#[derive(Debug)]
pub(crate) struct Permit {
    _host: OwnedSemaphorePermit,
    _component: Option<OwnedSemaphorePermit>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            running: Arc::new(Semaphore::new(limits.concurrent_requests)),
            waiting: AtomicUsize::new(0),
            queue: limits.queued_requests,
            wait: limits.queue_wait,
        }
    }

    /// How long a refused client should stay away, in whole seconds.
    pub(crate) fn retry_after(&self) -> u64 {
        self.wait.as_secs().max(1)
    }

    /// Waits for a turn; `None` if the queue is full or the wait too long.
    pub(crate) async fn enter(&self, component: Option<&Arc<Semaphore>>) -> Option<Permit> {
        // A component's own bound comes first, so that its queue does not hold what others could use.
        let own = match component {
            Some(gate) => Some(self.acquire(gate).await?),
            None => None,
        };
        Some(Permit { _host: self.acquire(&self.running).await?, _component: own })
    }

    async fn acquire(&self, gate: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(gate).try_acquire_owned() {
            return Some(permit);
        }
        let _place = Place::take(self)?;
        tokio::time::timeout(self.wait, Arc::clone(gate).acquire_owned()).await.ok()?.ok()
    }

    /// Requests at work and waiting.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(admission: &'a Admission) -> Option<Self> {
        let place = Self(&admission.waiting);
        // On refusal `place` is dropped, which takes the count back.
        (admission.waiting.fetch_add(1, Ordering::AcqRel) < admission.queue).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded_and_its_places_come_back() {
        let limits = Limits {
            concurrent_requests: 1,
            queued_requests: 1,
            queue_wait: Duration::from_millis(50),
            ..Limits::default()
        };
        let admission = Arc::new(Admission::new(&limits));
        let first = admission.enter(None).await.expect("there is room");
        let second = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.enter(None).await.is_some() }
        });
        while admission.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(admission.enter(None).await.is_none(), "the queue has one place");
        drop(first);
        assert!(second.await.expect("no panic"));
        assert_eq!(admission.waiting(), 0);
    }
}
