//! The directories that a user has visited and the files that he has opened.

use causeway_history::{FileSearchPolicy, HistoryPlace};
use causeway_paths::SharePath;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::ItemInfo;
use crate::{Call, UnixMicros};

/// Which of a user's two histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// Directories that he has visited.
    Directories,
    /// Files that he has opened.
    Files,
}

/// A record of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// Id: that of the place in this user's history, however often it is visited.
    pub id: Uuid,
    /// Id of the connection or local drive, as the public knows it.
    pub connection_id: String,
    /// Path below the connection's prefix or on the drive.
    pub path: String,
    /// The last visit. No two of one history have the same moment.
    pub visited_at: UnixMicros,
}

/// Records a visit. What is on a share is looked at first: it must be there, and a directory or a file as the history
/// demands. Answered with `None` for a file that the policy leaves out.
///
/// Faults: `ConnectionNotFound`, `NotFound`, `NotADirectory` and `IsADirectory` (the wrong kind of item), and those of the
/// server behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordVisit {
    /// In which history.
    pub kind: HistoryKind,
    /// What was visited.
    pub place: HistoryPlace,
}

impl Call for RecordVisit {
    const NAME: &'static str = "record-visit";
    type Answer = Option<HistoryRecord>;
}

/// Searches a history of the caller.
///
/// Directories: those whose path has the query in it, newest first; those on connections that the caller does not see
/// are left out. Files: those whose name has it, the best matches first and among equals the newest, those of
/// connections that are gone included.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SearchHistory {
    /// Which history.
    pub kind: HistoryKind,
    /// As typed; empty for everything.
    pub query: String,
    /// Most records wanted.
    pub limit: u32,
}

impl Call for SearchHistory {
    const NAME: &'static str = "search-history";
    type Answer = FoundHistory;
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundHistory {
    /// The records in their order.
    pub records: Vec<HistoryRecord>,
    /// How many there may be at most: what was asked for, within what the policy allows.
    pub result_limit: u32,
}

/// Forgets one record of the caller. Fault: `RecordNotFound`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ForgetVisit {
    /// In which history.
    pub kind: HistoryKind,
    /// Which record.
    pub id: Uuid,
}

impl Call for ForgetVisit {
    const NAME: &'static str = "forget-visit";
    type Answer = ();
}

/// Forgets a whole history of the caller; answered with the number of records that were in it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ClearHistory {
    /// Which history.
    pub kind: HistoryKind,
}

impl Call for ClearHistory {
    const NAME: &'static str = "clear-history";
    type Answer = u64;
}

/// Looks whether a recorded file can be opened again. A record of something that is not to be had any more is forgotten.
///
/// Faults: `RecordNotFound`; `Conflict` (on a local drive: not for us to say); and with the record forgotten `Invalid`
/// (stored as nothing that could be a file), `ConnectionNotFound`, `AccessDenied`, `NotFound`, `IsADirectory`. Others are
/// those of the server behind and pass.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CheckRecentFile {
    /// Record in the history of files.
    pub id: Uuid,
}

impl Call for CheckRecentFile {
    const NAME: &'static str = "check-recent-file";
    type Answer = CheckedFile;
}

/// A recorded file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedFile {
    /// Path below the connection's prefix.
    pub path: SharePath,
    /// What is there.
    pub info: ItemInfo,
}

/// What the histories of files keep. Fault: `NotPermitted` (administrators only).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GetFileSearchPolicy {}

impl Call for GetFileSearchPolicy {
    const NAME: &'static str = "get-file-search-policy";
    type Answer = StoredPolicy;
}

/// Changes what the histories of files keep; what no longer fits is forgotten at once. Fault: `NotPermitted`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeFileSearchPolicy {
    /// The new policy, checked; `None` for the default one.
    pub policy: Option<FileSearchPolicy>,
}

impl Call for ChangeFileSearchPolicy {
    const NAME: &'static str = "change-file-search-policy";
    type Answer = StoredPolicy;
}

/// The policy and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPolicy {
    /// The policy.
    pub policy: FileSearchPolicy,
    /// Whether nobody has set another one.
    pub is_default: bool,
}
