//! What a route says when the sidecar refuses.
//!
//! Clients show these texts to people, and some of them decide by the status: which status and which sentence belong to
//! which route is part of the contract. Paths in them are spelled as the client spelled them.

use causeway_api::Timestamp;
use causeway_internal::{Fault, FaultCode, Holder, UnixMicros};

use crate::Problem;

/// What every route says about a connection without a share.
pub const NO_SHARE_NAME: &str = "Connection has no share name configured";

/// How a route words the faults that are not the same everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'a> {
    /// The item that the route is about, as the client spelled it.
    path: &'a str,
    /// What stands before the path when there is nothing at it.
    missing: &'static str,
    /// Another path than the item's when its directory is missing: the destination, or the new item.
    parent_of: &'a str,
    /// The name that is taken.
    name: &'a str,
    /// What is said when the server behind is too slow.
    timed_out: &'static str,
    /// What is said before the reason when it went wrong half-way, or for a fault of our own.
    failed: &'static str,
    /// Whether the client sends content. Editors save that way and know a file that somebody else has open by 409, where
    /// all other routes say 423.
    is_upload: bool,
    /// Which item it is, if one is locked; several where it may be either.
    lockable: [Option<&'a str>; 2],
}

impl<'a> Wording<'a> {
    /// The wording of a route about the item at `path`.
    const fn about(
        path: &'a str,
        missing: &'static str,
        timed_out: &'static str,
        failed: &'static str,
    ) -> Self {
        let lockable = [Some(path), None];
        Self { path, missing, parent_of: path, name: path, timed_out, failed, is_upload: false, lockable }
    }

    /// `…/list`.
    pub const fn list(path: &'a str) -> Self {
        Self::about(
            path,
            "Directory not found: ",
            "Directory listing timed out. The remote share did not respond in time.",
            "Failed to list directory",
        )
    }

    /// `…/directories`: answered from memory, so that little can go wrong.
    pub const fn directories() -> Self {
        Self::about(
            "",
            "Directory not found: ",
            "Directory search timed out.",
            "Failed to search directories",
        )
    }

    /// `…/info`.
    pub const fn info(path: &'a str) -> Self {
        Self::about(
            path,
            "Path not found: ",
            "File info request timed out. The remote share did not respond in time.",
            "Failed to get file info",
        )
    }

    /// `…/create`: `path` is the new item's.
    pub const fn create(path: &'a str, name: &'a str) -> Self {
        let about = Self::about(
            path,
            "Parent directory not found for: ",
            "Create timed out. The remote share did not respond in time.",
            "Failed to create item",
        );
        Self { name, ..about }
    }

    /// `…/rename`.
    pub const fn rename(path: &'a str, new_name: &'a str) -> Self {
        let about = Self::about(
            path,
            "Item not found: ",
            "Rename timed out. The remote share did not respond in time.",
            "Failed to rename item",
        );
        Self { name: new_name, ..about }
    }

    /// `…/item` with `DELETE`.
    pub const fn delete(path: &'a str) -> Self {
        Self::about(
            path,
            "Item not found: ",
            "Delete timed out. The remote share did not respond in time.",
            "Failed to delete item",
        )
    }

    /// `…/copy`.
    pub const fn copy(source: &'a str, dest: &'a str) -> Self {
        let about = Self::about(
            source,
            "Source not found: ",
            "Copy timed out. The remote share did not respond in time.",
            "Failed to copy item",
        );
        // What is only read may be locked.
        Self { parent_of: dest, name: dest, lockable: [Some(dest), None], ..about }
    }

    /// `…/move`.
    pub const fn r#move(source: &'a str, dest: &'a str) -> Self {
        let about = Self::about(
            source,
            "Source not found: ",
            "Move timed out. The remote share did not respond in time.",
            "Failed to move item",
        );
        Self { parent_of: dest, name: dest, lockable: [Some(source), Some(dest)], ..about }
    }

    /// `…/upload` and `…/content`.
    pub const fn upload(path: &'a str) -> Self {
        let about = Self::about(
            path,
            "File not found: ",
            "Upload timed out. The remote share did not respond in time.",
            "Failed to upload file",
        );
        Self { is_upload: true, ..about }
    }

    /// Routes that take, keep or give back an edit lock.
    pub const fn lock(path: &'a str) -> Self {
        Self::about(
            path,
            "File not found: ",
            "Lock request timed out. The remote share did not respond in time.",
            "Failed to lock file",
        )
    }

    /// Reading a whole file.
    pub const fn download(path: &'a str) -> Self {
        Self::about(
            path,
            "File not found: ",
            "Timeout reading file from network share",
            "Failed to download file",
        )
    }

    /// The refusal for a fault that this route words itself.
    pub fn refuse(&self, fault: &Fault) -> Option<Problem> {
        self.word(fault).map(|(status, detail)| Problem::new(status, detail))
    }

    /// The sentence for a fault that this route words itself, with its status; `None` for those that read the same on
    /// every route.
    pub fn word(&self, fault: &Fault) -> Option<(u16, String)> {
        let Self { path, missing, parent_of, name, timed_out, failed, is_upload, lockable } = self;
        Some(match fault.code {
            FaultCode::ConnectionIncomplete => (400, NO_SHARE_NAME.to_owned()),
            FaultCode::NotFound => (404, format!("{missing}{path}")),
            FaultCode::ParentNotFound => (404, format!("Parent directory not found for: {parent_of}")),
            FaultCode::AlreadyExists => (409, format!("An item named '{name}' already exists")),
            FaultCode::DestinationExists => (409, format!("Destination already exists: {name}")),
            FaultCode::NotADirectory => (400, format!("Not a directory: {path}")),
            FaultCode::KindMismatch if *is_upload => (409, format!("A directory is in the way: {path}")),
            FaultCode::InUse if *is_upload => (409, format!("File is locked and cannot be written: {path}")),
            FaultCode::InUse => (423, format!("Item is in use by somebody else: {path}")),
            FaultCode::Locked => {
                let status = if *is_upload { 409 } else { 423 };
                let items: Vec<_> = lockable.iter().flatten().copied().collect();
                (status, format!("{}: {}", locked(fault.holder.as_deref()), items.join(" or ")))
            }
            FaultCode::AccessDenied => (403, format!("Access denied: {path}")),
            // On the way up it is the body that is too large; on the way down it is the directory.
            FaultCode::TooLarge if !is_upload => (500, format!("{failed}: {}", fault.message)),
            FaultCode::TimedOut => (504, (*timed_out).to_owned()),
            FaultCode::Partial | FaultCode::Internal => (500, format!("{failed}: {}", fault.message)),
            _ => return None,
        })
    }
}

/// Who has a file locked, and since when to the second.
fn locked(holder: Option<&Holder>) -> String {
    let Some(Holder { name, since: UnixMicros(since) }) = holder else {
        return "File is locked for editing".to_owned();
    };
    let since = Timestamp(UnixMicros(since - since.rem_euclid(1_000_000)));
    format!("File is locked for editing by {name} since {since}")
}

#[cfg(test)]
mod tests;
