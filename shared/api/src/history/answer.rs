//! What is said about histories.

use causeway_internal::history::{FoundHistory, HistoryRecord};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::Timestamp;

/// A directory that the caller has visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecentDirectory {
    /// Id of the record.
    pub id: Uuid,
    /// Connection, or `local-drive:` and the id of a drive.
    pub connection_id: String,
    /// Path on the connection or drive.
    pub path: String,
    /// The last visit.
    pub last_visited_at: Timestamp,
}

impl From<HistoryRecord> for RecentDirectory {
    fn from(record: HistoryRecord) -> Self {
        Self {
            id: record.id,
            connection_id: record.connection_id,
            path: record.path,
            last_visited_at: record.visited_at.into(),
        }
    }
}

/// Directories that the caller has visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecentDirectories {
    /// The newest first.
    pub results: Vec<RecentDirectory>,
    /// How many there may be at most.
    pub result_limit: u32,
}

impl From<FoundHistory> for RecentDirectories {
    fn from(found: FoundHistory) -> Self {
        Self {
            results: found.records.into_iter().map(Into::into).collect(),
            result_limit: found.result_limit,
        }
    }
}

/// A file that the caller has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecentFile {
    /// Id of the record.
    pub id: Uuid,
    /// Connection, or `local-drive:` and the id of a drive.
    pub connection_id: String,
    /// Path on the connection or drive.
    pub path: String,
    /// The path's last segment.
    pub file_name: String,
    /// The last time.
    pub last_opened_at: Timestamp,
}

impl From<HistoryRecord> for RecentFile {
    fn from(record: HistoryRecord) -> Self {
        Self {
            id: record.id,
            connection_id: record.connection_id,
            file_name: record.path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: record.path,
            last_opened_at: record.visited_at.into(),
        }
    }
}

/// Files that the caller has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecentFiles {
    /// The best matches first, among equals the newest.
    pub results: Vec<RecentFile>,
    /// How many there may be at most.
    pub result_limit: u32,
}

impl From<FoundHistory> for RecentFiles {
    fn from(found: FoundHistory) -> Self {
        Self {
            results: found.records.into_iter().map(Into::into).collect(),
            result_limit: found.result_limit,
        }
    }
}

/// A history that has been cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClearedHistory {
    /// Records that were in it.
    pub deleted_count: u64,
}

/// Why a recorded file cannot be opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum FileProblemCode {
    /// The record names nothing that could be a file. It is forgotten.
    #[serde(rename = "recent_file_invalid_path")]
    InvalidPath,
    /// The connection is gone, or the caller does not see it any more. The record is forgotten.
    #[serde(rename = "recent_file_connection_removed")]
    ConnectionRemoved,
    /// The server behind refuses. The record is forgotten.
    #[serde(rename = "recent_file_access_denied")]
    AccessDenied,
    /// The file is gone. The record is forgotten.
    #[serde(rename = "recent_file_target_missing")]
    Missing,
    /// It is a directory now. The record is forgotten.
    #[serde(rename = "recent_file_target_not_file")]
    NotFile,
    /// It could not be found out. The record stays.
    #[serde(rename = "recent_file_validation_transient")]
    Transient,
}

/// `detail` of a refusal to open a recorded file again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileProblem {
    /// For programs.
    pub code: FileProblemCode,
    /// For people.
    pub message: String,
}

impl FileProblem {
    /// A problem with its sentence.
    pub fn new(code: FileProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
