//! [`Edition`]: a content that says which it is, and shows it when it is not whole.

use std::hash::{DefaultHasher, Hasher as _};

/// Begins every content.
const MARK: &str = "causeway-edition";

/// Between the fields of the first line.
const SPACE: char = ' ';

/// A content: one line that says what it is and what the rest must be, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// Its number; no two contents of a history have the same.
    pub id: u64,
    /// The file that it is meant for.
    pub file: usize,
    /// Bytes after the first line.
    pub length: usize,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A whole content.
    Whole(Edition),
    /// No file.
    Nothing,
    /// Something that nobody has written in one piece.
    Torn(String),
}

impl Edition {
    /// The bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        let body = self.body();
        let mut bytes = format!(
            "{MARK}{SPACE}{}{SPACE}{}{SPACE}{}{SPACE}{:016x}\n",
            self.id,
            self.file,
            self.length,
            self.sum(&body)
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads bytes, and says what is wrong with them if they are not one whole content.
    pub fn read(bytes: &[u8]) -> Found {
        match Self::parse(bytes) {
            Ok(edition) => Found::Whole(edition),
            Err(fault) => Found::Torn(format!("{fault}, in {} bytes", bytes.len())),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|&byte| byte == b'\n').ok_or("there is no first line")?;
        let line = std::str::from_utf8(&bytes[..end]).map_err(|_| "the first line is no text")?;
        let fields: Vec<_> = line.split(SPACE).collect();
        let [MARK, id, file, length, sum] = fields[..] else {
            return Err(format!("the first line is {line:?}"));
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("the first line is {line:?}"));
        let short = |text| number(text).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let edition = Self { id: number(id)?, file: short(file)?, length: short(length)? };
        let body = &bytes[end + 1..];
        if body.len() != edition.length {
            return Err(format!("{edition:?} has {} bytes", body.len()));
        }
        // The sum finds a piece of another content; comparing with what it should be finds where.
        if format!("{:016x}", edition.sum(body)) != sum {
            let whole = edition.body();
            let at = whole.iter().zip(body).position(|(wanted, found)| wanted != found);
            return Err(format!("{edition:?} is another from {at:?} on"));
        }
        Ok(edition)
    }

    /// Bytes that are another's from the first on.
    fn body(&self) -> Vec<u8> {
        let mut state = self.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut body = vec![0_u8; self.length];
        for chunk in body.chunks_mut(8) {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
        }
        body
    }

    fn sum(&self, body: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.id);
        hasher.write_usize(self.file);
        hasher.write(body);
        hasher.finish()
    }
}
