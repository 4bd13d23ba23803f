//! What the bodies and queries of the item routes ask for, checked as far as it can be without looking at the share.
//!
//! The order of the checks is part of the contract: names come before paths, and everything here before the connection
//! is looked up.

use causeway_internal::files::{ItemKind, TransferKind};
use causeway_paths::{EntryName, NameError, PathError, SharePath};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::FileType;

/// Why a request about items is refused at once. Always a 400 with this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ItemRequestError {
    /// The new name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A path breaks a rule.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The connection's root was to be renamed.
    #[error("Cannot rename the share root")]
    RenameRoot,
    /// The connection's root was to be deleted.
    #[error("Cannot delete the share root")]
    DeleteRoot,
    /// The connection's root was to be written as a file.
    #[error("Path is not a file")]
    WriteRoot,
    /// Nothing to copy or move.
    #[error("Source path must not be empty")]
    EmptySource,
    /// Nowhere to copy or move to.
    #[error("Destination path must not be empty")]
    EmptyDestination,
    /// Both ends of a copy or move are one path.
    #[error("Source and destination paths must be different")]
    SamePath,
    /// The destination lies below the source.
    #[error("Cannot copy or move a directory into itself")]
    IntoItself,
}

/// Asks for a new item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct CreateBody {
    /// Directory to make it in; empty for the root.
    pub parent_path: String,
    /// Its name.
    pub name: String,
    /// What to make.
    #[serde(rename = "type")]
    pub file_type: FileType,
}

/// A [`CreateBody`] that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRequest {
    /// Directory to make the item in.
    pub parent: SharePath,
    /// Its name.
    pub name: EntryName,
    /// Where it will be.
    pub path: SharePath,
    /// What to make.
    pub kind: ItemKind,
}

impl CreateRequest {
    /// Checks the name first, then the directory.
    pub fn new(body: &CreateBody) -> Result<Self, ItemRequestError> {
        let name = EntryName::parse(&body.name)?;
        let parent = SharePath::parse(&body.parent_path)?;
        let path = parent.join(&name)?;
        Ok(Self { parent, name, path, kind: body.file_type.into() })
    }
}

/// Asks for another name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RenameBody {
    /// The item.
    pub path: String,
    /// Its new name in the same directory.
    pub new_name: String,
}

/// A [`RenameBody`] that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameRequest {
    /// The item.
    pub path: SharePath,
    /// Its new name in the same directory.
    pub new_name: EntryName,
    /// Where it will be.
    pub new_path: SharePath,
}

impl RenameRequest {
    /// Checks the name first, then the path.
    pub fn new(body: &RenameBody) -> Result<Self, ItemRequestError> {
        let new_name = EntryName::parse(&body.new_name)?;
        let path = not_root(&body.path, ItemRequestError::RenameRoot)?;
        let new_path = path.parent().unwrap_or_default().join(&new_name)?;
        Ok(Self { path, new_name, new_path })
    }
}

/// The item that `DELETE /api/browse/{connection_id}/item` is about.
pub fn item_to_delete(path: &str) -> Result<SharePath, ItemRequestError> {
    not_root(path, ItemRequestError::DeleteRoot)
}

/// The file that an upload is for.
///
/// No name rules beyond those of every path: the file may exist already, under a name that nobody could give it today.
pub fn file_to_write(path: &str) -> Result<SharePath, ItemRequestError> {
    not_root(path, ItemRequestError::WriteRoot)
}

/// Asks for a copy or a move.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct TransferBody {
    /// The item.
    pub source_path: String,
    /// Where to put it, its new name included.
    pub dest_path: String,
    /// Connection of the destination; the source's when absent or null.
    #[serde(default)]
    pub dest_connection_id: Option<Uuid>,
    /// Whether something of the same kind at the destination is replaced.
    #[serde(default)]
    pub overwrite: bool,
}

/// A [`TransferBody`] that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRequest {
    /// Copy or move.
    pub kind: TransferKind,
    /// Connection of the source.
    pub source_connection: Uuid,
    /// The item.
    pub source: SharePath,
    /// Connection of the destination.
    pub dest_connection: Uuid,
    /// Where to put it, its new name included.
    pub dest: SharePath,
    /// Whether something of the same kind at the destination is replaced.
    pub overwrite: bool,
}

impl TransferRequest {
    /// Checks, in this order: that both paths are there, the new name, both paths' form, and, within one connection
    /// only, that the item goes neither onto nor into itself. Other spellings of one item (letter case) are for the
    /// sidecar, which can ask the server.
    pub fn new(
        kind: TransferKind,
        source_connection: Uuid,
        body: &TransferBody,
    ) -> Result<Self, ItemRequestError> {
        let source = without_slashes(&body.source_path);
        let dest = without_slashes(&body.dest_path);
        if source.is_empty() {
            return Err(ItemRequestError::EmptySource);
        }
        if dest.is_empty() {
            return Err(ItemRequestError::EmptyDestination);
        }
        EntryName::parse(dest.rsplit('/').next().unwrap_or(dest))?;
        let dest_connection = body.dest_connection_id.unwrap_or(source_connection);
        let source = not_root(&body.source_path, ItemRequestError::EmptySource)?;
        let dest = not_root(&body.dest_path, ItemRequestError::EmptyDestination)?;
        if source_connection == dest_connection {
            if source == dest {
                return Err(ItemRequestError::SamePath);
            }
            if dest.starts_with(&source) {
                return Err(ItemRequestError::IntoItself);
            }
        }
        Ok(Self { kind, source_connection, source, dest_connection, dest, overwrite: body.overwrite })
    }
}

/// What is left of a path without the slashes around it. Whether there may be as many is for [`SharePath::parse`] to say.
fn without_slashes(path: &str) -> &str {
    path.trim_matches('/')
}

/// A path other than the root. Slashes alone are the root, whatever their number.
fn not_root(path: &str, refusal: ItemRequestError) -> Result<SharePath, ItemRequestError> {
    if without_slashes(path).is_empty() {
        return Err(refusal);
    }
    let path = SharePath::parse(path)?;
    if path.is_root() { Err(refusal) } else { Ok(path) }
}

#[cfg(test)]
mod tests;
