//! The query parameters of listings and of the viewer.

use causeway_internal::files::{PageRequest, SortKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::FieldError;

/// Entries on one page at most: more than a person scrolls through, and what a whole directory may well hold.
pub const MAX_PAGE_ENTRIES: i64 = 10_000;
/// Bytes of a cursor at most. One holds the key of an entry, which is its name with a little around it.
pub const MAX_CURSOR_BYTES: usize = 4096;

/// The parameters of a listing besides its path, as sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageQuery<'a> {
    /// `limit`.
    pub limit: Option<&'a str>,
    /// `cursor`.
    pub cursor: Option<&'a str>,
    /// `sort`.
    pub sort: Option<&'a str>,
}

impl PageQuery<'_> {
    /// The page that is asked for; `None` when none of the parameters is there: then all entries in the server's order.
    pub fn parse(self) -> Result<Option<PageRequest>, Vec<FieldError>> {
        if self.limit.is_none() && self.cursor.is_none() && self.sort.is_none() {
            return Ok(None);
        }
        let mut errors = Vec::new();
        let limit = integer_within("limit", self.limit, 1, MAX_PAGE_ENTRIES, &mut errors);
        let (sort, descending) = match self.sort {
            None => (SortKey::Name, false),
            Some(text) => sort_order(text).unwrap_or_else(|error| {
                errors.push(error);
                (SortKey::Name, false)
            }),
        };
        if let Some(cursor) = self.cursor.filter(|cursor| cursor.len() > MAX_CURSOR_BYTES) {
            let text = format!("String should have at most {MAX_CURSOR_BYTES} characters");
            // The whole of it is not sent back: it is too long already.
            let input = Value::from(cursor.chars().take(64).collect::<String>());
            errors.push(FieldError::new("string_too_long", &["query", "cursor"], text, input));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        Ok(Some(PageRequest { sort, descending, limit, cursor: self.cursor.map(str::to_owned) }))
    }
}

#[cfg_attr(
    not(target_family = "wasm"),
    expect(clippy::result_large_err, reason = "a mistake is made once in a request, and shown")
)]
fn sort_order(text: &str) -> Result<(SortKey, bool), FieldError> {
    let (key, descending) = text.strip_prefix('-').map_or((text, false), |key| (key, true));
    let key = match key {
        "name" => SortKey::Name,
        "size" => SortKey::Size,
        "modified" => SortKey::Modified,
        _ => {
            return Err(not_among(
                &["query", "sort"],
                "'name', 'size' or 'modified', with '-' for the reverse",
                text,
            ));
        }
    };
    Ok((key, descending))
}

/// Which form of a PDF is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PdfVariant {
    /// As it is stored.
    #[default]
    Original,
    /// Made fit for the browser's viewer.
    Normalized,
}

/// The parameters of the viewer besides the path, as sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewQuery<'a> {
    /// `pdf_variant`.
    pub pdf_variant: Option<&'a str>,
    /// `screen_width`.
    pub screen_width: Option<&'a str>,
    /// `screen_height`.
    pub screen_height: Option<&'a str>,
    /// `screen_zoom_percent`.
    pub screen_zoom_percent: Option<&'a str>,
    /// `viewport_width`.
    pub viewport_width: Option<&'a str>,
    /// `viewport_height`.
    pub viewport_height: Option<&'a str>,
    /// `no_resizing`.
    pub no_resizing: Option<&'a str>,
}

impl ViewQuery<'_> {
    /// Checks all of them, the measures for pictures included, and tells which form of a PDF is wanted.
    pub fn parse(self) -> Result<PdfVariant, Vec<FieldError>> {
        let mut errors = Vec::new();
        let variant = match self.pdf_variant {
            None | Some("original") => PdfVariant::Original,
            Some("normalized") => PdfVariant::Normalized,
            Some(other) => {
                errors.push(not_among(&["query", "pdf_variant"], "'original' or 'normalized'", other));
                PdfVariant::Original
            }
        };
        integer_within("screen_width", self.screen_width, 320, 16_384, &mut errors);
        integer_within("screen_height", self.screen_height, 320, 16_384, &mut errors);
        integer_within("screen_zoom_percent", self.screen_zoom_percent, 100, 400, &mut errors);
        integer_within("viewport_width", self.viewport_width, i64::MIN, i64::MAX, &mut errors);
        integer_within("viewport_height", self.viewport_height, i64::MIN, i64::MAX, &mut errors);
        boolean("no_resizing", self.no_resizing, &mut errors);
        if errors.is_empty() { Ok(variant) } else { Err(errors) }
    }
}

/// A whole number between two bounds, both included; what is wrong goes to `errors`.
pub(crate) fn integer_within(
    name: &str,
    text: Option<&str>,
    least: i64,
    most: i64,
    errors: &mut Vec<FieldError>,
) -> Option<i64> {
    let text = text?;
    let loc = ["query", name];
    let Ok(number) = text.trim().parse::<i64>() else {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        errors.push(FieldError::new("int_parsing", &loc, message, text.into()));
        return None;
    };
    let (kind, message, ctx) = if number < least {
        (
            "greater_than_equal",
            format!("Input should be greater than or equal to {least}"),
            json!({ "ge": least }),
        )
    } else if number > most {
        ("less_than_equal", format!("Input should be less than or equal to {most}"), json!({ "le": most }))
    } else {
        return Some(number);
    };
    let mut error = FieldError::new(kind, &loc, message, text.into());
    error.ctx = Some(ctx);
    errors.push(error);
    None
}

/// The spellings of yes and no that clients of the contract may use, in any case.
fn boolean(name: &str, text: Option<&str>, errors: &mut Vec<FieldError>) -> Option<bool> {
    let text = text?;
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => {
            let message = "Input should be a valid boolean, unable to interpret input";
            errors.push(FieldError::new("bool_parsing", &["query", name], message, text.into()));
            None
        }
    }
}

fn not_among(loc: &[&str], expected: &str, text: &str) -> FieldError {
    let mut error = FieldError::new("enum", loc, format!("Input should be {expected}"), text.into());
    error.ctx = Some(json!({ "expected": expected }));
    error
}

#[cfg(test)]
mod tests;
