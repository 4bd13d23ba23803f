//! [`Metadata`]: what a server says about one item.

use causeway_versions::{FileTime, FileVersion};

/// File attributes (MS-FSCC 2.6).
pub mod attributes {
    /// The file may not be written or deleted.
    pub const READ_ONLY: u32 = 0x0000_0001;
    /// Left out of ordinary listings.
    pub const HIDDEN: u32 = 0x0000_0002;
    /// Used by the operating system.
    pub const SYSTEM: u32 = 0x0000_0004;
    /// A directory.
    pub const DIRECTORY: u32 = 0x0000_0010;
    /// Changed since the last backup.
    pub const ARCHIVE: u32 = 0x0000_0020;
    /// No other attribute.
    pub const NORMAL: u32 = 0x0000_0080;
    /// A reparse point: a link, a mount point, or content kept elsewhere.
    pub const REPARSE_POINT: u32 = 0x0000_0400;
    /// Left out of the search index.
    pub const NOT_CONTENT_INDEXED: u32 = 0x0000_2000;
}

/// A file or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// Holds bytes.
    File,
    /// Holds entries.
    Directory,
}

/// What a server says about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The last segment of the path as asked for, or the name as the directory has it in a listing; `""` for the root.
    pub name: String,
    /// File or directory.
    pub kind: EntryKind,
    /// A symbolic link or mount point that leads elsewhere. Not set for a link that the server itself follows unseen.
    pub is_link: bool,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// When the item came to be.
    pub created: FileTime,
    /// When it was last read, as far as the server keeps that.
    pub accessed: FileTime,
    /// When its content was last written; clients may set it to anything.
    pub modified: FileTime,
    /// When content or metadata last changed; clients cannot set it.
    pub changed: FileTime,
    /// [`attributes`].
    pub attributes: u32,
    /// The item's number on its volume; 0 where the server has none.
    pub file_id: u64,
    /// The volume's number, where the server told it.
    pub volume_id: Option<u64>,
}

/// The number of a file on its volume, as a server tells it; 0 for those numbers that tell nothing (MS-FSCC 2.1.9): with all
/// bits set no number could be found that is this file's alone.
pub(crate) fn file_number(told: u64) -> u64 {
    if told == u64::MAX { 0 } else { told }
}

impl Metadata {
    /// The version of the content, for entity tags and conflict checks.
    pub fn version(&self) -> FileVersion {
        FileVersion { change_time: self.changed, size: self.size, file_id: self.file_id }
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// Whether the item is marked read-only.
    pub fn is_read_only(&self) -> bool {
        self.attributes & attributes::READ_ONLY != 0
    }

    /// Whether the item is marked hidden.
    pub fn is_hidden(&self) -> bool {
        self.attributes & attributes::HIDDEN != 0
    }
}

/// The fields that CREATE and CLOSE responses and directory entries have in common.
pub(crate) struct RawTimes {
    pub(crate) created: u64,
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
}

impl Metadata {
    pub(crate) fn from_wire(name: String, times: &RawTimes, size: u64, attributes: u32) -> Self {
        let kind =
            if attributes & attributes::DIRECTORY != 0 { EntryKind::Directory } else { EntryKind::File };
        Self {
            name,
            kind,
            is_link: false,
            size: if kind == EntryKind::Directory { 0 } else { size },
            created: FileTime::from_raw(times.created),
            accessed: FileTime::from_raw(times.accessed),
            modified: FileTime::from_raw(times.modified),
            changed: FileTime::from_raw(times.changed),
            attributes,
            file_id: 0,
            volume_id: None,
        }
    }

    pub(crate) fn set_times(&mut self, times: &RawTimes) {
        self.created = FileTime::from_raw(times.created);
        self.accessed = FileTime::from_raw(times.accessed);
        self.modified = FileTime::from_raw(times.modified);
        self.changed = FileTime::from_raw(times.changed);
    }
}
