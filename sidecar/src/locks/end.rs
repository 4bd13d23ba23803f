//! How locks end: their time is over, their connection or user is gone, or somebody ends them.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use causeway_internal::{Fault, UnixMicros};
use causeway_locks::{Lock, Refusal};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use sqlx::SqliteConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Actor, Inner, Locks, record, refused, rows};
use crate::store::StoreError;
use crate::store::audit::{Event, Outcome};

/// How often locks are looked through for those whose time is over. They count as gone before that; what waits for this
/// are their holds on the server.
const SWEEP: Duration = Duration::from_secs(1);

/// A lock that has ended and may be in the database still, with what is to go on the record about it.
pub(super) struct Ended {
    at: UnixMicros,
    event: Event,
    actor: Option<Actor>,
    path: String,
    detail: String,
}

impl Ended {
    /// `path` as it was spelled, from the root of the share.
    pub(super) fn new(
        lock: &Lock,
        path: &str,
        at: UnixMicros,
        (event, actor): (Event, Option<Actor>),
    ) -> Self {
        let detail = format!("{} had it, fence {}", lock.grant.holder_name, lock.fence);
        Self { at, event, actor, path: path.to_owned(), detail }
    }
}

impl Locks {
    /// Ends the locks of a connection that was deleted.
    pub(crate) async fn forget_connection(&self, connection: Uuid) {
        for lock in self.inner.holds.locks_of(connection) {
            self.inner.vanished(lock).await;
        }
    }

    /// Ends the locks of a user who was deleted.
    pub(crate) async fn forget_user(&self, user: Uuid) {
        let locks: Vec<Uuid> = {
            let table = self.inner.table();
            table.locks().filter(|lock| lock.holder == user).map(|lock| lock.grant.id).collect()
        };
        for lock in locks {
            self.inner.vanished(lock).await;
        }
    }

    /// Ends locks whose time is over and keeps files held, until stopped; then lets all files go. The locks stay, for the
    /// next start.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let inner = &self.inner;
        let upkeep = async { tokio::join!(inner.sweep(), inner.holds.run()) };
        stop.run_until_cancelled(upkeep).await;
        inner.holds.close().await;
    }
}

impl Inner {
    async fn sweep(&self) {
        let mut sweeps = tokio::time::interval(SWEEP);
        // Side by side with the sweeps: a server that does not answer keeps no other's files held.
        let mut ending = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = ending.next() => continue,
                _ = sweeps.tick() => {}
            }
            let (over, live) = {
                let mut table = self.table();
                (table.expire(self.clock.uptime()), table.locks().count())
            };
            self.metrics.locks.set(live);
            self.metrics.locks_held.set(self.holds.open_count());
            if let Err(error) = self.clear_ended().await {
                tracing::warn!(%error, "locks that have ended are still in the database");
            }
            for lock in over {
                ending.push(async move { self.expired(&lock).await });
            }
            self.end_seconds().await;
        }
    }

    /// What is left to do when the time of a lock is over.
    pub(super) async fn expired(&self, lock: &Lock) {
        self.metrics.locks_expired.count();
        tracing::info!(path = %lock.key.path, holder = lock.grant.holder_name, "a lock has expired");
        if let Err(fault) = self.end(lock, Event::LockExpired, None).await {
            tracing::warn!(%fault, "the end of a lock could not be recorded yet");
        }
    }

    /// Ends the later one of two locks of two users that turn out to be on one file, by two ways to it: when they were granted
    /// those were two files, or nobody could know.
    async fn end_seconds(&self) {
        for on_one_file in self.holds.on_one_file() {
            let seconds: Vec<Lock> = {
                let (mut table, now) = (self.table(), self.clock.uptime());
                let mut locks: Vec<Lock> = on_one_file
                    .iter()
                    .filter_map(|id| table.get(*id))
                    .filter(|lock| lock.is_live(now))
                    .cloned()
                    .collect();
                locks.sort_by_key(|lock| lock.fence);
                let first = locks.first().map(|lock| lock.holder);
                locks.retain(|lock| Some(lock.holder) != first);
                locks.retain(|lock| table.remove(lock.grant.id).is_some());
                locks
            };
            for lock in seconds {
                tracing::warn!(path = %lock.key.path, holder = lock.grant.holder_name,
                    "a lock has ended: another user locked the same file earlier by another way to it");
                if let Err(fault) = self.end(&lock, Event::LockDropped, None).await {
                    tracing::warn!(%fault, "the end of a lock could not be recorded yet");
                }
            }
        }
    }

    /// The database does not have a lock any more: its connection or its user was deleted.
    pub(super) async fn vanished(&self, id: Uuid) -> Fault {
        let lock = self.table().remove(id);
        let ended = match lock {
            Some(lock) => self.end(&lock, Event::LockDropped, None).await,
            None => Ok(self.holds.end(id).await),
        };
        if let Err(fault) = ended {
            tracing::warn!(%fault, "the end of a lock could not be recorded yet");
        }
        refused(Refusal::Lost)
    }

    /// What is left to do when the table has a lock no longer: on the share, in the database, on the record. After a fault
    /// the latter two are made up for later.
    pub(super) async fn end(&self, lock: &Lock, event: Event, actor: Option<Actor>) -> Result<(), Fault> {
        let id = lock.grant.id;
        let held = self.holds.forget(id);
        let path = held.as_ref().map_or(lock.key.path.as_str(), |held| held.path().as_str());
        // Whatever becomes of the rest, it is in nobody's way from now on.
        self.ended().insert(id, Ended::new(lock, path, self.clock.now(), (event, actor)));
        let let_go = async {
            if let Some(held) = held {
                held.let_go().await;
            }
        };
        let ((), cleared) = tokio::join!(let_go, self.clear_ended());
        Ok(cleared?)
    }

    /// Takes the locks that have ended out of the database, and puts them on the record.
    pub(super) async fn clear_ended(&self) -> Result<(), StoreError> {
        if self.ended().is_empty() {
            return Ok(());
        }
        // Nobody else writes meanwhile, so that nobody else does the same.
        let mut change = self.store.begin().await?;
        let ended = std::mem::take(&mut *self.ended());
        let outcome = match bury(&mut change, &ended).await {
            Ok(()) => change.commit().await.map_err(StoreError::from),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            self.ended().extend(ended);
        }
        outcome
    }

    fn ended(&self) -> MutexGuard<'_, HashMap<Uuid, Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn bury(change: &mut SqliteConnection, ended: &HashMap<Uuid, Ended>) -> Result<(), StoreError> {
    for (id, Ended { at, event, actor, path, detail }) in ended {
        rows::delete(change, *id).await?;
        record(change, *at, (*event, Outcome::Succeeded), actor.as_ref(), path, detail).await?;
    }
    Ok(())
}
