//! Saving what was edited.

use causeway_internal::files::ItemInfo;
use causeway_internal::locks::{BaseVersion, Divergence, KeepCopy, SaveAnswer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::files::FileType;

/// The form of a save, as the OpenAPI document tells it. The sidecar reads it.
#[derive(Debug, JsonSchema)]
pub struct UploadParts {
    /// Id of the edit.
    pub operation_id: String,
    /// Id of the lock.
    pub lock_id: String,
    /// The lock's secret.
    pub lock_capability: String,
    /// The content. Its file name is of no consequence.
    #[schemars(extend("contentMediaType" = "application/octet-stream"))]
    pub file: String,
}

/// What becomes of a content that cannot take the file's place, because the file has changed or the lock is lost.
///
/// To look at the file makes what is there the base of the next save, so that a client that has looked, and asked its user,
/// would meet no conflict any more: it says `copy_always` if he wants both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictChoice {
    /// It is not kept.
    #[default]
    Refuse,
    /// It is kept beside the file, under a name that says so.
    Copy,
    /// It is put beside the file in any case, and the file is left alone.
    CopyAlways,
}

impl From<ConflictChoice> for KeepCopy {
    fn from(choice: ConflictChoice) -> Self {
        match choice {
            ConflictChoice::Refuse => Self::Never,
            ConflictChoice::Copy => Self::OnConflict,
            ConflictChoice::CopyAlways => Self::Always,
        }
    }
}

/// What a save has stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SavedAnswer {
    /// `ok`, or `conflict_copy` when the content was kept beside the file, which is as it was.
    pub status: &'static str,
    /// Where it was stored.
    pub path: String,
    /// Bytes written.
    pub size: u64,
    /// The modification time afterwards, RFC 3339 in UTC with `Z`.
    pub last_modified: Option<String>,
}

impl SavedAnswer {
    /// After a save of the file that the client names so.
    pub fn new(path: &str, saved: &SaveAnswer) -> Self {
        let (status, path) = match &saved.copy {
            None => ("ok", path),
            Some(copy) => ("conflict_copy", copy.as_str()),
        };
        Self {
            status,
            path: path.to_owned(),
            size: saved.info.size,
            last_modified: saved.info.modified.to_rfc3339_z(),
        }
    }
}

/// `detail` of a 409: the file is not what the edit was based on. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SaveConflict {
    /// Always `conflict`.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The file as it is now; `null`: it is gone.
    pub existing_file: Option<FileState>,
    /// The file that the edit was based on; `null`: there was none.
    pub base_file: Option<BaseState>,
}

/// A file as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileState {
    /// Name as the server spells it.
    pub name: String,
    /// Path as the client spells it.
    pub path: String,
    /// File or directory.
    #[serde(rename = "type")]
    pub file_type: FileType,
    /// Bytes.
    pub size: u64,
    /// When its content last changed, RFC 3339 in UTC with `Z`.
    pub modified_at: Option<String>,
    /// Its entity tag.
    pub version: String,
}

/// A file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BaseState {
    /// Bytes.
    pub size: u64,
    /// When its content had last changed, RFC 3339 in UTC with `Z`.
    pub modified_at: Option<String>,
    /// Its entity tag.
    pub version: String,
}

impl SaveConflict {
    /// The versions that stand against each other at the path as the client spells it.
    pub fn at(path: &str, divergence: Option<&Divergence>) -> Self {
        let current = divergence.and_then(|versions| versions.current.as_ref());
        let base = divergence.and_then(|versions| versions.base.as_ref());
        let what = match (base, current) {
            (_, None) => "has been removed or renamed",
            (None, Some(_)) => "has been made by somebody else",
            (Some(_), Some(_)) => "has been changed by somebody else",
        };
        Self {
            code: "conflict",
            message: format!("The file {what} since it was opened: {path}"),
            existing_file: current.map(|item| FileState::of(path, item)),
            base_file: base.map(BaseState::of),
        }
    }
}

impl FileState {
    fn of(path: &str, item: &ItemInfo) -> Self {
        Self {
            name: item.name.clone(),
            path: path.to_owned(),
            file_type: item.kind.into(),
            size: item.size,
            modified_at: item.modified.to_rfc3339_z(),
            version: item.version().etag(),
        }
    }
}

impl BaseState {
    fn of(base: &BaseVersion) -> Self {
        Self {
            size: base.version.size,
            modified_at: base.modified.to_rfc3339_z(),
            version: base.version.etag(),
        }
    }
}
