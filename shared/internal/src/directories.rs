//! The directories of a whole connection, by name.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Call;

/// Looks for directories of a connection in its index; the first call makes the index. An empty query finds nothing and
/// is for that alone. Never waits for the share.
///
/// Faults: `ConnectionNotFound`, `ConnectionIncomplete`, `Busy`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SearchDirectories {
    /// Which connection.
    pub connection: Uuid,
    /// What to look for, as the caller typed it.
    pub query: String,
    /// Whether paths with a name that begins with a period count.
    pub include_dot_directories: bool,
}

impl Call for SearchDirectories {
    const NAME: &'static str = "search-directories";
    type Answer = DirectoriesFound;
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoriesFound {
    /// Paths below the connection's root, the best first; a bounded number of them.
    pub paths: Vec<String>,
    /// How many directories match.
    pub total_matches: u64,
    /// What the index is worth.
    pub state: IndexState,
    /// How many directories are in the index.
    pub directory_count: u64,
}

/// What an index is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// Nothing is known, because the share cannot be read; it is tried again.
    Empty,
    /// The share is being read for the first time: what has been read so far is found.
    Building,
    /// Complete, and kept current.
    Ready,
    /// As ready, and the share is being read again to be sure.
    Updating,
}
