//! Edit locks as browsers know them: `/api/browse/{connection_id}/lock…`.

use causeway_internal::locks::{LockGrant, LockState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Who is said to have a file when the file itself does not tell.
const SOMEBODY: &str = "another program";

/// What a holder shows: all that [`EditLock`] gave him.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LockControl {
    /// Id of the edit.
    pub operation_id: String,
    /// Id of the lock. A text that is no id is the id of no lock.
    pub lock_id: String,
    /// The lock's secret.
    pub lock_capability: String,
}

impl LockControl {
    /// The lock's id; for a text that is none the nil UUID, which no lock has.
    pub fn lock_id(&self) -> Uuid {
        Uuid::parse_str(&self.lock_id).unwrap_or_default()
    }
}

/// A lock, for its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EditLock {
    /// Its id.
    pub lock_id: Uuid,
    /// Its secret.
    pub lock_capability: String,
    /// Id of the edit: 32 hexadecimal digits.
    pub operation_id: String,
    /// The file, as the client spelled its path.
    pub file_path: String,
    /// Name of the holder.
    pub locked_by: String,
    /// Since when.
    pub locked_at: Timestamp,
}

impl EditLock {
    /// The grant of a lock on the file that the client names so.
    pub fn granted(path: &str, grant: &LockGrant) -> Self {
        Self {
            lock_id: grant.lock_id,
            lock_capability: grant.capability.clone(),
            operation_id: grant.operation_id.clone(),
            file_path: path.to_owned(),
            locked_by: grant.locked_by.clone(),
            locked_at: grant.locked_at.into(),
        }
    }
}

/// That it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Done {
    /// Always `ok`.
    pub status: &'static str,
}

impl Done {
    /// It is.
    pub const OK: Self = Self { status: "ok" };
}

/// Whether somebody has a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EditLockStatus {
    /// Whether somebody has: a user of ours, or a program that has opened the file on the share.
    pub locked: bool,
    /// His name; `another program` where the file does not tell.
    pub locked_by: Option<String>,
    /// Since when, where it is known.
    pub locked_at: Option<Timestamp>,
}

impl From<LockState> for EditLockStatus {
    fn from(state: LockState) -> Self {
        let (locked_by, locked_at) = match state {
            LockState::Free => return Self { locked: false, locked_by: None, locked_at: None },
            LockState::Locked(lock) => (lock.locked_by, Some(lock.locked_at)),
            LockState::InUse { by, since } => (by.unwrap_or_else(|| SOMEBODY.to_owned()), since),
        };
        Self { locked: true, locked_by: Some(locked_by), locked_at: locked_at.map(Into::into) }
    }
}
