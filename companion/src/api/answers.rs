//! What the server answers, as far as the companion reads it.

use serde::Deserialize;

use crate::secret::Secret;

/// A link's token, exchanged.
#[derive(Debug, Clone, Deserialize)]
pub struct Bootstrap {
    /// Opens file-info and lock of one file, for 300 seconds.
    pub token: Secret,
    /// What the token is for.
    pub purpose: String,
    /// The connection that it is for.
    pub connection_id: String,
    /// The file that it is for.
    pub path: String,
}

/// A file on the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileInfo {
    /// `file` or `directory`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Length in bytes.
    pub size: Option<u64>,
    /// When it was last changed. Compared letter by letter, whatever its format.
    pub modified_at: Option<String>,
}

/// A lock that was granted.
#[derive(Debug, Clone, Deserialize)]
pub struct Grant {
    /// The lock.
    pub lock_id: String,
    /// What proves that it is ours.
    pub lock_capability: Secret,
    /// The edit.
    pub operation_id: String,
    /// The token of the edit.
    pub operation_token: Secret,
    /// After how many seconds the token should be renewed.
    pub renew_after_seconds: u64,
}

/// A heartbeat that came through.
#[derive(Debug, Clone, Deserialize)]
pub struct Pulse {
    /// Seconds that are left of the lock without a further one.
    pub lock_expires_in: u64,
    /// Seconds that are left of the token.
    pub operation_expires_in: i64,
}

/// A new operation token.
#[derive(Debug, Clone, Deserialize)]
pub struct Renewed {
    /// The token.
    pub token: Secret,
    /// After how many seconds it should be renewed.
    pub renew_after_seconds: u64,
}

/// A lock that was given back.
#[derive(Debug, Clone, Deserialize)]
pub struct Released {
    /// Whether it is.
    pub released: bool,
}

/// What became of an upload.
#[derive(Debug, Clone, Deserialize)]
pub struct Saved {
    /// `ok`, or `conflict_copy` when the content was put beside the file.
    pub status: String,
    /// Where the content is now.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last changed, as in [`FileInfo::modified_at`].
    pub last_modified: Option<String>,
}

impl Saved {
    /// Whether the content is beside the file instead of in it.
    pub fn is_copy(&self) -> bool {
        self.status == "conflict_copy"
    }
}
