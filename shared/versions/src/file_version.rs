//! [`FileVersion`]: tells one content of a file from the next.

use crate::FileTime;

/// What a server says about a file that changes whenever its content does.
///
/// The change time moves with every write and cannot be set back by an ordinary client, unlike the modification time;
/// size and file id (the file's number on its volume) catch a replacement within the clock's resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct FileVersion {
    /// Last change of content or metadata (MS-FSCC 2.4.7 `ChangeTime`).
    pub change_time: FileTime,
    /// Bytes of content.
    pub size: u64,
    /// The file's number on its volume; 0 where the server has none.
    pub file_id: u64,
}

impl FileVersion {
    /// The strong entity tag of this version, quotes included (RFC 9110 8.8.3): the three numbers in hexadecimal.
    pub fn etag(&self) -> String {
        format!("\"{:x}-{:x}-{:x}\"", self.change_time.to_raw(), self.size, self.file_id)
    }

    /// Reads back what [`etag`](Self::etag) wrote. `None` for weak tags, for tags of other origin, and for any other
    /// spelling of the numbers, so that equal versions have equal tags and the other way round.
    pub fn from_etag(etag: &str) -> Option<Self> {
        let mut numbers = etag.strip_prefix('"')?.strip_suffix('"')?.split('-').map(number);
        let version = Self {
            change_time: FileTime::from_raw(numbers.next()??),
            size: numbers.next()??,
            file_id: numbers.next()??,
        };
        numbers.next().is_none().then_some(version)
    }
}

/// Lower-case hexadecimal without leading zeros.
fn number(digits: &str) -> Option<u64> {
    let canonical = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        && (digits == "0" || !digits.starts_with('0'));
    if canonical { u64::from_str_radix(digits, 16).ok() } else { None }
}
