//! [`EntryName`]: the name of an item that is to be made.

use std::fmt;
use std::str::FromStr;

use crate::segment::{MAX_SEGMENT_UNITS, exceeds_units, is_control, is_reserved};
use crate::{CanonicalKey, CaseRule, NameError};

/// The name of a new item: what create, rename, upload and the last segment of a copy's or move's destination may be
/// called. Stricter than a segment of a [`SharePath`](crate::SharePath), which must also reach what others have made.
///
/// DOS device names (`CON`, `NUL`, …) are allowed: they are ordinary names on Samba and most appliances, and a Windows
/// server refuses them itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct EntryName(String);

impl EntryName {
    /// Reads a name as sent; nothing is trimmed, leading spaces are kept.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if matches!(text, "." | "..") {
            return Err(NameError::Dots);
        }
        if text.chars().any(|character| matches!(character, '\\' | '/') || is_reserved(character)) {
            return Err(NameError::InvalidCharacters);
        }
        if text.ends_with(|last: char| last.is_whitespace() || last == '.') {
            return Err(NameError::TrailingSpaceOrPeriod);
        }
        if text.chars().any(is_control) {
            return Err(NameError::ControlCharacter);
        }
        if exceeds_units(text, MAX_SEGMENT_UNITS) {
            return Err(NameError::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all spellings of the name have in common on a server with this case rule.
    pub fn canonical_key(&self, case: CaseRule) -> CanonicalKey {
        CanonicalKey::of(&self.0, case)
    }

    /// For names that this crate builds itself and that keep every rule by construction.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for EntryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EntryName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl AsRef<str> for EntryName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for EntryName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
