//! The rules that hold for every single segment of a path, whoever named it.

use crate::PathError;

/// Longest name of one item, in UTF-16 code units: MS-FSCC 2.1.5.2 bounds a component at 255 characters, and SMB counts
/// characters as UTF-16 units.
pub const MAX_SEGMENT_UNITS: usize = 255;

/// ASCII characters that no SMB name holds (MS-FSCC 2.1.5.1): `:` opens a stream, the others are wildcards or reserved.
/// A server that stores such names shows private-use stand-ins (U+F0xx) for them, which are ordinary characters here.
pub(crate) const fn is_reserved(character: char) -> bool {
    matches!(character, ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// ASCII control characters, DEL among them (MS-FSCC 2.1.5.1 refuses the first 32; DEL has no use in a name either).
pub(crate) const fn is_control(character: char) -> bool {
    character.is_ascii_control()
}

/// Whether `text` has more than `limit` UTF-16 units. A unit takes at least one and at most three bytes of UTF-8, so
/// that most texts are decided by their length alone.
pub(crate) fn exceeds_units(text: &str, limit: usize) -> bool {
    text.len() > limit && (text.len() > limit * 3 || text.encode_utf16().count() > limit)
}

/// Refuses a segment that SMB cannot carry or that means something else than an item of its directory. The segment
/// holds no `/`, no `\` and is not empty.
pub(crate) fn check(segment: &str) -> Result<(), PathError> {
    // More than the two traversal segments proper: `.. ` and `...` become `..` or nothing on a server that strips
    // trailing periods and spaces the way Win32 does.
    if segment.bytes().all(|byte| matches!(byte, b'.' | b' ')) {
        return Err(PathError::Traversal);
    }
    for character in segment.chars() {
        if is_control(character) {
            return Err(PathError::ControlCharacter);
        }
        if is_reserved(character) {
            return Err(PathError::ReservedCharacter(character));
        }
    }
    if exceeds_units(segment, MAX_SEGMENT_UNITS) {
        return Err(PathError::SegmentTooLong);
    }
    Ok(())
}
