//! What a route says when the sidecar refuses.
//!
//! Clients show these texts to people, and some of them decide by the status: which status and which sentence belong to
//! which route is part of the contract. Paths in them are spelled as the client spelled them.

use causeway_internal::{Fault, FaultCode};

/// What every route says about a connection without a share.
pub(crate) const NO_SHARE_NAME: &str = "Connection has no share name configured";

/// How a route words the faults that are not the same everywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording<'a> {
    /// The item that the route is about, as the client spelled it.
    pub(crate) path: &'a str,
    /// What stands before the path when there is nothing at it.
    pub(crate) missing: &'static str,
    /// Another path than the item's when its directory is missing: the destination, or the new item.
    pub(crate) parent_of: &'a str,
    /// The name that is taken.
    pub(crate) name: &'a str,
    /// What is said when the server behind is too slow.
    pub(crate) timed_out: &'static str,
    /// What is said before the reason when it went wrong half-way, or for a fault of our own.
    pub(crate) failed: &'static str,
    /// Whether the client sends content. Editors save that way and know a file that somebody else has open by 409, where
    /// all other routes say 423.
    pub(crate) is_upload: bool,
}

impl<'a> Wording<'a> {
    /// The wording of a route about the item at `path`.
    const fn about(
        path: &'a str,
        missing: &'static str,
        timed_out: &'static str,
        failed: &'static str,
    ) -> Self {
        Self { path, missing, parent_of: path, name: path, timed_out, failed, is_upload: false }
    }

    /// `…/list`.
    pub(crate) const fn list(path: &'a str) -> Self {
        Self::about(
            path,
            "Directory not found: ",
            "Directory listing timed out. The remote share did not respond in time.",
            "Failed to list directory",
        )
    }

    /// `…/directories`: answered from memory, so that little can go wrong.
    pub(crate) const fn directories() -> Self {
        Self::about(
            "",
            "Directory not found: ",
            "Directory search timed out.",
            "Failed to search directories",
        )
    }

    /// `…/info`.
    pub(crate) const fn info(path: &'a str) -> Self {
        Self::about(
            path,
            "Path not found: ",
            "File info request timed out. The remote share did not respond in time.",
            "Failed to get file info",
        )
    }

    /// `…/create`: `path` is the new item's.
    pub(crate) const fn create(path: &'a str, name: &'a str) -> Self {
        let about = Self::about(
            path,
            "Parent directory not found for: ",
            "Create timed out. The remote share did not respond in time.",
            "Failed to create item",
        );
        Self { name, ..about }
    }

    /// `…/rename`.
    pub(crate) const fn rename(path: &'a str, new_name: &'a str) -> Self {
        let about = Self::about(
            path,
            "Item not found: ",
            "Rename timed out. The remote share did not respond in time.",
            "Failed to rename item",
        );
        Self { name: new_name, ..about }
    }

    /// `…/item` with `DELETE`.
    pub(crate) const fn delete(path: &'a str) -> Self {
        Self::about(
            path,
            "Item not found: ",
            "Delete timed out. The remote share did not respond in time.",
            "Failed to delete item",
        )
    }

    /// `…/copy`.
    pub(crate) const fn copy(source: &'a str, dest: &'a str) -> Self {
        let about = Self::about(
            source,
            "Source not found: ",
            "Copy timed out. The remote share did not respond in time.",
            "Failed to copy item",
        );
        Self { parent_of: dest, name: dest, ..about }
    }

    /// `…/move`.
    pub(crate) const fn r#move(source: &'a str, dest: &'a str) -> Self {
        let about = Self::about(
            source,
            "Source not found: ",
            "Move timed out. The remote share did not respond in time.",
            "Failed to move item",
        );
        Self { parent_of: dest, name: dest, ..about }
    }

    /// `…/upload` and `…/content`.
    pub(crate) const fn upload(path: &'a str) -> Self {
        let about = Self::about(
            path,
            "File not found: ",
            "Upload timed out. The remote share did not respond in time.",
            "Failed to upload file",
        );
        Self { is_upload: true, ..about }
    }

    /// The sentence for a fault that this route words itself, with its status; `None` for those that read the same on
    /// every route.
    pub(crate) fn word(&self, fault: &Fault) -> Option<(u16, String)> {
        let Self { path, missing, parent_of, name, timed_out, failed, is_upload } = self;
        Some(match fault.code {
            FaultCode::ConnectionIncomplete => (400, NO_SHARE_NAME.to_owned()),
            FaultCode::NotFound => (404, format!("{missing}{path}")),
            FaultCode::ParentNotFound => (404, format!("Parent directory not found for: {parent_of}")),
            FaultCode::AlreadyExists => (409, format!("An item named '{name}' already exists")),
            FaultCode::DestinationExists => (409, format!("Destination already exists: {name}")),
            FaultCode::NotADirectory => (400, format!("Not a directory: {path}")),
            FaultCode::InUse if *is_upload => (409, format!("File is locked and cannot be written: {path}")),
            FaultCode::InUse => (423, format!("Item is in use by somebody else: {path}")),
            FaultCode::AccessDenied => (403, format!("Access denied: {path}")),
            // On the way up it is the body that is too large; on the way down it is the directory.
            FaultCode::TooLarge if !is_upload => (500, format!("{failed}: {}", fault.message)),
            FaultCode::TimedOut => (504, (*timed_out).to_owned()),
            FaultCode::Partial | FaultCode::Internal => (500, format!("{failed}: {}", fault.message)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
