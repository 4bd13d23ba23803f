//! The journal of temporary items on shares.

use std::sync::Arc;

use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::{Clock, Store, StoreError};

/// How many leftovers are handed out at once, the oldest first; the rest comes when these are gone.
const MAX_LEFTOVERS: i64 = 10_000;

/// Remembers which temporary items are on which share, so that a crash leaves no rubbish for good.
#[derive(Clone)]
pub(crate) struct Journal {
    store: Store,
    clock: Arc<dyn Clock>,
}

/// A temporary item that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Its number in the journal.
    pub(crate) id: i64,
    /// The connection by which it was made.
    pub(crate) connection: Uuid,
    /// The share that it is on, as text; unknown of items that an earlier version made.
    pub(crate) share: Option<String>,
    /// Where it is, from the root of the share.
    pub(crate) path: SharePath,
    /// What it was for, as it was given.
    pub(crate) purpose: String,
}

impl Journal {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Writes down an item that is about to be made on a share; answers with its number. `keeps` says that it is all that is
    /// left of something: then not even a power cut forgets it.
    pub(crate) async fn begin(
        &self,
        (connection, share): (Uuid, &str),
        path: &SharePath,
        purpose: &str,
        keeps: bool,
    ) -> Result<i64, Fault> {
        let inner = &self.store.inner;
        let inserted = sqlx::query(
            "INSERT INTO temp_files (connection_id, share, path, purpose, created_at)
             VALUES (?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(connection.hyphenated())
        .bind(share)
        .bind(path.as_str())
        .bind(purpose)
        .bind(self.clock.now().0)
        .fetch_one(if keeps { &inner.writer } else { &inner.light_writer })
        .await
        .and_then(|row| row.try_get("id"))
        .map_err(StoreError::from);
        match inserted {
            Err(error) if error.is_orphan() => Err(connection_not_found()),
            other => Ok(other?),
        }
    }

    /// Gives an item another purpose, which not even a power cut undoes. Fault: `ConnectionNotFound` when the item went with
    /// its connection.
    pub(crate) async fn becomes(&self, id: i64, purpose: &str) -> Result<(), Fault> {
        let changed = sqlx::query("UPDATE temp_files SET purpose = ? WHERE id = ?")
            .bind(purpose)
            .bind(id)
            .execute(&self.store.inner.writer)
            .await
            .map_err(StoreError::from)?;
        if changed.rows_affected() == 0 { Err(connection_not_found()) } else { Ok(()) }
    }

    /// Whether an item is still written down.
    pub(crate) async fn has(&self, id: i64) -> Result<bool, Fault> {
        let found = sqlx::query("SELECT 1 FROM temp_files WHERE id = ?")
            .bind(id)
            .fetch_optional(self.store.readers())
            .await
            .map_err(StoreError::from)?;
        Ok(found.is_some())
    }

    /// Strikes an item off: it is gone, or has become what it was made for.
    pub(crate) async fn end(&self, id: i64) -> Result<(), Fault> {
        sqlx::query("DELETE FROM temp_files WHERE id = ?")
            .bind(id)
            .execute(&self.store.inner.light_writer)
            .await
            .map_err(StoreError::from)?;
        Ok(())
    }

    /// Items that were begun and not ended, the oldest first: of running operations, and of those that were cut off.
    pub(crate) async fn leftovers(&self) -> Result<Vec<Leftover>, Fault> {
        let rows =
            sqlx::query("SELECT id, connection_id, share, path, purpose FROM temp_files ORDER BY id LIMIT ?")
                .bind(MAX_LEFTOVERS)
                .fetch_all(self.store.readers())
                .await
                .map_err(StoreError::from)?;
        let mut leftovers = Vec::with_capacity(rows.len());
        for row in rows {
            match read(&row) {
                Ok(leftover) => leftovers.push(leftover),
                Err(error) => tracing::warn!(%error, "an entry of the journal cannot be read"),
            }
        }
        Ok(leftovers)
    }
}

fn read(row: &SqliteRow) -> Result<Leftover, StoreError> {
    let path: String = row.try_get("path")?;
    Ok(Leftover {
        id: row.try_get("id")?,
        connection: row.try_get::<Hyphenated, _>("connection_id")?.into_uuid(),
        share: row.try_get("share")?,
        path: SharePath::parse(&path).map_err(|_| StoreError::unreadable("path"))?,
        purpose: row.try_get("purpose")?,
    })
}

fn connection_not_found() -> Fault {
    Fault::new(FaultCode::ConnectionNotFound, "Connection not found")
}
