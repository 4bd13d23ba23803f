//! [`Backlog`]: what the database is still to be told.
//!
//! A lock that has ended is over at once, and a save that was done is done, whatever the database can do at that moment: its
//! disk may be full. What it could not be told then is kept here, with the time at which it happened, and told as soon as
//! that is possible.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_internal::{Fault, UnixMicros};
use causeway_locks::Lock;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::{Actor, rows};
use crate::completion::to_its_end;
use crate::store::audit::{self, Event, Outcome, Record};
use crate::store::{Store, StoreError};

/// Deeds that wait to be recorded, at most; of more the latest are in the log only. Locks that have ended always stay: there
/// are no more of them than there were locks when the database failed.
const MAX_DEEDS: usize = 10_000;

/// Entries that are written by one transaction.
const AT_ONCE: usize = 500;

/// Something that was done, for the record.
#[derive(Clone)]
pub(super) struct Deed {
    pub(super) at: UnixMicros,
    pub(super) event: Event,
    pub(super) outcome: Outcome,
    /// Nobody, when the program did it by itself.
    pub(super) actor: Option<Actor>,
    /// From the root of the share, as it was spelled.
    pub(super) path: String,
    pub(super) detail: String,
}

/// What the database is still to be told, in the order in which it happened.
pub(super) struct Backlog {
    store: Store,
    entries: Mutex<Vec<Entry>>,
    /// Held while entries are written, until they are taken off the list.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Entry {
    /// The lock that has ended.
    ended: Option<Uuid>,
    deed: Option<Deed>,
    /// Whether it was tried to write it down: a change that failed may still have happened.
    is_tried: bool,
}

impl Deed {
    /// The end of a lock.
    pub(super) fn end(
        lock: &Lock,
        path: &str,
        at: UnixMicros,
        (event, actor): (Event, Option<Actor>),
    ) -> Self {
        let detail = format!("{} had it, fence {}", lock.grant.holder_name, lock.fence);
        Self { at, event, outcome: Outcome::Succeeded, actor, path: path.to_owned(), detail }
    }

    /// Puts it on the record; with `once`, unless it is there.
    pub(super) async fn record(&self, to: &mut SqliteConnection, once: bool) -> Result<(), StoreError> {
        let detail = format!("{}: {}", self.path, self.detail);
        if once && audit::has(to, self.at, self.event, &detail).await? {
            return Ok(());
        }
        let record = Record {
            event: self.event,
            outcome: self.outcome,
            actor: self.actor.as_ref().map(|actor| (Some(actor.id), actor.name.as_str())),
            subject: None,
            origin: self.actor.as_ref().and_then(|actor| actor.origin.as_deref()),
            detail: &detail,
        };
        audit::write(to, self.at, record).await
    }
}

impl Backlog {
    pub(super) fn new(store: Store) -> Self {
        Self { store, entries: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    /// A lock has ended, and how; without a deed it was never granted, as far as anybody was told.
    pub(super) fn ended(&self, lock: Uuid, deed: Option<Deed>) {
        self.entries().push(Entry { ended: Some(lock), deed, is_tried: false });
    }

    /// Something else was done.
    pub(super) fn done(&self, deed: Deed) {
        let mut entries = self.entries();
        if entries.len() < MAX_DEEDS {
            entries.push(Entry { ended: None, deed: Some(deed), is_tried: false });
        } else {
            tracing::error!(path = deed.path, event = ?deed.event, "there is no room for what was done");
        }
    }

    /// Tells the database all there is to tell. After success it knows at least what had happened before the call.
    pub(super) async fn write_down(self: &Arc<Self>) -> Result<(), Fault> {
        // What is being written is on the list until it is written.
        if self.entries().is_empty() {
            return Ok(());
        }
        let backlog = Arc::clone(self);
        // Whoever waits for it may go away; what is written must be taken off the list.
        to_its_end(async move {
            let _writing = backlog.writing.lock().await;
            while backlog.write_some().await? {}
            Ok(())
        })
        .await
    }

    /// Whether there was anything.
    async fn write_some(&self) -> Result<bool, StoreError> {
        let batch: Vec<Entry> = self.entries().iter().take(AT_ONCE).cloned().collect();
        if batch.is_empty() {
            return Ok(false);
        }
        let written = async {
            let mut change = self.store.begin().await?;
            for Entry { ended, deed, is_tried } in &batch {
                if let Some(lock) = ended {
                    rows::delete(&mut change, *lock).await?;
                }
                if let Some(deed) = deed {
                    deed.record(&mut change, *is_tried).await?;
                }
            }
            Ok::<_, StoreError>(change.commit().await?)
        };
        let outcome = written.await;
        let mut entries = self.entries();
        if outcome.is_ok() {
            entries.drain(..batch.len());
        } else {
            entries.iter_mut().take(batch.len()).for_each(|entry| entry.is_tried = true);
        }
        outcome.map(|()| true)
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
