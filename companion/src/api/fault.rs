//! How a call ends that does not end well.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::server_address::ServerAddress;

/// What the server says of an edit that cannot go on as it is (contract 9.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// The token is in its last two minutes and has to be renewed first.
    RenewalRequired,
    /// The person may not any more.
    AuthFailed,
    /// The lock is gone, or is somebody else's.
    LockLost,
    /// The token has expired.
    RecoveryRequired,
    /// The lock was granted anew since.
    CapabilityMismatch,
}

impl Lifecycle {
    fn of(code: &str) -> Option<Self> {
        serde_json::from_value(Value::String(code.to_owned())).ok()
    }

    /// Whether a token that was refused so can still be used for something.
    pub fn leaves_the_token(self) -> bool {
        matches!(self, Self::RenewalRequired | Self::LockLost | Self::CapabilityMismatch)
    }
}

/// How a call ends that does not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer, or half of one.
    #[error("{server} cannot be reached: {cause}")]
    Unreachable {
        /// The server.
        server: String,
        /// What went wrong, innermost cause.
        cause: String,
    },
    /// Something between us and the server answered: a redirect, or a page for people.
    #[error(
        "Something between this computer and {server} answered instead, perhaps a proxy that wants you to sign in. \
         Open the server in your browser, sign in there, and try again"
    )]
    Intercepted {
        /// The server.
        server: String,
    },
    /// The edit cannot go on as it is.
    #[error("{message}")]
    Lifecycle {
        /// Why.
        code: Lifecycle,
        /// The server's words.
        message: String,
    },
    /// The file has changed since the edit last saw it.
    #[error("{message}")]
    Conflict {
        /// The server's words.
        message: String,
    },
    /// Any other refusal.
    #[error("{detail}")]
    Refused {
        /// The status.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// An answer that is not in the contract.
    #[error("The server's answer cannot be understood ({fault}); is it newer or older than this companion?")]
    NotUnderstood {
        /// What is wrong with it.
        fault: String,
    },
    /// Fewer or more bytes than the file has.
    #[error("{received} bytes came of a file that has {expected}")]
    WrongLength {
        /// As the server said before.
        expected: u64,
        /// What came.
        received: u64,
    },
    /// This machine's disk.
    #[error("{0}")]
    Disk(String),
}

impl ApiError {
    pub(super) fn unreachable(server: &ServerAddress, fault: reqwest::Error) -> Self {
        // The URL would repeat the path; the cause that helps is the innermost.
        let fault = fault.without_url();
        let mut cause: &dyn std::error::Error = &fault;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let cause =
            if fault.is_timeout() { "it does not answer in time".to_owned() } else { cause.to_string() };
        Self::Unreachable { server: server.to_string(), cause }
    }

    /// What a status and a body mean that are no success.
    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        let body = serde_json::from_slice::<Value>(body).ok();
        let detail = body.as_ref().and_then(|body| body.get("detail"));
        match detail {
            Some(Value::String(detail)) => Self::Refused { status, detail: detail.clone() },
            Some(Value::Object(detail)) => {
                let text = |key: &str| detail.get(key).and_then(Value::as_str);
                let message = text("message").unwrap_or("The server refuses without saying why").to_owned();
                let code = text("code").unwrap_or_default();
                if let Some(code) = Lifecycle::of(code) {
                    return Self::Lifecycle { code, message };
                }
                if code == "conflict" {
                    return Self::Conflict { message };
                }
                Self::Refused { status, detail: message }
            }
            _ => Self::Refused { status, detail: format!("The server answers with status {status}") },
        }
    }

    /// Whether the same may succeed a little later (contract 9.8). A share without room (507) is not among it: that passes
    /// only after somebody has done something.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::WrongLength { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..=506 | 508..),
            _ => false,
        }
    }

    /// Whether the server may have done what it was asked to, although it did not say so.
    pub fn leaves_open_what_was_done(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::WrongLength { .. } | Self::NotUnderstood { .. } => true,
            // Answers that say: not now.
            Self::Refused { status: 429 | 503, .. } => false,
            Self::Refused { status, .. } => self.is_passing() && *status >= 500,
            _ => false,
        }
    }

    /// What the server says of the edit.
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        match self {
            Self::Lifecycle { code, .. } => Some(*code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiError, Lifecycle};

    #[test]
    fn the_five_codes_are_known() {
        for (code, lifecycle) in [
            ("renewal_required", Lifecycle::RenewalRequired),
            ("auth_failed", Lifecycle::AuthFailed),
            ("lock_lost", Lifecycle::LockLost),
            ("recovery_required", Lifecycle::RecoveryRequired),
            ("capability_mismatch", Lifecycle::CapabilityMismatch),
        ] {
            let body = format!(r#"{{"detail": {{"code": "{code}", "message": "Reopen it."}}}}"#);
            let fault = ApiError::refused(404, body.as_bytes());
            assert_eq!(fault.lifecycle(), Some(lifecycle), "{code}");
            assert_eq!(fault.to_string(), "Reopen it.");
            assert!(!fault.is_passing());
        }
    }

    #[test]
    fn a_conflict_is_told_from_a_lock_of_somebody_else() {
        let body = br#"{"detail": {"code": "conflict", "message": "It changed.", "existing_file": null}}"#;
        let conflict = ApiError::Conflict { message: "It changed.".to_owned() };
        assert_eq!(ApiError::refused(409, body), conflict);
        assert!(!conflict.is_passing());
    }

    #[test]
    fn sentences_and_nonsense_are_refusals() {
        let fault = ApiError::refused(409, br#"{"detail": "File is locked for editing by admin"}"#);
        assert_eq!(fault.to_string(), "File is locked for editing by admin");
        for body in ["", "<html>", "[]", "{}", r#"{"detail": [{"type": "missing"}]}"#] {
            let fault = ApiError::refused(422, body.as_bytes());
            assert!(matches!(fault, ApiError::Refused { status: 422, .. }), "{body}");
            assert!(fault.to_string().contains("422"));
        }
    }

    #[test]
    fn what_passes_is_tried_again_and_nothing_else() {
        let refused = |status| ApiError::Refused { status, detail: String::new() };
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(refused(status).is_passing(), "{status}");
        }
        for status in [400, 401, 403, 404, 409, 413, 422, 423, 507] {
            assert!(!refused(status).is_passing(), "{status}");
        }
    }
}
