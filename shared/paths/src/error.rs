//! What is wrong with a path or a name, in words for people.

use crate::{MAX_PATH_UNITS, MAX_SEGMENT_UNITS, MAX_SEGMENTS};

/// Why a text is not a path on a share. The message may be shown to the person who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A character below U+0020, or U+007F.
    #[error("SMB paths cannot contain control characters")]
    ControlCharacter,
    /// The text starts with two separators: it names a server, not an item of this share.
    #[error("SMB paths must be relative to the configured share")]
    NotRelative,
    /// A segment is `.`, `..`, or made of periods and spaces only.
    #[error("SMB paths cannot contain traversal segments")]
    Traversal,
    /// A character that means a stream or a wildcard in SMB.
    #[error("SMB paths cannot contain the character {0}")]
    ReservedCharacter(char),
    /// A separator inside what must be a single name.
    #[error("A name cannot contain a path separator")]
    SeparatorInName,
    /// Nothing where a name is needed.
    #[error("Name must not be empty")]
    EmptyName,
    /// One segment is longer than [`MAX_SEGMENT_UNITS`].
    #[error("A name in the path is longer than {MAX_SEGMENT_UNITS} characters")]
    SegmentTooLong,
    /// The whole is longer than [`MAX_PATH_UNITS`].
    #[error("The path is longer than {MAX_PATH_UNITS} characters")]
    TooLong,
    /// More than [`MAX_SEGMENTS`] segments.
    #[error("The path is more than {MAX_SEGMENTS} levels deep")]
    TooDeep,
}

/// Why a text cannot name a new item. The message may be shown to the person who sent it; clients know the first four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No character at all.
    #[error("Name must not be empty")]
    Empty,
    /// `.` or `..`.
    #[error("Name must not be '.' or '..'")]
    Dots,
    /// One of `\ / : * ? " < > |`.
    #[error("Name contains invalid characters")]
    InvalidCharacters,
    /// The last character is white space or a period: Windows clients of the share could never open the item.
    #[error("Name must not end with a space or period")]
    TrailingSpaceOrPeriod,
    /// A character below U+0020, or U+007F.
    #[error("SMB paths cannot contain control characters")]
    ControlCharacter,
    /// Longer than [`MAX_SEGMENT_UNITS`].
    #[error("Name must not be longer than {MAX_SEGMENT_UNITS} characters")]
    TooLong,
}
