//! [`SharePath`]: the one path type.

use std::fmt;
use std::str::FromStr;

use crate::segment::{self, exceeds_units, is_control};
use crate::{CanonicalKey, CaseRule, EntryName, PathError};

/// Longest path, in UTF-16 units. An SMB2 CREATE carries the name's length in bytes in 16 bits (MS-SMB2 2.2.13), that is
/// 32,767 units; the rest is left to what a server puts in front of it.
pub const MAX_PATH_UNITS: usize = 32_000;

/// Deepest path. No real tree comes near; recursive work over a path stays bounded.
pub const MAX_SEGMENTS: usize = 512;

/// A path relative to a share, or to a connection's prefix within it; validated and normalised.
///
/// The separator is `/`, there is none at either end and never two together; `""` is the root. The spelling is kept as
/// sent otherwise (letter case, Unicode form). Equality and order are those of the spelling: use
/// [`canonical_key`](Self::canonical_key) to ask whether two paths name one item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct SharePath(String);

impl SharePath {
    /// The share's, or the connection's, own directory.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Reads a path as a client sends it, already percent-decoded. `\` counts as `/`; one leading and any trailing
    /// separators are dropped, repeated ones in the middle collapse.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        // The text as sent is measured, so that a megabyte of slashes costs nothing.
        if exceeds_units(text, MAX_PATH_UNITS) {
            return Err(PathError::TooLong);
        }
        // Before anything else, so that a control character is named as the fault whatever stands around it.
        if text.chars().any(is_control) {
            return Err(PathError::ControlCharacter);
        }
        if let [b'/' | b'\\', b'/' | b'\\', ..] = text.as_bytes() {
            return Err(PathError::NotRelative);
        }
        let mut normalised = String::with_capacity(text.len());
        let mut depth = 0;
        for segment in text.split(['/', '\\']).filter(|segment| !segment.is_empty()) {
            segment::check(segment)?;
            depth += 1;
            if depth > MAX_SEGMENTS {
                return Err(PathError::TooDeep);
            }
            if !normalised.is_empty() {
                normalised.push('/');
            }
            normalised.push_str(segment);
        }
        Ok(Self(normalised))
    }

    /// Whether this is the root.
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The normalised spelling; `""` for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the root down; none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// How many segments there are; 0 for the root.
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// The directory that holds the item; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(self.0.rsplit_once('/').map_or_else(Self::root, |(parent, _)| Self(parent.to_owned())))
    }

    /// The item's own name; `None` for the root.
    pub fn name(&self) -> Option<&str> {
        self.0.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The path of a new item in this directory. Fails only when the result is too long or too deep.
    pub fn join(&self, name: &EntryName) -> Result<Self, PathError> {
        self.concatenate(name.as_str())
    }

    /// The path of an existing item in this directory, by the name that the server gave it. More names exist than
    /// [`EntryName`] would let anyone make, `notes.` for example.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        if name.is_empty() {
            return Err(PathError::EmptyName);
        }
        if name.contains(['/', '\\']) {
            return Err(PathError::SeparatorInName);
        }
        segment::check(name)?;
        self.concatenate(name)
    }

    /// Whether this is `base` or lies below it, by spelling: `a/bc` does not start with `a/b`.
    pub fn starts_with(&self, base: &Self) -> bool {
        is_within(&self.0, &base.0)
    }

    /// The rest of the path below `base`; the root when both are equal, `None` when this is not below `base`.
    #[must_use]
    pub fn strip_prefix(&self, base: &Self) -> Option<Self> {
        if !self.starts_with(base) {
            return None;
        }
        let rest = &self.0[base.0.len()..];
        Some(Self(rest.strip_prefix('/').unwrap_or(rest).to_owned()))
    }

    /// This path seen from above: `prefix` followed by it. Fails only when the result is too long or too deep.
    pub fn under(&self, prefix: &Self) -> Result<Self, PathError> {
        if self.is_root() {
            return Ok(prefix.clone());
        }
        prefix.concatenate(&self.0)
    }

    /// What all spellings of the item have in common on a server with this case rule.
    pub fn canonical_key(&self, case: CaseRule) -> CanonicalKey {
        CanonicalKey::of(&self.0, case)
    }

    /// `tail` holds checked segments and is not empty; only the limits of the whole remain to be checked.
    fn concatenate(&self, tail: &str) -> Result<Self, PathError> {
        if self.is_root() {
            return Ok(Self(tail.to_owned()));
        }
        let mut whole = String::with_capacity(self.0.len() + 1 + tail.len());
        whole.push_str(&self.0);
        whole.push('/');
        whole.push_str(tail);
        if exceeds_units(&whole, MAX_PATH_UNITS) {
            return Err(PathError::TooLong);
        }
        if whole.bytes().filter(|byte| *byte == b'/').count() >= MAX_SEGMENTS {
            return Err(PathError::TooDeep);
        }
        Ok(Self(whole))
    }
}

/// Whether `path` is `base` or below it; both normalised, `""` is above everything.
pub(crate) fn is_within(path: &str, base: &str) -> bool {
    base.is_empty() || path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for SharePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for SharePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SharePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl AsRef<str> for SharePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for SharePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl schemars::JsonSchema for SharePath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SharePath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Path relative to the connection: `/` between names, empty for the root.",
        })
    }
}
