//! What is asked of histories.

use causeway_history::{HistoryPlace, PlaceError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::FieldError;
use crate::files::integer_within;

/// Longest id of a connection or drive, in characters.
const MAX_ID_CHARS: usize = 256;
/// Longest path, in characters.
const MAX_PATH_CHARS: usize = 4096;
/// Longest query, in characters.
const MAX_QUERY_CHARS: usize = 1024;
/// Most records in one answer.
const MAX_LIMIT: i64 = 50;
/// Records in an answer when none are asked for.
const DEFAULT_LIMIT: u32 = 10;
/// How much of a text that is too long is sent back, in characters.
const SHOWN_CHARS: usize = 64;

/// Records a visit to a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RecordedDirectory {
    /// Connection, or `local-drive:` and the id of a drive.
    #[schemars(length(min = 1, max = 256))]
    pub connection_id: String,
    /// Path on the connection or drive, not its root.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Always `true`.
    #[schemars(extend("const" = true))]
    pub is_directory: bool,
}

/// Records that a file was opened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RecordedFile {
    /// Connection, or `local-drive:` and the id of a drive.
    #[schemars(length(min = 1, max = 256))]
    pub connection_id: String,
    /// Path on the connection or drive.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Always `true`.
    #[schemars(extend("const" = true))]
    pub is_regular_file: bool,
}

/// A visit, its fields checked one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    connection_id: String,
    path: String,
}

impl RecordedDirectory {
    /// Checks the fields; all mistakes are reported.
    pub fn checked(self) -> Result<Recorded, Vec<FieldError>> {
        Recorded::checked(self.connection_id, self.path, "is_directory", self.is_directory)
    }
}

impl RecordedFile {
    /// Checks the fields; all mistakes are reported.
    pub fn checked(self) -> Result<Recorded, Vec<FieldError>> {
        Recorded::checked(self.connection_id, self.path, "is_regular_file", self.is_regular_file)
    }
}

impl Recorded {
    fn checked(
        connection_id: String,
        path: String,
        literal: &str,
        is_true: bool,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        errors.extend(length(&["body", "connection_id"], &connection_id, 1, MAX_ID_CHARS));
        errors.extend(length(&["body", "path"], &path, 1, MAX_PATH_CHARS));
        if !is_true {
            let loc = ["body", literal];
            let mut error = FieldError::new("literal_error", &loc, "Input should be True", false.into());
            error.ctx = Some(json!({ "expected": "True" }));
            errors.push(error);
        }
        if errors.is_empty() { Ok(Self { connection_id, path }) } else { Err(errors) }
    }

    /// What was visited.
    pub fn place(&self) -> Result<HistoryPlace, PlaceError> {
        HistoryPlace::parse(&self.connection_id, &self.path)
    }
}

/// What is looked for in a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistorySearch {
    /// As typed; empty for everything.
    pub query: String,
    /// Most records wanted, 1 to 50.
    pub limit: u32,
}

impl HistorySearch {
    /// Reads the parameters `q` and `limit`; all mistakes are reported.
    pub fn parse(q: Option<&str>, limit: Option<&str>) -> Result<Self, Vec<FieldError>> {
        let query = q.unwrap_or_default();
        let mut errors = Vec::new();
        errors.extend(length(&["query", "q"], query, 0, MAX_QUERY_CHARS));
        let limit = integer_within("limit", limit, 1, MAX_LIMIT, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Ok(Self { query: query.to_owned(), limit })
    }
}

/// The mistake in the length of a text, if there is one.
fn length(loc: &[&str], text: &str, least: usize, most: usize) -> Option<FieldError> {
    let chars = text.chars().count();
    let (kind, message, ctx) = if chars < least {
        let message = format!("String should have at least {least} character{}", plural(least));
        ("string_too_short", message, json!({ "min_length": least }))
    } else if chars > most {
        let message = format!("String should have at most {most} character{}", plural(most));
        ("string_too_long", message, json!({ "max_length": most }))
    } else {
        return None;
    };
    // The whole of it is not sent back when it is too long already.
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let mut error = FieldError::new(kind, loc, message, Value::from(shown));
    error.ctx = Some(ctx);
    Some(error)
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests;
