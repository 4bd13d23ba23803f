use serde::{Deserialize, Serialize};

/// A moment in microseconds since 1970-01-01 UTC: what the database keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMicros(pub i64);
