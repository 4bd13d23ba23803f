//! [`Proof`]: what a holder shows.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::{Lock, LockKey};

/// By what a lock is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// By the file.
    ByPath,
    /// By its id.
    ById,
}

/// What a holder shows to prove that a lock is his.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// By what the lock is looked up.
    pub find: Find,
    /// Id of the lock.
    pub id: Uuid,
    /// Id of the edit, in hexadecimal digits.
    pub operation: &'a str,
    /// The secret, where the route takes it.
    pub capability: Option<&'a str>,
    /// Number of the grant, where the holder was told it.
    pub fence: Option<u64>,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such lock, or not any more.
    Lost,
    /// The lock is of another edit, or of another file.
    Mismatch,
    /// The secret is wrong.
    Capability,
    /// The lock is another user's.
    Foreign,
}

impl Proof<'_> {
    /// Whether it proves that `user` holds `lock` on the file `key`. The order is the one in which clients expect to be
    /// refused.
    pub(crate) fn holds(&self, lock: &Lock, key: &LockKey, user: Uuid) -> Result<(), Refusal> {
        if lock.grant.operation.simple().to_string() != self.operation {
            return Err(Refusal::Mismatch);
        }
        let secret = lock.grant.capability.as_bytes();
        if self.capability.is_some_and(|shown| !bool::from(shown.as_bytes().ct_eq(secret))) {
            return Err(Refusal::Capability);
        }
        if lock.grant.id != self.id {
            return Err(Refusal::Lost);
        }
        if lock.key != *key {
            return Err(Refusal::Mismatch);
        }
        if lock.holder != user {
            return Err(Refusal::Foreign);
        }
        if self.fence.is_some_and(|fence| fence != lock.fence) {
            return Err(Refusal::Lost);
        }
        Ok(())
    }
}
