use serde::{Deserialize, Serialize};

use crate::UnixMicros;
use crate::files::ItemInfo;
use crate::locks::Divergence;

/// Why the sidecar refused a call or failed at it.
///
/// The functions turn the code into the public status and text of their route; `message` is for people and never
/// holds a server's or the host's own text (no NT status, UNC path or SQL). What really happened is in the sidecar's
/// log under the request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct Fault {
    /// What kind of refusal it is.
    pub code: FaultCode,
    /// One sentence for people.
    pub message: String,
    /// After how many seconds another try makes sense ([`FaultCode::RateLimited`], [`FaultCode::Busy`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// The two items that stand against each other ([`FaultCode::DestinationExists`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Box<Conflict>>,
    /// Who has the file ([`FaultCode::Locked`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Box<Holder>>,
    /// The versions that differ ([`FaultCode::VersionConflict`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<Box<Divergence>>,
    /// Names of the parts that a form lacks ([`FaultCode::PartMissing`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_parts: Vec<String>,
}

/// Who has a file locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// His name.
    pub name: String,
    /// Since when.
    pub since: UnixMicros,
}

/// The items of a copy or move whose destination is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What is at the destination now.
    pub existing: ItemInfo,
    /// What was to be put there.
    pub incoming: ItemInfo,
}

impl Fault {
    /// A refusal with its message.
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after_seconds: None,
            conflict: None,
            holder: None,
            divergence: None,
            missing_parts: Vec::new(),
        }
    }

    /// The same refusal, worth another try after that many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The same refusal with the two items that stand against each other.
    #[must_use]
    pub fn between(mut self, existing: ItemInfo, incoming: ItemInfo) -> Self {
        self.conflict = Some(Box::new(Conflict { existing, incoming }));
        self
    }

    /// The same refusal because of that holder.
    #[must_use]
    pub fn held_by(mut self, holder: Holder) -> Self {
        self.holder = Some(Box::new(holder));
        self
    }

    /// The same refusal with the versions that differ.
    #[must_use]
    pub fn diverging(mut self, divergence: Divergence) -> Self {
        self.divergence = Some(Box::new(divergence));
        self
    }

    /// The same refusal with the parts that are missing.
    #[must_use]
    pub fn lacking(mut self, parts: Vec<String>) -> Self {
        self.missing_parts = parts;
        self
    }
}

/// The kinds of refusal, each with the HTTP status that it has on the internal API.
///
/// The public status is the same unless the public contract of a route says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultCode {
    /// The service token is missing or wrong: the deployment is misconfigured.
    ServiceTokenRefused,
    /// The user is unknown, inactive or expired, or his token was revoked.
    PrincipalRefused,
    /// User name or password is wrong.
    BadCredentials,
    /// Too many attempts.
    RateLimited,
    /// Too much is going on at the moment.
    Busy,
    /// The user's role does not allow it.
    NotPermitted,
    /// The user's role is read-only.
    RoleReadOnly,
    /// The connection is read-only.
    ConnectionReadOnly,
    /// The call itself is malformed or out of bounds; the message names the fault.
    Invalid,
    /// A rule of the product forbids it at the moment (duplicate name, last administrator, …).
    Conflict,
    /// No such user.
    UserNotFound,
    /// No such connection, or not visible to the user.
    ConnectionNotFound,
    /// The connection names no share.
    ConnectionIncomplete,
    /// No such record in the caller's history.
    RecordNotFound,
    /// Nothing at that path.
    NotFound,
    /// The directory that should hold the item is missing.
    ParentNotFound,
    /// Something is there already.
    AlreadyExists,
    /// The destination of a copy or move is taken; carries [`Conflict`].
    DestinationExists,
    /// The item is a directory where a file is needed.
    IsADirectory,
    /// The item is a file where a directory is needed.
    NotADirectory,
    /// A file would replace a directory or the reverse.
    KindMismatch,
    /// Source and destination are the same item.
    SameItem,
    /// A directory cannot go into itself.
    IntoItself,
    /// Somebody has the item open in a way that forbids this.
    InUse,
    /// Another user has it locked for editing; carries [`Holder`].
    Locked,
    /// The lock is not, or no longer, there.
    LockLost,
    /// The lock is there and of another edit or path.
    LockMismatch,
    /// The secret of the lock is wrong.
    CapabilityMismatch,
    /// The lock is another user's.
    LockForeign,
    /// The file is not what the edit was based on; carries [`Divergence`].
    VersionConflict,
    /// `If-Match`, `If-None-Match` or `If-Unmodified-Since` does not hold.
    PreconditionFailed,
    /// The server behind refuses this user of the share.
    AccessDenied,
    /// The server cannot store such a name.
    NameRefused,
    /// The share is full or over its quota.
    StorageFull,
    /// The body is larger than allowed.
    TooLarge,
    /// The body of an upload ended too early or is malformed.
    BodyIncomplete,
    /// The form of an upload lacks the part with the file.
    PartMissing,
    /// The server behind cannot be reached or dropped the connection.
    Unreachable,
    /// The server behind refuses the connection's user name or password.
    LogonRefused,
    /// The server behind has no such share.
    ShareNotFound,
    /// The share demands encryption that could not be agreed on.
    EncryptionRequired,
    /// The server behind did not answer in time.
    TimedOut,
    /// The server behind answered with something unexpected.
    ServerFault,
    /// A recursive operation stopped half-way; the message says how far it got.
    Partial,
    /// A fault of our own.
    Internal,
}

impl FaultCode {
    /// The HTTP status of this refusal.
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid
            | Self::ConnectionIncomplete
            | Self::IsADirectory
            | Self::NotADirectory
            | Self::SameItem
            | Self::IntoItself
            | Self::NameRefused
            | Self::BodyIncomplete => 400,
            Self::PartMissing => 422,
            Self::PrincipalRefused | Self::BadCredentials | Self::ServiceTokenRefused => 401,
            Self::NotPermitted
            | Self::RoleReadOnly
            | Self::ConnectionReadOnly
            | Self::AccessDenied
            | Self::LockMismatch
            | Self::CapabilityMismatch
            | Self::LockForeign => 403,
            Self::UserNotFound
            | Self::ConnectionNotFound
            | Self::RecordNotFound
            | Self::NotFound
            | Self::ParentNotFound
            | Self::LockLost => 404,
            Self::Conflict
            | Self::AlreadyExists
            | Self::DestinationExists
            | Self::KindMismatch
            | Self::VersionConflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::InUse | Self::Locked => 423,
            Self::RateLimited => 429,
            Self::Internal | Self::Partial => 500,
            Self::Unreachable
            | Self::LogonRefused
            | Self::ShareNotFound
            | Self::EncryptionRequired
            | Self::ServerFault => 502,
            Self::Busy => 503,
            Self::TimedOut => 504,
            Self::StorageFull => 507,
        }
    }
}
