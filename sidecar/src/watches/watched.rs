//! A directory that somebody watches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_paths::{CanonicalKey, CaseRule, SharePath};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::audience::{Audience, Phase, Welcome};
use super::contents::Contents;
use super::topic::Topic;
use super::{Key, Subscriber};
use crate::changes::ShareKey;
use crate::metrics::Metrics;

/// A watched directory: what the hub, the keeper and the listings know of it.
pub(super) struct Watched {
    pub(super) key: Key,
    pub(super) share: ShareKey,
    /// The path with its case folded, for comparing with what our own operations change.
    pub(super) folded: CanonicalKey,
    /// Who came first: it counts as his, whoever else comes.
    pub(super) founder: Uuid,
    /// The turns of looks at this share.
    pub(super) looks: Arc<Semaphore>,
    pub(super) contents: Contents,
    /// Held by one reading of the whole directory for somebody: the others wait and share it.
    pub(super) reading: tokio::sync::Mutex<()>,
    audience: Mutex<Audience>,
    orders: Mutex<Orders>,
    bell: Notify,
}

/// What the keeper is to do.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orders {
    /// The last subscriber has left.
    pub(super) end: bool,
    /// One of our own operations changed something.
    pub(super) changed: bool,
    /// See at once whether the directory is there and its server answers.
    pub(super) look: bool,
}

impl Watched {
    pub(super) fn new(
        key: Key,
        share: ShareKey,
        founder: Uuid,
        looks: Arc<Semaphore>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            folded: folded(&key.path),
            key,
            share,
            founder,
            looks,
            contents: Contents::new(metrics),
            reading: tokio::sync::Mutex::default(),
            audience: Mutex::default(),
            orders: Mutex::default(),
            bell: Notify::new(),
        }
    }

    pub(super) fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a subscriber. One who waits for a server or a directory that is away has it looked for at once.
    pub(super) fn join(
        &self,
        topic: (&str, &str),
        id: u64,
        subscriber: Arc<dyn Subscriber>,
        welcome: Welcome,
    ) -> Arc<Topic> {
        let mut audience = self.audience();
        let topic = audience.join(topic, id, subscriber, welcome);
        let live = audience.phase() == Phase::Live;
        drop(audience);
        if !live {
            self.order(|orders| orders.look = true);
        }
        topic
    }

    /// Gives the keeper orders.
    pub(super) fn order(&self, give: impl FnOnce(&mut Orders)) {
        give(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    /// The next orders. May be dropped at any point without losing any.
    pub(super) async fn orders(&self) -> Orders {
        loop {
            let orders = std::mem::take(&mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner));
            if orders != Orders::default() {
                return orders;
            }
            self.bell.notified().await;
        }
    }
}

/// What all spellings of a path have in common. Servers fold case by rules of their own; being told once too often does no
/// harm.
pub(super) fn folded(path: &SharePath) -> CanonicalKey {
    path.canonical_key(CaseRule::Insensitive)
}
