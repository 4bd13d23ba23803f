//! `Content-Disposition` (RFC 6266) with the file's name as an extended parameter (RFC 8187).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but `attr-char` of RFC 8187 3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What a browser is to do with the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Show it, if it can.
    Inline,
    /// Save it.
    Attachment,
}

/// The header's value, ASCII whatever the name: `attachment; filename*=UTF-8''%C3%BC%20b.png`. There is no plain
/// `filename` beside it: every client of today reads the extended form.
pub fn content_disposition(disposition: Disposition, file_name: &str) -> String {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    format!("{kind}; filename*=UTF-8''{}", utf8_percent_encode(file_name, NOT_ATTR_CHAR))
}
