//! [`ShareError`]: what went wrong on a share, in words that may leave the process.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use smb2::types::Command;
use smb2::types::status::NtStatus;

/// What went wrong. `Display` is a short sentence for people that holds no server's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ShareErrorKind {
    /// No such item.
    #[error("the item does not exist")]
    NotFound,
    /// A directory on the way to the item is missing or is a file.
    #[error("the directory does not exist")]
    PathNotFound,
    /// The name is taken.
    #[error("an item with this name already exists")]
    AlreadyExists,
    /// A directory was expected.
    #[error("the item is not a directory")]
    NotADirectory,
    /// A file was expected.
    #[error("the item is a directory")]
    IsADirectory,
    /// Only empty directories can be deleted by this call.
    #[error("the directory is not empty")]
    DirectoryNotEmpty,
    /// Somebody has the item open in a way that excludes this, or holds a byte-range lock.
    #[error("the item is in use")]
    InUse,
    /// The account may not do this.
    #[error("access denied")]
    AccessDenied,
    /// The item is being deleted: it still has its name, and nobody can open it.
    #[error("the item is being deleted")]
    DeletePending,
    /// The server cannot carry this name.
    #[error("the server does not accept this name")]
    NameInvalid,
    /// No room left on the volume.
    #[error("the disk of the server is full")]
    DiskFull,
    /// No room left for this account.
    #[error("the storage quota is exceeded")]
    QuotaExceeded,
    /// The file or the medium is read-only.
    #[error("the item is read-only")]
    ReadOnly,
    /// The file became shorter while it was being read.
    #[error("the file changed while it was being read")]
    Changed,
    /// A directory holds more entries than one listing may carry.
    #[error("the directory has too many entries")]
    TooManyEntries,
    /// The server cannot do this.
    #[error("the server does not support this")]
    NotSupported,
    /// The server, or the share by its settings, does not report changes.
    #[error("the server does not report changes")]
    WatchUnsupported,
    /// As many directories are watched as this process or the server allows.
    #[error("too many directories are being watched")]
    TooManyWatches,
    /// Wrong user or password, or the account may not sign in; also a server that offers only a guest session.
    #[error("the server refused the user name or password")]
    LogonRefused,
    /// The server has no such share.
    #[error("the share does not exist")]
    ShareNotFound,
    /// The share or the account demands encryption, and the server offers no cipher that could carry it.
    #[error("the share requires encryption that could not be negotiated with the server")]
    EncryptionRequired,
    /// Nothing answers there: name resolution, connect or negotiation failed.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The connection went away in the middle. Whether a change was carried out is unknown.
    #[error("the connection to the server was lost")]
    ConnectionLost,
    /// No answer within the deadline. Whether a change was carried out is unknown.
    #[error("the server did not answer in time")]
    TimedOut,
    /// Anything else; the cause is for the log.
    #[error("the server reported an unexpected error")]
    Protocol,
}

/// A failure on a share. Cheap to clone, so that all who waited for one connect attempt get its outcome.
///
/// `Display` is for people and names no internals; what the server or the socket said is in [`Error::source`] and in
/// `Debug`, for the log.
#[derive(Clone, thiserror::Error)]
#[error("{kind}")]
pub struct ShareError {
    kind: ShareErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ShareError {
    /// A failure without a cause below it.
    pub fn new(kind: ShareErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(crate) fn caused_by(kind: ShareErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(Arc::from(cause.into())) }
    }

    /// What went wrong.
    pub fn kind(&self) -> ShareErrorKind {
        self.kind
    }

    /// Whether a change may or may not have been carried out on the server.
    ///
    /// True for [`ConnectionLost`](ShareErrorKind::ConnectionLost) and [`TimedOut`](ShareErrorKind::TimedOut): look
    /// before doing it again.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self.kind, ShareErrorKind::ConnectionLost | ShareErrorKind::TimedOut)
    }

    pub(crate) fn with_kind(mut self, kind: ShareErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// What the server answered, if that is the cause.
    pub(crate) fn status(&self) -> Option<NtStatus> {
        self.source()?.downcast_ref::<smb2::Error>()?.status()
    }

    /// A response that is not what the protocol says.
    pub(crate) fn malformed(what: &'static str) -> Self {
        Self::caused_by(ShareErrorKind::Protocol, what)
    }

    /// An answer of the server other than success.
    pub(crate) fn from_status(status: NtStatus, command: Command) -> Self {
        Self::caused_by(kind_of_status(status), smb2::Error::Protocol { status, command })
    }
}

impl fmt::Debug for ShareError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(formatter, "{:?} ({source})", self.kind),
            None => write!(formatter, "{:?}", self.kind),
        }
    }
}

impl From<smb2::Error> for ShareError {
    fn from(error: smb2::Error) -> Self {
        use smb2::ErrorKind as Smb;
        let kind = match &error {
            smb2::Error::Protocol { status, .. } => kind_of_status(*status),
            smb2::Error::SendTimeout { .. } => ShareErrorKind::ConnectionLost,
            _ => match error.kind() {
                Smb::ConnectionLost | Smb::SessionExpired | Smb::Io => ShareErrorKind::ConnectionLost,
                Smb::TimedOut => ShareErrorKind::TimedOut,
                Smb::AuthRequired | Smb::GuestSessionRefused => ShareErrorKind::LogonRefused,
                Smb::Unsupported => ShareErrorKind::NotSupported,
                _ => ShareErrorKind::Protocol,
            },
        };
        Self::caused_by(kind, error)
    }
}

/// Codes of MS-ERREF 2.3.1 that smb2 has no name for.
mod code {
    use super::NtStatus;

    pub(super) const INVALID_HANDLE: NtStatus = NtStatus(0xC000_0008);
    pub(super) const OBJECT_PATH_INVALID: NtStatus = NtStatus(0xC000_0039);
    pub(super) const OBJECT_PATH_SYNTAX_BAD: NtStatus = NtStatus(0xC000_003B);
    pub(super) const QUOTA_EXCEEDED: NtStatus = NtStatus(0xC000_0044);
    pub(super) const LOCK_NOT_GRANTED: NtStatus = NtStatus(0xC000_0055);
    pub(super) const PRIVILEGE_NOT_HELD: NtStatus = NtStatus(0xC000_0061);
    pub(super) const NO_SUCH_USER: NtStatus = NtStatus(0xC000_0064);
    pub(super) const WRONG_PASSWORD: NtStatus = NtStatus(0xC000_006A);
    pub(super) const MEDIA_WRITE_PROTECTED: NtStatus = NtStatus(0xC000_00A2);
    pub(super) const NETWORK_ACCESS_DENIED: NtStatus = NtStatus(0xC000_00CA);
    pub(super) const NAME_TOO_LONG: NtStatus = NtStatus(0xC000_0106);
    pub(super) const CONNECTION_DISCONNECTED: NtStatus = NtStatus(0xC000_020C);
    pub(super) const CONNECTION_RESET: NtStatus = NtStatus(0xC000_020D);
    pub(super) const LOGON_TYPE_NOT_GRANTED: NtStatus = NtStatus(0xC000_015B);
    pub(super) const IO_TIMEOUT: NtStatus = NtStatus(0xC000_00B5);
    pub(super) const DISK_QUOTA_EXCEEDED: NtStatus = NtStatus(0xC000_0802);
    pub(super) const CANNOT_BREAK_OPLOCK: NtStatus = NtStatus(0xC000_0909);
}

fn kind_of_status(status: NtStatus) -> ShareErrorKind {
    use ShareErrorKind as Kind;
    match status {
        NtStatus::OBJECT_NAME_NOT_FOUND | NtStatus::NO_SUCH_FILE | NtStatus::NOT_FOUND => Kind::NotFound,
        NtStatus::OBJECT_PATH_NOT_FOUND => Kind::PathNotFound,
        NtStatus::OBJECT_NAME_COLLISION => Kind::AlreadyExists,
        NtStatus::NOT_A_DIRECTORY => Kind::NotADirectory,
        NtStatus::FILE_IS_A_DIRECTORY => Kind::IsADirectory,
        NtStatus::DIRECTORY_NOT_EMPTY => Kind::DirectoryNotEmpty,
        NtStatus::SHARING_VIOLATION
        | NtStatus::FILE_LOCK_CONFLICT
        | code::LOCK_NOT_GRANTED
        | code::CANNOT_BREAK_OPLOCK => Kind::InUse,
        NtStatus::ACCESS_DENIED | code::PRIVILEGE_NOT_HELD | code::NETWORK_ACCESS_DENIED => {
            Kind::AccessDenied
        }
        NtStatus::DELETE_PENDING => Kind::DeletePending,
        NtStatus::OBJECT_NAME_INVALID
        | code::OBJECT_PATH_INVALID
        | code::OBJECT_PATH_SYNTAX_BAD
        | code::NAME_TOO_LONG => Kind::NameInvalid,
        NtStatus::DISK_FULL => Kind::DiskFull,
        code::QUOTA_EXCEEDED | code::DISK_QUOTA_EXCEEDED => Kind::QuotaExceeded,
        NtStatus::CANNOT_DELETE | code::MEDIA_WRITE_PROTECTED => Kind::ReadOnly,
        NtStatus::NOT_SUPPORTED
        | NtStatus::NOT_IMPLEMENTED
        | NtStatus::INVALID_DEVICE_REQUEST
        | NtStatus::PATH_NOT_COVERED
        | NtStatus::STOPPED_ON_SYMLINK => Kind::NotSupported,
        NtStatus::LOGON_FAILURE
        | NtStatus::ACCOUNT_RESTRICTION
        | NtStatus::INVALID_LOGON_HOURS
        | NtStatus::INVALID_WORKSTATION
        | NtStatus::PASSWORD_EXPIRED
        | NtStatus::ACCOUNT_DISABLED
        | NtStatus::ACCOUNT_EXPIRED
        | NtStatus::PASSWORD_MUST_CHANGE
        | NtStatus::ACCOUNT_LOCKED_OUT
        | code::NO_SUCH_USER
        | code::WRONG_PASSWORD
        | code::LOGON_TYPE_NOT_GRANTED => Kind::LogonRefused,
        NtStatus::BAD_NETWORK_NAME => Kind::ShareNotFound,
        // The tree, the session or the handle is gone from the server's tables: what is left is to begin anew.
        NtStatus::NETWORK_NAME_DELETED
        | NtStatus::USER_SESSION_DELETED
        | NtStatus::NETWORK_SESSION_EXPIRED
        | NtStatus::FILE_CLOSED
        | code::INVALID_HANDLE
        | code::CONNECTION_DISCONNECTED
        | code::CONNECTION_RESET => Kind::ConnectionLost,
        code::IO_TIMEOUT => Kind::TimedOut,
        _ => Kind::Protocol,
    }
}

/// Whether the whole session is gone, not merely one handle on it.
pub(crate) fn ends_session(status: NtStatus) -> bool {
    matches!(
        status,
        NtStatus::NETWORK_NAME_DELETED | NtStatus::USER_SESSION_DELETED | NtStatus::NETWORK_SESSION_EXPIRED
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_no_status_text_and_the_log_does() {
        let error = ShareError::from_status(NtStatus(0xC000_1234), Command::Create);
        assert_eq!(error.kind(), ShareErrorKind::Protocol);
        assert!(!error.to_string().contains("0x"), "{error}");
        assert!(format!("{error:?}").contains("0xC0001234"), "{error:?}");
        assert!(error.source().is_some());
    }

    #[test]
    fn a_lost_connection_leaves_the_outcome_open() {
        assert!(ShareError::from(smb2::Error::Disconnected).outcome_unknown());
        assert!(!ShareError::from_status(NtStatus::ACCESS_DENIED, Command::Create).outcome_unknown());
    }
}
