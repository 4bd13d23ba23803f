//! [`HistoryPlace`]: what a record names.

use std::fmt;

use causeway_paths::{PathError, SharePath};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the id of a drive of the user's own machine begins with, where otherwise a connection's id stands.
const LOCAL_DRIVE: &str = "local-drive:";

/// An item that a history can hold: on a connection, or on a drive that only the user's own machine can see.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryPlace {
    /// On a share.
    Share {
        /// Connection.
        connection: Uuid,
        /// Path below the connection's prefix, never the root.
        path: SharePath,
    },
    /// On the user's own machine. Nothing of it can be checked from here.
    LocalDrive {
        /// The drive, as the companion names it.
        drive: String,
        /// Path on the drive.
        path: LocalPath,
    },
}

/// Why something cannot stand in a history. The texts are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// `local-drive:` and nothing behind it.
    #[error("Local drive ID cannot be empty")]
    EmptyDrive,
    /// Neither a connection's id nor a drive's.
    #[error("Connection ID must be a connection UUID or local-drive ID")]
    NoConnection,
    /// The root, or a path that begins with a slash.
    #[error("History path must be a non-empty relative path")]
    NotRelative,
    /// A segment that is empty, `.` or `..`.
    #[error("History path must not contain empty, current-directory, or parent-directory segments")]
    Segment,
    /// The path is none that a share can have.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl HistoryPlace {
    /// Reads the id of a connection or drive, then a path, as clients send them.
    ///
    /// Paths are stricter than elsewhere, so that one item has one record: `\` counts as `/` and white space around the
    /// whole is dropped, but no slash is too many.
    pub fn parse(connection_id: &str, path: &str) -> Result<Self, PlaceError> {
        if let Some(drive) = connection_id.strip_prefix(LOCAL_DRIVE) {
            if drive.is_empty() {
                return Err(PlaceError::EmptyDrive);
            }
            return Ok(Self::LocalDrive { drive: drive.to_owned(), path: LocalPath::parse(path)? });
        }
        let connection = Uuid::parse_str(connection_id).map_err(|_| PlaceError::NoConnection)?;
        let path = SharePath::parse(LocalPath::parse(path)?.as_str())?;
        Ok(Self::Share { connection, path })
    }

    /// The id of the connection or drive, as clients know it. [`parse`](Self::parse) reads it back.
    pub fn connection_id(&self) -> String {
        match self {
            Self::Share { connection, .. } => connection.hyphenated().to_string(),
            Self::LocalDrive { drive, .. } => format!("{LOCAL_DRIVE}{drive}"),
        }
    }

    /// The path.
    pub fn path(&self) -> &str {
        match self {
            Self::Share { path, .. } => path.as_str(),
            Self::LocalDrive { path, .. } => path.as_str(),
        }
    }

    /// The connection, unless it is a drive.
    pub fn connection(&self) -> Option<Uuid> {
        match self {
            Self::Share { connection, .. } => Some(*connection),
            Self::LocalDrive { .. } => None,
        }
    }

    /// The last segment of the path.
    pub fn name(&self) -> &str {
        name_of(self.path())
    }
}

/// The last segment of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path on a drive of the user's own machine: relative, with `/` between its segments, none of them empty, `.` or
/// `..`. What else may be in a name is for that machine to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct LocalPath(String);

impl LocalPath {
    /// Reads a path as clients send it: `\` counts as `/`, white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let path = text.replace('\\', "/");
        let path = path.trim();
        if path.is_empty() || path.starts_with('/') {
            return Err(PlaceError::NotRelative);
        }
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(PlaceError::Segment);
        }
        Ok(Self(path.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LocalPath {
    type Error = PlaceError;

    fn try_from(text: String) -> Result<Self, PlaceError> {
        Self::parse(&text)
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
