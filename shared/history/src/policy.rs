//! [`FileSearchPolicy`]: what the history of files keeps.

use std::collections::{BTreeSet, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most files that an administrator may have kept for each user.
pub const MAX_RETENTION: u32 = 500;
/// Most files that one search may answer.
pub const MAX_RESULT_LIMIT: u32 = 50;
/// Longest excluded extension, its dot included, in characters: no name is longer.
pub const MAX_EXTENSION_CHARS: usize = 255;
/// Largest policy, in bytes of its JSON. It is read for every record and search.
pub const MAX_POLICY_BYTES: usize = 65_536;

/// Pictures, as their extensions tell.
const IMAGES: [&str; 24] = [
    ".ai", ".apng", ".avif", ".bmp", ".dds", ".dng", ".eps", ".gif", ".heic", ".heif", ".ico", ".jfif",
    ".jp2", ".jpeg", ".jpg", ".jxl", ".png", ".psb", ".psd", ".svg", ".tga", ".tif", ".tiff", ".webp",
];
/// Backups, downloads under way and what programs put beside a file while they have it open.
const TEMPORARY: [&str; 11] =
    [".bak", ".tmp", ".temp", ".swp", ".swo", ".swx", ".old", ".orig", ".rej", ".part", ".crdownload"];
/// How the names of owner files of Office and Emacs begin.
const TEMPORARY_STARTS: [&str; 2] = ["~$", ".#"];

/// Files of one kind that histories leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionCategory {
    /// Pictures: who leafs through a folder of photographs has not worked on each of them.
    Images,
    /// Temporary files and backups.
    TemporaryBackup,
}

/// What the history of files keeps, for all users. Missing members have their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileSearchPolicy {
    /// Files kept for each user, 0 to 500; 0 keeps none.
    #[schemars(range(max = 500))]
    pub retention_limit: u32,
    /// Files in one answer at most, 1 to 50.
    #[schemars(range(min = 1, max = 50))]
    pub result_limit: u32,
    /// Kinds of files that are left out.
    pub excluded_categories: BTreeSet<ExclusionCategory>,
    /// Further extensions that are left out: lower-case, with their dots.
    pub excluded_extensions: Vec<String>,
}

impl Default for FileSearchPolicy {
    fn default() -> Self {
        Self {
            retention_limit: 50,
            result_limit: 10,
            excluded_categories: [ExclusionCategory::Images, ExclusionCategory::TemporaryBackup].into(),
            excluded_extensions: Vec::new(),
        }
    }
}

/// Why a policy cannot be kept. The texts are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The number of kept files is out of bounds.
    #[error("retention_limit must be between 0 and {MAX_RETENTION}")]
    Retention,
    /// The number of answered files is out of bounds.
    #[error("result_limit must be between 1 and {MAX_RESULT_LIMIT}")]
    ResultLimit,
    /// An extension is too long.
    #[error("Excluded extensions must have at most {MAX_EXTENSION_CHARS} characters")]
    LongExtension,
    /// An extension holds what looks like a pattern, or a separator.
    #[error("Excluded extensions must be literal, without any of * ? [ ] {{ }} / \\")]
    Pattern,
    /// It is too large as a whole.
    #[error("The settings must have at most {MAX_POLICY_BYTES} bytes")]
    TooLarge,
}

impl FileSearchPolicy {
    /// Checks the bounds and brings the extensions into the form in which they are compared: trimmed, lower-case, with
    /// a dot, none blank and none twice.
    pub fn checked(self) -> Result<Self, PolicyError> {
        if self.retention_limit > MAX_RETENTION {
            return Err(PolicyError::Retention);
        }
        if !(1..=MAX_RESULT_LIMIT).contains(&self.result_limit) {
            return Err(PolicyError::ResultLimit);
        }
        let mut seen = HashSet::new();
        let mut extensions = Vec::new();
        for text in &self.excluded_extensions {
            if let Some(extension) = literal_extension(text)?
                && seen.insert(extension.clone())
            {
                extensions.push(extension);
            }
        }
        let checked = Self { excluded_extensions: extensions, ..self };
        let is_small = serde_json::to_vec(&checked).is_ok_and(|json| json.len() <= MAX_POLICY_BYTES);
        if is_small { Ok(checked) } else { Err(PolicyError::TooLarge) }
    }

    /// Whether files of that name are left out. Letter case is of no consequence.
    pub fn excludes(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        // A name that is nothing but `.old` has no extension.
        let ends = |extension: &str| name.len() > extension.len() && name.ends_with(extension);
        self.excluded_extensions.iter().any(|extension| ends(extension))
            || self.excluded_categories.iter().any(|category| match category {
                ExclusionCategory::Images => IMAGES.into_iter().any(ends),
                ExclusionCategory::TemporaryBackup => {
                    name.ends_with('~')
                        || TEMPORARY_STARTS.iter().any(|start| name.starts_with(start))
                        || TEMPORARY.into_iter().any(ends)
                }
            })
    }
}

/// An extension as it is compared; `None` for a blank one.
fn literal_extension(text: &str) -> Result<Option<String>, PolicyError> {
    let text = text.trim().to_lowercase();
    if matches!(text.as_str(), "" | ".") {
        return Ok(None);
    }
    if text.contains(['*', '?', '[', ']', '{', '}', '/', '\\']) {
        return Err(PolicyError::Pattern);
    }
    let extension = if text.starts_with('.') { text } else { format!(".{text}") };
    if extension.chars().count() > MAX_EXTENSION_CHARS {
        return Err(PolicyError::LongExtension);
    }
    Ok(Some(extension))
}
