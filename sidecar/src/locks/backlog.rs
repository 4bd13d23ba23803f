//! [`Backlog`]: what the database is still to be told.
//!
//! A lock that has ended is over at once, and a save that was done is done, whatever the database can do at that moment: its
//! disk may be full. What it could not be told then is kept here, with the time at which it happened, and told as soon as
//! that is possible.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_internal::{Fault, FaultCode, UnixMicros};
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
    /// By which connection, and on which share.
    pub(super) on: Option<(Uuid, String)>,
    /// From the root of the share, as it was spelled.
    pub(super) path: String,
    pub(super) detail: String,
}

/// What the database is still to be told, in the order in which it happened.
pub(super) struct Backlog {
    store: Store,
    list: Mutex<List>,
    /// Held while entries are written, until they are taken off the list.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct List {
    entries: VecDeque<Entry>,
    /// Entries that have been written.
    written: u64,
    /// Attempts to write some that have begun.
    attempts: u64,
    /// The latest of them that failed.
    failed: u64,
}

#[derive(Clone)]
struct Entry {
    /// The lock that has ended.
    ended: Option<Uuid>,
    deed: Option<Deed>,
    /// Whether it was to be committed once: a commit that failed may still have happened.
    is_tried: bool,
}

impl Deed {
    /// The end of a lock, with the connection by which it was used last, if that is known.
    pub(super) fn end(
        lock: &Lock,
        (connection, path): (Option<Uuid>, &str),
        at: UnixMicros,
        (event, actor): (Event, Option<Actor>),
    ) -> Self {
        let detail = format!("{} had it, fence {}", lock.grant.holder_name, lock.fence);
        let on = connection.map(|connection| (connection, lock.key.share.clone()));
        Self { at, event, outcome: Outcome::Succeeded, actor, on, path: path.to_owned(), detail }
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
            subject: self.on.as_ref().map(|(connection, share)| (*connection, share.as_str())),
            origin: self.actor.as_ref().and_then(|actor| actor.origin.as_deref()),
            detail: &detail,
        };
        audit::write(to, self.at, record).await
    }
}

impl Backlog {
    pub(super) fn new(store: Store) -> Self {
        Self { store, list: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    /// A lock has ended, and how; without a deed it was never granted, as far as anybody was told.
    pub(super) fn ended(&self, lock: Uuid, deed: Option<Deed>) {
        self.list().entries.push_back(Entry { ended: Some(lock), deed, is_tried: false });
    }

    /// Something else was done.
    pub(super) fn done(&self, deed: Deed) {
        let mut list = self.list();
        if list.entries.len() < MAX_DEEDS {
            list.entries.push_back(Entry { ended: None, deed: Some(deed), is_tried: false });
        } else {
            tracing::error!(path = deed.path, event = ?deed.event, "there is no room for what was done");
        }
    }

    /// Tells the database what has happened up to this call. Fault: an attempt that began after the call has failed.
    pub(super) async fn write_down(self: &Arc<Self>) -> Result<(), Fault> {
        let (mine, before) = {
            let list = self.list();
            // What is being written is on the list until it is written.
            if list.entries.is_empty() {
                return Ok(());
            }
            (list.written + list.entries.len() as u64, list.attempts)
        };
        let backlog = Arc::clone(self);
        // Whoever waits for it may go away; what is written must be taken off the list.
        to_its_end(async move {
            let _writing = backlog.writing.lock().await;
            loop {
                {
                    let list = backlog.list();
                    if list.written >= mine {
                        return Ok(());
                    }
                    // Of many who wait for a database that does not answer, one tries.
                    if list.failed > before {
                        return Err(
                            Fault::new(FaultCode::Busy, "The database takes no changes").retry_after(5)
                        );
                    }
                }
                backlog.write_some().await?;
            }
        })
        .await
    }

    async fn write_some(&self) -> Result<(), StoreError> {
        let (batch, attempt) = {
            let mut list = self.list();
            list.attempts += 1;
            (list.entries.iter().take(AT_ONCE).cloned().collect::<Vec<_>>(), list.attempts)
        };
        let mut is_complete = false;
        let written = async {
            let mut change = self.store.begin().await?;
            for Entry { ended, deed, is_tried } in &batch {
                if let Some(lock) = ended
                    && !rows::delete(&mut change, *lock).await?
                {
                    // Whatever took it out of the database has put that on the record.
                    continue;
                }
                if let Some(deed) = deed {
                    deed.record(&mut change, *is_tried).await?;
                }
            }
            is_complete = true;
            Ok::<_, StoreError>(change.commit().await?)
        };
        let outcome = written.await;
        let mut list = self.list();
        if outcome.is_ok() {
            list.entries.drain(..batch.len());
            list.written += batch.len() as u64;
        } else {
            list.failed = attempt;
            if is_complete {
                list.entries.iter_mut().take(batch.len()).for_each(|entry| entry.is_tried = true);
            }
        }
        outcome
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
