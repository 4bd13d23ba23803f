//! `/api/browse/{connection_id}/directories`

use causeway_internal::directories::{DirectoriesFound, IndexState};
use schemars::JsonSchema;
use serde::Serialize;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DirectoryMatches {
    /// Paths of the best matches relative to the connection, at most 200: directories of that name first, then those
    /// whose name begins with it, then those with it anywhere in the path, then those with all its words; within these by
    /// depth and by path.
    pub results: Vec<String>,
    /// How many directories match.
    pub total_matches: u64,
    /// What the index of the connection's directories is worth.
    pub cache_state: CacheState,
    /// How many directories are in it.
    pub directory_count: u64,
}

/// What an index is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheState {
    /// Nothing is known, because the share cannot be read; it is tried again.
    Empty,
    /// The share is being read for the first time.
    Building,
    /// Complete, and kept current.
    Ready,
    /// As ready, and the share is being read again.
    Updating,
}

impl From<DirectoriesFound> for DirectoryMatches {
    fn from(found: DirectoriesFound) -> Self {
        Self {
            results: found.paths,
            total_matches: found.total_matches,
            cache_state: match found.state {
                IndexState::Empty => CacheState::Empty,
                IndexState::Building => CacheState::Building,
                IndexState::Ready => CacheState::Ready,
                IndexState::Updating => CacheState::Updating,
            },
            directory_count: found.directory_count,
        }
    }
}
