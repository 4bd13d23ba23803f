//! Items on a share: information and changes.

use causeway_paths::{EntryName, SharePath};
use causeway_versions::{FileTime, FileVersion};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Call;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// An item on a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemInfo {
    /// Name as the server spells it; `""` for the root.
    pub name: String,
    /// File or directory.
    pub kind: ItemKind,
    /// Bytes; 0 for directories.
    pub size: u64,
    /// When it was made.
    pub created: FileTime,
    /// When its content last changed.
    pub modified: FileTime,
    /// When anything of it last changed.
    pub changed: FileTime,
    /// SMB file attributes (MS-FSCC 2.6).
    pub attributes: u32,
    /// The server's number for the file; 0 when it has none.
    pub file_id: u64,
}

impl ItemInfo {
    /// The item's version: the base of entity tags and of conflict checks.
    pub fn version(&self) -> FileVersion {
        FileVersion { change_time: self.changed, size: self.size, file_id: self.file_id }
    }
}

/// Order of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// By name, case folded.
    Name,
    /// By size, then name.
    Size,
    /// By modification time, then name.
    Modified,
}

/// A sorted page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Order. Directories come before files.
    pub sort: SortKey,
    /// Whether the order is reversed (directories still first).
    pub descending: bool,
    /// Entries on the page; `None` means all.
    pub limit: Option<u32>,
    /// Where the page before ended, as the answer to it said.
    pub cursor: Option<String>,
}

/// Lists a directory. Not a [`Call`]: the answer is made of binary frames, see [`listing`](crate::listing).
///
/// Faults: those of the connection, `NotFound`, `NotADirectory`, and those of the server behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDirectory {
    /// Connection.
    pub connection: Uuid,
    /// Directory below the connection's prefix.
    pub path: SharePath,
    /// Sorted and paged, or everything in the server's order.
    pub page: Option<PageRequest>,
}

/// Name of the call with [`ListDirectory`] as its body.
pub const LIST_DIRECTORY: &str = "list-directory";

/// Looks at one item. Faults: those of the connection, `NotFound`, and those of the server behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetInfo {
    /// Connection.
    pub connection: Uuid,
    /// Item.
    pub path: SharePath,
}

impl Call for GetInfo {
    const NAME: &'static str = "get-info";
    type Answer = ItemInfo;
}

/// Makes an empty file or a directory. Faults: `AlreadyExists`, `ParentNotFound`, …
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateItem {
    /// Connection.
    pub connection: Uuid,
    /// Directory to make it in.
    pub parent: SharePath,
    /// Name of the new item.
    pub name: EntryName,
    /// What to make.
    pub kind: ItemKind,
}

impl Call for CreateItem {
    const NAME: &'static str = "create-item";
    type Answer = ItemInfo;
}

/// Renames an item within its directory. Faults: `NotFound`, `AlreadyExists`, `InUse`, …
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RenameItem {
    /// Connection.
    pub connection: Uuid,
    /// Item.
    pub path: SharePath,
    /// Its new name. One that differs in case only is a rename too.
    pub new_name: EntryName,
}

impl Call for RenameItem {
    const NAME: &'static str = "rename-item";
    type Answer = ItemInfo;
}

/// Deletes a file, or a directory with all that is in it. Faults: `NotFound`, `InUse`, `Partial`, …
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteItem {
    /// Connection.
    pub connection: Uuid,
    /// Item, not the root.
    pub path: SharePath,
}

impl Call for DeleteItem {
    const NAME: &'static str = "delete-item";
    type Answer = ();
}

/// What becomes of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    /// It stays.
    Copy,
    /// It is gone afterwards.
    Move,
}

/// Copies or moves an item, within a connection or between two.
///
/// Faults: `NotFound` (source), `ParentNotFound` (destination's directory), `DestinationExists`, `KindMismatch`,
/// `SameItem`, `IntoItself`, `Partial`, …
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransferItem {
    /// Copy or move.
    pub kind: TransferKind,
    /// Connection of the source.
    pub source_connection: Uuid,
    /// Source, not the root.
    pub source: SharePath,
    /// Connection of the destination.
    pub dest_connection: Uuid,
    /// Destination with its new name, not the root. The last segment obeys [`EntryName`]'s rules.
    pub dest: SharePath,
    /// Whether something of the same kind at the destination is replaced.
    pub overwrite: bool,
}

impl Call for TransferItem {
    const NAME: &'static str = "transfer-item";
    type Answer = ();
}
