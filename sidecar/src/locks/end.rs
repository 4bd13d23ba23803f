//! How locks end: their time is over, their connection or user is gone, or somebody ends them.

use std::time::Duration;

use causeway_internal::{Fault, UnixMicros};
use causeway_locks::{Lock, Refusal};
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use sqlx::SqliteConnection;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backlog::Deed;
use super::rows::{Owner, Stored};
use super::{Actor, Inner, Locks, refused, rows};
use crate::store::StoreError;
use crate::store::audit::Event;

/// How often locks are looked through for those whose time is over. They count as gone before that; what waits for this
/// are their holds on the server.
const SWEEP: Duration = Duration::from_secs(1);

/// How long the last attempt to tell the database may take when the program stops.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(2);

/// Puts the ends of all locks that go with their owner on the record, within the transaction that deletes it.
pub(crate) async fn record_ends(
    to: &mut SqliteConnection,
    owner: Owner,
    now: UnixMicros,
) -> Result<(), StoreError> {
    for Stored { lock, connection, path, .. } in rows::of(owner, to).await? {
        let at = (Some(connection), path.as_str());
        Deed::end(&lock, at, now, (Event::LockDropped, None)).record(to, false).await?;
    }
    Ok(())
}

impl Locks {
    /// Ends the locks of a connection that was deleted.
    pub(crate) async fn forget_connection(&self, connection: Uuid) {
        let locks = self.inner.holds.locks_of(connection);
        join_all(locks.into_iter().map(|lock| self.inner.vanished(lock))).await;
    }

    /// Ends the locks of a user who was deleted.
    pub(crate) async fn forget_user(&self, user: Uuid) {
        let locks: Vec<Uuid> = {
            let table = self.inner.table();
            table.locks().filter(|lock| lock.holder == user).map(|lock| lock.grant.id).collect()
        };
        join_all(locks.into_iter().map(|lock| self.inner.vanished(lock))).await;
    }

    /// Ends locks whose time is over and keeps files held, until stopped; then lets all files go. The locks stay, for the
    /// next start.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let inner = &self.inner;
        let upkeep = async { tokio::join!(inner.sweep(), inner.catch_up_on_records(), inner.holds.run()) };
        stop.run_until_cancelled(upkeep).await;
        let last_word = timeout(LAST_WORD_WITHIN, inner.backlog.write_down());
        let ((), told) = tokio::join!(inner.holds.close(), last_word);
        if !matches!(told, Ok(Ok(()))) {
            tracing::warn!("the database was not told of all locks that have ended");
        }
    }
}

impl Inner {
    async fn sweep(&self) {
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Side by side, and nothing else is waited for here: what waits for a server that does not answer, or for the
        // database, is in the way of nothing.
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = under_way.next() => {}
                _ = sweeps.tick() => {
                    let (over, live) = {
                        let mut table = self.table();
                        (table.expire(self.clock.uptime()), table.locks().count())
                    };
                    self.metrics.locks.set(live);
                    self.metrics.locks_held.set(self.holds.open_count());
                    for lock in over {
                        under_way.push(async move { self.expired(&lock).await }.boxed());
                    }
                    for lock in self.seconds() {
                        under_way.push(async move { self.dropped(&lock).await }.boxed());
                    }
                }
            }
        }
    }

    async fn catch_up_on_records(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            if let Err(fault) = self.backlog.write_down().await {
                tracing::warn!(%fault, "what has happened to locks could not be written down yet");
            }
        }
    }

    /// What is left to do when the time of a lock is over.
    pub(super) async fn expired(&self, lock: &Lock) {
        self.metrics.locks_expired.count();
        tracing::info!(path = %lock.key.path, holder = lock.grant.holder_name, "a lock has expired");
        self.end_by_itself(lock, Event::LockExpired).await;
    }

    /// The same when it has lost its connection, its user or its claim to the file.
    async fn dropped(&self, lock: &Lock) {
        self.end_by_itself(lock, Event::LockDropped).await;
    }

    async fn end_by_itself(&self, lock: &Lock, event: Event) {
        if let Err(fault) = self.end(lock, event, None).await {
            tracing::warn!(%fault, "the end of a lock could not be recorded yet");
        }
    }

    /// Takes out the later one of two locks of two users that turn out to be on one file, by two ways to it: when they were
    /// granted those were two files, or nobody could know.
    fn seconds(&self) -> Vec<Lock> {
        let mut all = Vec::new();
        for on_one_file in self.holds.on_one_file() {
            let (mut table, now) = (self.table(), self.clock.uptime());
            let locks = on_one_file.iter().filter_map(|id| table.get(*id)).filter(|lock| lock.is_live(now));
            let mut locks: Vec<Lock> = locks.cloned().collect();
            locks.sort_by_key(|lock| lock.fence);
            let first = locks.first().map(|lock| lock.holder);
            for lock in locks.into_iter().filter(|lock| Some(lock.holder) != first) {
                tracing::warn!(path = %lock.key.path, holder = lock.grant.holder_name,
                    "a lock ends: another user locked the same file earlier by another way to it");
                all.extend(table.remove(lock.grant.id));
            }
        }
        all
    }

    /// The database does not have a lock any more: its connection or its user was deleted.
    pub(super) async fn vanished(&self, id: Uuid) -> Fault {
        let lock = self.table().remove(id);
        match lock {
            Some(lock) => self.dropped(&lock).await,
            None => self.holds.end(id).await,
        }
        refused(Refusal::Lost)
    }

    /// What is left to do when the table has a lock no longer: on the share, in the database, on the record. After a fault
    /// the latter two are made up for later.
    pub(super) async fn end(&self, lock: &Lock, event: Event, actor: Option<Actor>) -> Result<(), Fault> {
        let id = lock.grant.id;
        let held = self.holds.forget(id);
        let at = held.as_ref().map_or((None, lock.key.path.as_str()), |held| {
            let (connection, path) = held.place();
            (Some(connection), path.as_str())
        });
        // Whatever becomes of the rest, it is in nobody's way from now on.
        self.backlog.ended(id, Some(Deed::end(lock, at, self.clock.now(), (event, actor))));
        let let_go = async {
            if let Some(held) = held {
                held.let_go().await;
            }
        };
        let ((), told) = tokio::join!(let_go, self.backlog.write_down());
        told
    }
}
