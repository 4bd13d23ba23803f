//! The directories that a user has visited and the files that he has opened.
//!
//! What can be recorded ([`HistoryPlace`]), what an administrator keeps out of the history of files
//! ([`FileSearchPolicy`]), and how both are searched ([`HistoryQuery`]). Where the records are kept is the sidecar's
//! business.

mod place;
mod policy;
mod query;

pub use place::{HistoryPlace, LocalPath, PlaceError};
pub use policy::{
    ExclusionCategory, FileSearchPolicy, MAX_EXTENSION_CHARS, MAX_POLICY_BYTES, MAX_RESULT_LIMIT,
    MAX_RETENTION, PolicyError,
};
pub use query::{HistoryQuery, NameRank};

/// Records of directories that are kept for each user: the newest ones.
pub const KEPT_DIRECTORIES: u32 = 50;
