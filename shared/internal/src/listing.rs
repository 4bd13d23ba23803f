//! The binary form of a listing.
//!
//! A body is a row of frames: four bytes of length (little-endian), then that many bytes of postcard. The first frame
//! is a [`ListingHead`], each one after it a batch of [`ItemInfo`]s. Binary because a function would otherwise spend
//! most of a 10,000-entry listing on parsing JSON in order to write JSON.

use causeway_versions::FileTime;
use serde::{Deserialize, Serialize};

use crate::files::{ItemInfo, ItemKind};

/// Entries in a frame: large enough that frames cost nothing, small enough to pass on while the next is made.
pub const ENTRIES_PER_FRAME: usize = 512;

/// No frame is larger, in bytes: 512 entries of the longest names stay well below it.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;

/// What a listing begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingHead {
    /// Entries in the whole directory, whatever the page.
    pub total: u64,
    /// Where the next page begins, when there is one.
    pub next_cursor: Option<String>,
}

/// An entry as [`FrameReader::items`] reads it: an [`ItemInfo`] whose name still lies in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ListedItem<'frame> {
    /// Name as the server spells it.
    pub name: &'frame str,
    /// File or directory.
    pub kind: ItemKind,
    /// Bytes; 0 for directories.
    pub size: u64,
    /// When it was made.
    pub created: FileTime,
    /// When its content last changed.
    pub modified: FileTime,
    /// When anything of it last changed.
    pub changed: FileTime,
    /// SMB file attributes (MS-FSCC 2.6).
    pub attributes: u32,
    /// The server's number for the file; 0 when it has none.
    pub file_id: u64,
}

impl<'frame> From<&'frame ItemInfo> for ListedItem<'frame> {
    fn from(item: &'frame ItemInfo) -> Self {
        let ItemInfo { name, kind, size, created, modified, changed, attributes, file_id } = item;
        Self {
            name,
            kind: *kind,
            size: *size,
            created: *created,
            modified: *modified,
            changed: *changed,
            attributes: *attributes,
            file_id: *file_id,
        }
    }
}

/// A frame that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The content does not encode or decode.
    #[error("a frame of a listing cannot be read: {0}")]
    Content(#[from] postcard::Error),
    /// A frame claims more than [`MAX_FRAME_BYTES`].
    #[error("a frame of a listing claims {0} bytes")]
    TooLarge(usize),
    /// The body ended within a frame.
    #[error("a listing ended within a frame")]
    Truncated,
}

/// Appends the head's frame to `out`.
pub fn write_head(head: &ListingHead, out: &mut Vec<u8>) -> Result<(), FrameError> {
    write_frame(head, out)
}

/// Appends a batch's frame to `out`.
pub fn write_batch(entries: &[ItemInfo], out: &mut Vec<u8>) -> Result<(), FrameError> {
    write_frame(entries, out)
}

fn write_frame<T: Serialize + ?Sized>(content: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let bytes = postcard::to_stdvec(content)?;
    let length = u32::try_from(bytes.len()).map_err(|_| FrameError::TooLarge(bytes.len()))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&bytes);
    Ok(())
}

/// Reads frames out of a body that arrives in pieces of any size.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
}

impl FrameReader {
    /// Takes the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole frame as a head, or `None` until more has arrived.
    pub fn head(&mut self) -> Result<Option<ListingHead>, FrameError> {
        self.frame()
    }

    /// The next whole frame as a batch, or `None` until more has arrived.
    pub fn batch(&mut self) -> Result<Option<Vec<ItemInfo>>, FrameError> {
        self.frame()
    }

    /// The same batch without a copy of each name: what a function that only passes entries on should use.
    pub fn items(&mut self) -> Result<Option<Vec<ListedItem<'_>>>, FrameError> {
        self.frame()
    }

    /// Whether a whole frame has arrived: [`items`](Self::items) and its like will not ask for more.
    pub fn is_ready(&self) -> bool {
        let rest = &self.buffer[self.start..];
        let length = rest.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
        // A frame that is too large is ready, too: to be refused.
        length.is_some_and(|length| length > MAX_FRAME_BYTES || rest.len() >= 4 + length)
    }

    /// Says whether the body ended where a frame did.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.start == self.buffer.len() { Ok(()) } else { Err(FrameError::Truncated) }
    }

    fn frame<'frame, T: Deserialize<'frame>>(&'frame mut self) -> Result<Option<T>, FrameError> {
        let rest = &self.buffer[self.start..];
        let Some((length, content)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(FrameError::TooLarge(length));
        }
        let Some(content) = content.get(..length) else { return Ok(None) };
        let frame = postcard::from_bytes(content)?;
        self.start += 4 + length;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests;
