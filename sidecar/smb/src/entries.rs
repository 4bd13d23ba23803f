//! Directory entries as they come over the wire (MS-FSCC 2.4.22, `FileIdBothDirectoryInformation`).
//!
//! Read here rather than by smb2, which maps private-use characters in names back to the characters that SMB forbids:
//! here a name is what the directory has, and what CREATE will find.

use crate::error::ShareError;
use crate::items::NAME_SURROGATE;
use crate::metadata::{Metadata, RawTimes, attributes, file_number};

/// Where things stand in an entry.
mod at {
    pub(super) const NEXT: usize = 0;
    pub(super) const CREATED: usize = 8;
    pub(super) const ACCESSED: usize = 16;
    pub(super) const MODIFIED: usize = 24;
    pub(super) const CHANGED: usize = 32;
    pub(super) const SIZE: usize = 40;
    pub(super) const ATTRIBUTES: usize = 56;
    pub(super) const NAME_LENGTH: usize = 60;
    /// The size of extended attributes, or the tag of a reparse point.
    pub(super) const EA_SIZE: usize = 64;
    pub(super) const FILE_ID: usize = 96;
    pub(super) const NAME: usize = 104;
}

/// The numbers that a directory gives for itself (`.`) and for the directory that holds it (`..`); 0 where the server
/// tells none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DotEntries {
    /// File id of `.`.
    pub own: u64,
    /// File id of `..`.
    pub parent: u64,
}

impl DotEntries {
    /// Whether the directory that was listed, found as `own` in the directory `parent`, really lives elsewhere: the
    /// server has followed a link without a word.
    ///
    /// A directory knows one parent, so the number of its `..` is that of the directory that we came from, or there was
    /// a link on the way. A server whose `.` does not bear the directory's own number says nothing by its `..` either.
    pub fn lead_elsewhere(&self, own: u64, parent: u64) -> bool {
        let meaningful = own != 0 && parent != 0 && self.own == own && self.parent != 0;
        meaningful && self.parent != parent
    }
}

/// Appends the entries of one QUERY_DIRECTORY answer to `entries`; `.` and `..` go to `dots`.
pub(crate) fn read_entries(
    mut buffer: &[u8],
    entries: &mut Vec<Metadata>,
    dots: &mut DotEntries,
) -> Result<(), ShareError> {
    // An entry with a name of some ten characters takes about 128 bytes.
    entries.reserve(buffer.len() / 128);
    while !buffer.is_empty() {
        let cut = || ShareError::malformed("a directory entry is cut off");
        let fixed = buffer.first_chunk::<{ at::NAME }>().ok_or_else(cut)?;
        let name_bytes = word(fixed, at::NAME_LENGTH) as usize;
        let name = buffer.get(at::NAME..at::NAME + name_bytes).ok_or_else(cut)?;
        match name {
            [b'.', 0] => dots.own = long(fixed, at::FILE_ID),
            [b'.', 0, b'.', 0] => dots.parent = long(fixed, at::FILE_ID),
            _ => entries.push(read_entry(fixed, decode(name))),
        }
        match word(fixed, at::NEXT) as usize {
            0 => break,
            next => buffer = buffer.get(next..).ok_or_else(cut)?,
        }
    }
    Ok(())
}

fn read_entry(fixed: &[u8; at::NAME], name: String) -> Metadata {
    let times = RawTimes {
        created: long(fixed, at::CREATED),
        accessed: long(fixed, at::ACCESSED),
        modified: long(fixed, at::MODIFIED),
        changed: long(fixed, at::CHANGED),
    };
    let flags = word(fixed, at::ATTRIBUTES);
    let is_link = flags & attributes::REPARSE_POINT != 0 && word(fixed, at::EA_SIZE) & NAME_SURROGATE != 0;
    let entry = Metadata::from_wire(name, &times, long(fixed, at::SIZE), flags);
    Metadata { is_link, file_id: file_number(long(fixed, at::FILE_ID)), ..entry }
}

/// UTF-16 to text. Half a surrogate pair, which no text can hold, becomes the replacement character: such an item is
/// seen and cannot be opened.
fn decode(name: &[u8]) -> String {
    let units = name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let mut text = String::with_capacity(name.len() / 2 + name.len() / 8);
    text.extend(char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)));
    text
}

fn word(fixed: &[u8; at::NAME], at: usize) -> u32 {
    u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
}

fn long(fixed: &[u8; at::NAME], at: usize) -> u64 {
    u64::from(word(fixed, at)) | u64::from(word(fixed, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use smb2::msg::directory_info::{DirectoryInfoEntry, pack_entries};
    use smb2::msg::query_directory::FileInformationClass;

    use super::*;

    fn wire(names: &[&str]) -> Vec<u8> {
        let entries: Vec<_> = names
            .iter()
            .zip(1_u64..)
            .map(|(name, number)| DirectoryInfoEntry {
                file_name: (*name).to_owned(),
                file_id: Some(number),
                end_of_file: number * 10,
                ..DirectoryInfoEntry::default()
            })
            .collect();
        pack_entries(FileInformationClass::FileIdBothDirectoryInformation, &entries).expect("packs")
    }

    #[test]
    fn names_come_back_as_the_directory_has_them() {
        let names = ["a", "trailing dot.", "\u{f022}private\u{f029}", "e\u{301}", "😀", "ends\u{f028}"];
        let mut entries = Vec::new();
        read_entries(
            &wire(&[&[".", ".."][..], &names[..]].concat()),
            &mut entries,
            &mut DotEntries::default(),
        )
        .expect("reads");
        assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(entries[0].file_id, 3);
        assert_eq!(entries[0].size, 30);
    }

    #[test]
    fn a_number_that_is_no_files_own_is_none() {
        let entry = |number| DirectoryInfoEntry {
            file_name: "a".to_owned(),
            file_id: Some(number),
            ..DirectoryInfoEntry::default()
        };
        for (told, number) in [(u64::MAX, 0), (0, 0), (u64::MAX - 1, u64::MAX - 1)] {
            let packed = pack_entries(FileInformationClass::FileIdBothDirectoryInformation, &[entry(told)]);
            let mut entries = Vec::new();
            read_entries(&packed.expect("packs"), &mut entries, &mut DotEntries::default()).expect("reads");
            assert_eq!(entries[0].file_id, number);
        }
    }

    #[test]
    fn a_cut_buffer_is_an_error_and_never_a_panic() {
        let whole = wire(&["first", "second"]);
        for length in 1..whole.len() {
            let _ = read_entries(&whole[..length], &mut Vec::new(), &mut DotEntries::default());
        }
        assert!(
            read_entries(&whole[..whole.len() - 1], &mut Vec::new(), &mut DotEntries::default()).is_err()
        );
    }
}
