//! From a link to a session under a lock, and to its end.

use causeway_internal::locks::{LOCK_LIFETIME_SECONDS, LockState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::locks::EditLock;

/// Seconds after which a companion is told to renew its operation token.
pub const RENEWAL_SUGGESTED_SECONDS: u64 = 600;

/// Seconds that may at most be left of an operation token for it to be renewed.
pub const RENEWAL_ACCEPTED_SECONDS: u64 = 300;

/// With this many seconds or fewer left, an operation token is good for its renewal and for giving up the lock only: what
/// it might begin could outlast it.
pub const RENEWAL_REQUIRED_SECONDS: u64 = 120;

/// Which file the companion shall open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LinkBody {
    /// Connection.
    pub connection_id: String,
    /// File, relative to the connection.
    pub path: String,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LinkAnswer {
    /// To be exchanged once.
    pub uri_token: String,
    /// Seconds that it holds.
    pub expires_in: u64,
}

/// A link that is to be exchanged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LinkExchange {
    /// The link's token.
    pub token: String,
}

/// What a link is exchanged for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BootstrapAnswer {
    /// Bootstrap token.
    pub token: String,
    /// Seconds that it holds.
    pub expires_in: u64,
    /// Always `companion_session`.
    pub token_class: &'static str,
    /// Always `bootstrap`.
    pub purpose: &'static str,
    /// Connection, as the link has it.
    pub connection_id: String,
    /// File, as the link has it.
    pub path: String,
}

impl BootstrapAnswer {
    /// A bootstrap token for that file.
    pub fn new(token: String, expires_in: u64, connection_id: String, path: String) -> Self {
        Self {
            token,
            expires_in,
            token_class: "companion_session",
            purpose: "bootstrap",
            connection_id,
            path,
        }
    }
}

/// A lock and the token for everything that is done under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompanionLock {
    /// The lock.
    #[serde(flatten)]
    pub lock: EditLock,
    /// Operation token.
    pub operation_token: String,
    /// Seconds that it holds.
    pub operation_expires_in: u64,
    /// Seconds after which to renew it.
    pub renew_after_seconds: u64,
}

/// A sign of life was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Heartbeat {
    /// Always true.
    pub ok: bool,
    /// Seconds after which the lock is lost without another one.
    pub lock_expires_in: u32,
    /// Seconds that are left of the operation token.
    pub operation_expires_in: u64,
}

impl Heartbeat {
    /// With a token that holds so many seconds more.
    pub fn taken(operation_expires_in: u64) -> Self {
        Self { ok: true, lock_expires_in: LOCK_LIFETIME_SECONDS, operation_expires_in }
    }
}

/// A lock was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Released {
    /// Always true.
    pub released: bool,
}

/// A new operation token. The old one holds until its own end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RenewedSession {
    /// Operation token.
    pub token: String,
    /// Seconds that it holds.
    pub expires_in: u64,
    /// Seconds after which to renew it.
    pub renew_after_seconds: u64,
}

/// The lock of a file, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompanionLockStatus {
    /// Id of the lock.
    pub lock_id: Option<Uuid>,
    /// Id of the edit.
    pub operation_id: Option<String>,
    /// Whether the caller holds it.
    pub locked_by_current_user: bool,
    /// Whether there is one.
    pub lock_active: bool,
    /// Seconds that are left without a further sign of life.
    pub expires_in: u32,
}

impl From<LockState> for CompanionLockStatus {
    fn from(state: LockState) -> Self {
        match state {
            LockState::Locked(lock) => Self {
                lock_id: Some(lock.lock_id),
                operation_id: Some(lock.operation_id),
                locked_by_current_user: lock.is_mine,
                lock_active: true,
                expires_in: lock.expires_in,
            },
            LockState::Free | LockState::InUse { .. } => Self {
                lock_id: None,
                operation_id: None,
                locked_by_current_user: false,
                lock_active: false,
                expires_in: 0,
            },
        }
    }
}
