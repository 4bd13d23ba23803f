//! [`Representation`]: what is there now.

/// What the conditions of a request are compared with: the file as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representation {
    /// Bytes of content.
    pub size: u64,
    /// Entity tag as it goes into `ETag`, quotes included.
    pub etag: String,
    /// Seconds since 1970-01-01T00:00:00Z; `None` where the server does not know.
    pub last_modified: Option<i64>,
    /// Media type of the whole, with its parameters.
    pub content_type: String,
}
