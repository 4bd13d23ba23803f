//! The one registry of file types: MIME types, categories, what needs conversion.
//!
//! A file's type is told by its name alone, never by its content: listings must not open files, and all parts must agree.
//! [`lookup`] finds what previews know; [`mime_type`] also guesses the other common types.

use std::borrow::Cow;

mod guesses;
mod index;
mod registry;

pub use registry::{Category, Conversion, FileType, REGISTRY};

/// What everything is that has no other type (RFC 2046 4.5.1).
pub const UNKNOWN: &str = "application/octet-stream";

/// The file type of a name in the registry, by its [`extension`] in any letter case.
pub fn lookup(name: &str) -> Option<&'static FileType> {
    REGISTRY.get(index::find(name)?.registered?)
}

/// The media type of a name, without parameters: from the registry, else a common type, else [`UNKNOWN`].
pub fn mime_type(name: &str) -> &'static str {
    index::find(name).map_or(UNKNOWN, |entry| entry.mime)
}

/// The media type of a name as it goes into `Content-Type`: text is said to be UTF-8, as the clients read it.
pub fn content_type(name: &str) -> Cow<'static, str> {
    let mime = mime_type(name);
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8").into() } else { mime.into() }
}

/// What follows the last dot of a name, in its own spelling: `gz` of `a.tar.gz`, `pdf` of `.pdf`. `None` without a dot
/// or with nothing behind it.
pub fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension).filter(|extension| !extension.is_empty())
}
