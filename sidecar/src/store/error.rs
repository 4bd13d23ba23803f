use causeway_internal::{Fault, FaultCode};

/// SQLite's own codes (sqlite.org/rescode.html), the low byte.
pub(super) const SQLITE_BUSY: i32 = 5;
pub(super) const SQLITE_CORRUPT: i32 = 11;
pub(super) const SQLITE_FULL: i32 = 13;
pub(super) const SQLITE_NOTADB: i32 = 26;

/// When a database that is busy is worth another try.
const RETRY_SECONDS: u32 = 1;

/// The database failed, or refused a row that breaks a rule of the schema.
#[derive(Debug, thiserror::Error)]
#[error("the database failed: {0}")]
pub(crate) struct StoreError(#[from] sqlx::Error);

impl StoreError {
    /// Another row has that value.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.0.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// The row refers to one that is not there.
    pub(crate) fn is_orphan(&self) -> bool {
        self.0.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
    }

    /// A row holds what this program never writes.
    pub(crate) fn unreadable(column: &'static str) -> Self {
        Self(sqlx::Error::Decode(format!("the column {column} holds an unknown value").into()))
    }
}

/// The low byte of SQLite's code, when the error is SQLite's.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if matches!(error.0, sqlx::Error::PoolTimedOut) || primary_code(&error.0) == Some(SQLITE_BUSY) {
            tracing::warn!(%error, "the database is busy");
            return Fault::new(FaultCode::Busy, "The server is busy").retry_after(RETRY_SECONDS);
        }
        tracing::error!(%error, "the database failed");
        if primary_code(&error.0) == Some(SQLITE_FULL) {
            return Fault::new(FaultCode::Internal, "The server's own disk is full");
        }
        Fault::new(FaultCode::Internal, "Internal error")
    }
}
