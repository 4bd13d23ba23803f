//! The life of one exchange and of the instances that work on it.
//!
//! An instance may answer several requests at once, and a request may outlive its turn in the instance because its
//! body is still on its way. [`Exchange`] is what a request and its instance know of each other: whether the client
//! still wants the answer, and when bytes of it last moved.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio_util::sync::CancellationToken;

use crate::progress::Progress;

/// What the host knows of one instance while it runs.
#[derive(Debug)]
pub(crate) struct InstanceActivity {
    /// Exchanges whose answer is still wanted: up to the end of their response bodies.
    wanted: AtomicUsize,
    /// Epochs in which guest code ran since a body last moved or a request came.
    busy_ticks: AtomicU32,
    /// The last time an exchange of this instance moved.
    pub(crate) progress: Progress,
    /// Woken when the last wanted exchange goes.
    pub(crate) idle: AtomicWaker,
}

impl InstanceActivity {
    pub(crate) fn new() -> Self {
        Self {
            wanted: AtomicUsize::new(0),
            busy_ticks: AtomicU32::new(0),
            progress: Progress::new(),
            idle: AtomicWaker::new(),
        }
    }

    /// Whether nobody waits for anything from the instance.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire) == 0
    }

    /// Counts one more epoch in which guest code ran and returns how many there were in a row.
    pub(crate) fn count_tick(&self) -> u32 {
        self.busy_ticks.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn refill(&self) {
        self.busy_ticks.store(0, Ordering::Relaxed);
        self.progress.touch();
    }
}

/// One request and its response, shared by the connection's side and the instance's side.
#[derive(Debug)]
pub(crate) struct Exchange {
    deadline: Duration,
    progress: Progress,
    cancelled: CancellationToken,
    stage: Mutex<Stage>,
}

#[derive(Debug)]
enum Stage {
    Waiting,
    Running(Arc<InstanceActivity>),
    Over,
}

impl Exchange {
    /// An exchange whose response must begin within `deadline` of the last progress of the request.
    pub(crate) fn new(deadline: Duration) -> Arc<Self> {
        Arc::new(Self {
            deadline,
            progress: Progress::new(),
            cancelled: CancellationToken::new(),
            stage: Mutex::new(Stage::Waiting),
        })
    }

    /// Notes that an instance has taken the exchange.
    pub(crate) fn begin(&self, instance: &Arc<InstanceActivity>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Waiting) {
            instance.wanted.fetch_add(1, Ordering::AcqRel);
            instance.refill();
            *stage = Stage::Running(Arc::clone(instance));
        }
    }

    /// Notes that bytes of a body moved.
    pub(crate) fn touch(&self) {
        self.progress.touch();
        if let Stage::Running(instance) = &*self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            instance.refill();
        }
    }

    /// Ends the exchange: nobody waits for it any more.
    fn end(&self) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Stage::Running(instance) = std::mem::replace(&mut *stage, Stage::Over)
            && instance.wanted.fetch_sub(1, Ordering::AcqRel) == 1
        {
            instance.progress.touch();
            instance.idle.wake();
        }
        drop(stage);
        self.cancelled.cancel();
    }

    /// Resolves when the exchange is over or has stalled past its deadline.
    pub(crate) async fn expired(&self) {
        tokio::select! {
            () = self.cancelled.cancelled() => {}
            () = self.progress.stalled(self.deadline) => {}
        }
    }

    /// Resolves when nobody waits for the answer any more.
    pub(crate) async fn abandoned(&self) {
        self.cancelled.cancelled().await;
    }

    /// Resolves when the exchange is past its deadline by so much that its instance must have failed to notice.
    pub(crate) async fn overdue(&self, slack: Duration) {
        self.progress.stalled(self.deadline + slack).await;
    }
}

/// Ends an exchange when dropped. The connection's side holds it until the response body is through.
#[derive(Debug)]
pub(crate) struct ExchangeGuard(pub(crate) Arc<Exchange>);

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}
