//! [`CanonicalKey`]: what all spellings of one item have in common.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::share_path::is_within;

/// How a server compares names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseRule {
    /// `Report.TXT` and `report.txt` are one item: what SMB servers do unless told otherwise.
    #[default]
    Insensitive,
    /// They are two.
    Sensitive,
}

/// One key for all spellings of an item: equal keys mean "treat as the same item".
///
/// The path in Unicode normalisation form C, and for [`CaseRule::Insensitive`] with each character folded by its simple
/// (one to one) upper-case and lower-case mapping, as SMB servers compare character by character through an upper-case
/// table. The key errs towards "the same": some servers keep `é` composed and decomposed, or `ſ` and `s`, apart. To
/// take two items for one costs a refusal; to take one for two could destroy a file or give out a lock twice. Where the
/// difference matters, compare file ids.
///
/// Not a path: never send it to a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CanonicalKey(String);

impl CanonicalKey {
    /// `text` is a normalised path or a name.
    pub(crate) fn of(text: &str, case: CaseRule) -> Self {
        if text.is_ascii() {
            return Self(match case {
                CaseRule::Insensitive => text.to_ascii_lowercase(),
                CaseRule::Sensitive => text.to_owned(),
            });
        }
        Self(match case {
            CaseRule::Sensitive => nfc(text),
            // Folding can leave form C, hence the second pass.
            CaseRule::Insensitive => nfc(&nfc(text).chars().map(fold).collect::<String>()),
        })
    }

    /// The key as text, for a database column.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this item is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        is_within(&self.0, &ancestor.0)
    }

    /// What lies above this item, the nearest first and the root last; nothing for the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(above(&self.0), |path| above(path)).map(|path| Self(path.to_owned()))
    }
}

impl fmt::Display for CanonicalKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn above(path: &str) -> Option<&str> {
    match path.rsplit_once('/') {
        Some((parent, _)) => Some(parent),
        None => (!path.is_empty()).then_some(""),
    }
}

fn nfc(text: &str) -> String {
    if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// Up, then down: the way up unites characters that share a capital (`σ` and `ς`), the way down those that only have a
/// small letter in common (`K` and the Kelvin sign).
fn fold(character: char) -> char {
    let upper = only(character.to_uppercase()).unwrap_or(character);
    only(upper.to_lowercase()).unwrap_or(upper)
}

/// The single character of a mapping; mappings to several (`ß` to `SS`) do not take part in SMB's comparison.
fn only(mut mapping: impl Iterator<Item = char>) -> Option<char> {
    let first = mapping.next()?;
    mapping.next().is_none().then_some(first)
}
