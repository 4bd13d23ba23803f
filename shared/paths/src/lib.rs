//! Paths on a share: parsed once at the edge, canonical keys, name rules.
//!
//! Text from a client becomes a [`SharePath`] (any item) or an [`EntryName`] (the name of an item to be made) exactly
//! once; nothing past the edge takes a path as `&str`. Two spellings of one item are told apart from two items by
//! their [`CanonicalKey`].
//!
//! A path that exists here holds no traversal, no control characters, no stream or wildcard syntax and fits into an
//! SMB2 CREATE request. Why the rules are what they are is in `docs/decisions/001-path-rules.md`.

mod canonical;
mod entry_name;
mod error;
mod segment;
mod share_path;
mod temp_name;

pub use canonical::{CanonicalKey, CaseRule};
pub use entry_name::EntryName;
pub use error::{NameError, PathError};
pub use segment::MAX_SEGMENT_UNITS;
pub use share_path::{MAX_PATH_UNITS, MAX_SEGMENTS, SharePath};
pub use temp_name::TempName;
