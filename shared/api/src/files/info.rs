//! What is said about items.

use causeway_filetypes::mime_type;
use causeway_internal::Conflict;
use causeway_internal::files::{ItemInfo, ItemKind};
use causeway_paths::SharePath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileType {
    /// A file.
    File,
    /// A directory, or a link that the server presents as one.
    Directory,
}

impl From<ItemKind> for FileType {
    fn from(kind: ItemKind) -> Self {
        match kind {
            ItemKind::File => Self::File,
            ItemKind::Directory => Self::Directory,
        }
    }
}

impl From<FileType> for ItemKind {
    fn from(file_type: FileType) -> Self {
        match file_type {
            FileType::File => Self::File,
            FileType::Directory => Self::Directory,
        }
    }
}

/// A file or directory. Every field is always there, unknown values as `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileInfo {
    /// Name as the server spells it; empty for the root.
    pub name: String,
    /// Path relative to the connection, without slashes at its ends; empty for the root.
    pub path: String,
    /// File or directory.
    #[serde(rename = "type")]
    pub file_type: FileType,
    /// Bytes; `null` for directories.
    pub size: Option<u64>,
    /// Media type by the name alone; `null` for directories.
    pub mime_type: Option<&'static str>,
    /// When the item was made, RFC 3339 in UTC with `Z`, to the microsecond.
    pub created_at: Option<String>,
    /// When its content last changed, in the same form.
    pub modified_at: Option<String>,
    /// The server's number for the file, in decimal; `null` in listings and where the server has none.
    pub stable_id: Option<String>,
    /// Whether the server let us read what is said here.
    pub is_readable: bool,
    /// Whether the name begins with a period.
    pub is_hidden: bool,
}

impl FileInfo {
    /// An item that was asked for by its path.
    pub fn single(path: &SharePath, info: &ItemInfo) -> Self {
        let is_file = info.kind == ItemKind::File;
        // The root of a connection may be a directory of the share; its name there is nobody's business.
        let name = if path.is_root() { "" } else { info.name.as_str() };
        Self {
            name: name.to_owned(),
            path: path.as_str().to_owned(),
            file_type: info.kind.into(),
            size: is_file.then_some(info.size),
            mime_type: is_file.then(|| mime_type(name)),
            created_at: info.created.to_rfc3339_z(),
            modified_at: info.modified.to_rfc3339_z(),
            stable_id: (info.file_id != 0).then(|| info.file_id.to_string()),
            is_readable: true,
            is_hidden: is_hidden(name),
        }
    }
}

/// Files whose names begin with a period are hidden, as on the clients' own systems; the attribute of DOS is not asked.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// How a listing names its directory: the root is `/`, all else has no slash at its ends.
pub(super) fn shown_path(directory: &SharePath) -> &str {
    if directory.is_root() { "/" } else { directory.as_str() }
}

/// A directory's entries: what [`ListingWriter`](super::ListingWriter) writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DirectoryListing {
    /// The directory; `/` for the root.
    pub path: String,
    /// Its entries, in the server's order unless another one was asked for.
    pub items: Vec<FileInfo>,
    /// Entries in the whole directory.
    pub total: u64,
    /// Only when a page was asked for: where the next one begins, `null` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Option<String>>,
}

/// What an upload has stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UploadAnswer {
    /// Always `ok`.
    pub status: &'static str,
    /// Where it was stored.
    pub path: String,
    /// Bytes written.
    pub size: u64,
    /// The file's modification time afterwards, RFC 3339 in UTC with `Z`.
    pub last_modified: Option<String>,
}

impl UploadAnswer {
    /// After a successful write to `path`.
    pub fn stored(path: &SharePath, info: &ItemInfo) -> Self {
        Self {
            status: "ok",
            path: path.as_str().to_owned(),
            size: info.size,
            last_modified: info.modified.to_rfc3339_z(),
        }
    }
}

/// `detail` of a 409 when the destination of a copy or move is taken: both items, for the person to decide between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TransferConflict {
    /// What is at the destination now.
    pub existing_file: FileInfo,
    /// What was to be put there.
    pub incoming_file: FileInfo,
}

impl TransferConflict {
    /// The items that stand against each other at `dest` and at `source`.
    pub fn between(source: &SharePath, dest: &SharePath, conflict: &Conflict) -> Self {
        Self {
            existing_file: FileInfo::single(dest, &conflict.existing),
            incoming_file: FileInfo::single(source, &conflict.incoming),
        }
    }
}

#[cfg(test)]
mod tests;
