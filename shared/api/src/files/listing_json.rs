//! A listing as JSON text, written by hand.
//!
//! A directory of 10,000 entries is two to three megabytes of JSON that a function has to write inside WASM while the
//! browser waits. Here an entry costs no allocation: what repeats (the directory's path, the names of the fields) is
//! prepared once, and names are copied as they are unless they hold a character that JSON escapes.

use causeway_filetypes::mime_type;
use causeway_internal::files::ItemKind;
use causeway_internal::listing::ListedItem;
use causeway_paths::SharePath;
use causeway_versions::FileTime;

use super::info::{is_hidden, shown_path};

/// Writes one listing: [`open`](Self::open), any number of [`items`](Self::item), then [`close`](Self::close).
///
/// The text goes to the end of the caller's buffer, which he may empty (send on) between any two calls.
#[derive(Debug)]
pub struct ListingWriter {
    /// What follows a name up to the name's second appearance: `","path":"` and the directory with its slash, escaped.
    between_names: Vec<u8>,
    written: u64,
    times: TimeText,
}

impl ListingWriter {
    /// Begins the listing of `directory`.
    pub fn open(directory: &SharePath, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(br#"{"path":""#);
        push_escaped(shown_path(directory), out);
        out.extend_from_slice(br#"","items":["#);

        let mut between_names = br#"","path":""#.to_vec();
        if !directory.is_root() {
            push_escaped(directory.as_str(), &mut between_names);
            between_names.push(b'/');
        }
        Self { between_names, written: 0, times: TimeText::default() }
    }

    /// Appends an entry.
    pub fn item(&mut self, item: &ListedItem<'_>, out: &mut Vec<u8>) {
        if self.written > 0 {
            out.push(b',');
        }
        self.written += 1;

        out.extend_from_slice(br#"{"name":""#);
        let name_start = out.len();
        push_escaped(item.name, out);
        let name_end = out.len();
        out.extend_from_slice(&self.between_names);
        out.extend_from_within(name_start..name_end);
        match item.kind {
            ItemKind::Directory => {
                out.extend_from_slice(br#"","type":"directory","size":null,"mime_type":null,"created_at":"#);
            }
            ItemKind::File => {
                out.extend_from_slice(br#"","type":"file","size":"#);
                push_number(item.size, out);
                out.extend_from_slice(br#","mime_type":""#);
                // Media types of the registry are tokens and a slash: nothing to escape.
                out.extend_from_slice(mime_type(item.name).as_bytes());
                out.extend_from_slice(br#"","created_at":"#);
            }
        }
        self.times.push(item.created, out);
        out.extend_from_slice(br#","modified_at":"#);
        self.times.push(item.modified, out);
        out.extend_from_slice(br#","stable_id":null,"is_readable":true,"is_hidden":"#);
        out.extend_from_slice(if is_hidden(item.name) { b"true}" } else { b"false}" });
    }

    /// Ends a whole listing; `total` becomes the number of entries written.
    pub fn close(self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"],"total":"#);
        push_number(self.written, out);
        out.push(b'}');
    }

    /// Ends a page of a directory of `total` entries. Where the next page begins is `null` on the last one.
    pub fn close_page(self, total: u64, next_cursor: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"],"total":"#);
        push_number(total, out);
        out.extend_from_slice(br#","next_cursor":"#);
        match next_cursor {
            Some(cursor) => {
                out.push(b'"');
                push_escaped(cursor, out);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
    }
}

/// 100 ns steps in a day.
const STEPS_PER_DAY: u64 = 864_000_000_000;
/// 100 ns steps in a second.
const STEPS_PER_SECOND: u64 = 10_000_000;

/// Writes times in the form of [`FileTime::to_rfc3339_z`], and remembers the last date: neighbours in a directory were
/// often made on the same day, and the calendar is what costs.
#[derive(Debug, Default)]
struct TimeText {
    day: Option<u64>,
    /// `2026-01-02T`; `None` for days that RFC 3339 cannot write.
    date: Option<[u8; 11]>,
}

impl TimeText {
    fn push(&mut self, time: FileTime, out: &mut Vec<u8>) {
        if !time.is_known() {
            return out.extend_from_slice(b"null");
        }
        let day = time.to_raw() / STEPS_PER_DAY;
        if self.day != Some(day) {
            self.day = Some(day);
            // One step past midnight, because the first midnight of all stands for "unknown".
            let early = FileTime::from_raw((day * STEPS_PER_DAY).saturating_add(1)).to_rfc3339_z();
            self.date = early.and_then(|text| text.as_bytes().first_chunk().copied());
        }
        let Some(date) = &self.date else { return out.extend_from_slice(b"null") };
        let steps = time.to_raw() % STEPS_PER_DAY;
        let seconds = steps / STEPS_PER_SECOND;
        let micros = steps % STEPS_PER_SECOND / 10;
        out.push(b'"');
        out.extend_from_slice(date);
        push_two_digits(seconds / 3_600, out);
        out.push(b':');
        push_two_digits(seconds / 60 % 60, out);
        out.push(b':');
        push_two_digits(seconds % 60, out);
        if micros != 0 {
            out.push(b'.');
            push_two_digits(micros / 10_000, out);
            push_two_digits(micros / 100 % 100, out);
            push_two_digits(micros % 100, out);
        }
        out.extend_from_slice(b"Z\"");
    }
}

/// Appends a number below 100.
fn push_two_digits(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[digit(number / 10), digit(number % 10)]);
}

fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// Appends text as it stands inside a JSON string (RFC 8259 7): quote, backslash and control characters escaped.
fn push_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(br"\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 15)]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn push_number(number: u64, out: &mut Vec<u8>) {
    // The longest u64 has 20 digits.
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = digit(rest);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests;
