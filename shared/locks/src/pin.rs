//! [`Pin`]: an item that is being changed.

use uuid::Uuid;

use crate::LockKey;

/// How far a change reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The item itself.
    Item,
    /// The item and everything below it.
    Tree,
}

/// A change under way: no lock of anybody else is granted where it reaches, until it is taken back.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a pin that nobody takes back keeps locks away for good"]
pub struct Pin(pub(crate) u64);

/// What a pin is about.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) key: LockKey,
    pub(crate) reach: Reach,
    pub(crate) by: Uuid,
}

impl Pinned {
    /// Whether a lock on `key` would be in its way. A lock on a directory is on all that is in it.
    pub(crate) fn reaches(&self, key: &LockKey) -> bool {
        self.key.is_within(key) || (self.reach == Reach::Tree && key.is_within(&self.key))
    }
}
