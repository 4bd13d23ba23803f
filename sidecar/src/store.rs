//! The database: SQLite in one file of the data directory.
//!
//! There is one connection for changes and a few for reading, in WAL mode, so that neither waits for the other. The
//! one for changes syncs at every commit (`synchronous=FULL`): a revoked token or a changed password must not come back
//! with a power cut. The journal of temporary items has a connection of its own that leaves syncing to the checkpoints
//! (`NORMAL`): two syncs an upload would be dear, and a power cut costs at most the record of a few harmless items. Signs of
//! life of locks go the same way: what a power cut takes of them makes a lock look older than it is.
//! Neither setting can corrupt the file, and a crash of the process alone loses nothing.
//!
//! The SQL is the plain part that Postgres understands as well; what differs (opening, migrating, the generated ids)
//! is here and in [`journal`] and [`audit`].

pub(crate) mod audit;
mod clock;
mod data_dir;
mod error;
mod journal;
mod open;
mod trail;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::Arc;

use sqlx::{Sqlite, SqlitePool, Transaction};

pub(crate) use self::clock::{Clock, SystemClock};
pub(crate) use self::data_dir::prepare as prepare_data_dir;
pub(crate) use self::error::StoreError;
pub(crate) use self::journal::{Journal, Leftover};
pub use self::trail::{AuditRecord, audit_trail};

/// The open database. Clones share it.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: SqlitePool,
    light_writer: SqlitePool,
    readers: SqlitePool,
    /// Locked while the database is open: the caches above it would not see what another process writes.
    lock: File,
}

impl Store {
    /// Begins a change. It holds the only connection for changes, so no network and no hashing within.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // At once, not at the first statement that writes: what is read before stays true until the commit.
        Ok(self.inner.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Connections that read what is committed.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    /// The connection for changes that a power cut may take back: it syncs at the checkpoints only.
    pub(crate) fn light_writer(&self) -> &SqlitePool {
        &self.inner.light_writer
    }

    /// The journal of temporary items on shares.
    pub(crate) fn journal(&self) -> Journal {
        Journal::new(self.clone(), Arc::new(SystemClock::new()))
    }

    /// Folds the log back into the file and lets go of it.
    pub(crate) async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.light_writer.close().await;
        self.inner.writer.close().await;
        if let Err(error) = self.inner.lock.unlock() {
            tracing::warn!(%error, "the lock of the data directory could not be released");
        }
    }
}
