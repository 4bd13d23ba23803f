//! [`TempName`]: the temporary sibling into which content is written before it replaces a file.

use std::fmt;

use crate::EntryName;

const PREFIX: &str = "~causeway-";
const SUFFIX: &str = ".tmp";

/// The name of one of our temporary files: `~causeway-<32 lower-case hexadecimal digits>.tmp`. Listings leave such
/// names out, and the janitor finds what a crash left behind by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TempName([u8; 16]);

impl TempName {
    /// From the 16 bytes of a fresh UUID.
    pub const fn from_uuid_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Recognises a name of ours in the exact spelling in which we make it; `None` for anything else.
    pub fn parse(name: &str) -> Option<Self> {
        let digits: &[u8; 32] =
            name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Self(bytes))
    }

    /// The name, for [`SharePath::join`](crate::SharePath::join).
    pub fn to_entry_name(self) -> EntryName {
        EntryName::trusted(self.to_string())
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for TempName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        for byte in self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        formatter.write_str(SUFFIX)
    }
}
