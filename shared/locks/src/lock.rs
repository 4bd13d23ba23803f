//! [`Lock`]: one user's right to save a file.

use std::time::Duration;

use causeway_paths::CanonicalKey;
use uuid::Uuid;

/// The file that a lock is on: the same for all spellings of its path and all connections that lead to its share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockKey {
    /// The share, by whatever text the caller tells shares apart.
    pub share: String,
    /// The file on it.
    pub path: CanonicalKey,
}

impl LockKey {
    /// Whether one is the other, or lies below it.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_within(other) || other.is_within(self)
    }

    /// Whether this is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.share == ancestor.share && self.path.is_within(&ancestor.path)
    }
}

/// What the caller makes up for a new lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// Id of the lock.
    pub id: Uuid,
    /// Id of the edit.
    pub operation: Uuid,
    /// The secret that proves the lock.
    pub capability: String,
    /// Name of the holder, for people.
    pub holder_name: String,
    /// Since when, in microseconds since 1970; for people only.
    pub locked_at: i64,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The file.
    pub key: LockKey,
    /// The user who has it.
    pub holder: Uuid,
    /// Ids, secret, name, time.
    pub grant: Fresh,
    /// Its number among all locks ever granted: a later grant has a greater one.
    pub fence: u64,
    /// When it dies without a further sign of life, on the caller's clock.
    pub dies_at: Duration,
}

impl Lock {
    /// Whether it holds at `now`.
    pub fn is_live(&self, now: Duration) -> bool {
        now < self.dies_at
    }
}
