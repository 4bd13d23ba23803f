//! Snapshots: an index as bytes to be kept, and back.
//!
//! A file that was cut off, turned round or made up is an error, never a panic and never more memory than an index may
//! take.

use causeway_paths::CaseRule;

use crate::DirectoryIndex;
use crate::arena::ROOT;

/// What a snapshot begins with; the digit is the version of the format.
const MAGIC: &[u8; 8] = b"CWDIRS1\n";

/// Bytes of the header: magic, connection, revision, time, count.
pub const HEADER_BYTES: usize = 8 + 16 + 8 + 8 + 4;

/// Bytes of the checksum at the end.
const SUM_BYTES: usize = 4;

/// Whose index it is, and of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Id of the connection.
    pub connection: [u8; 16],
    /// Revision of the connection: another one may be another share.
    pub revision: u64,
    /// When the snapshot was taken, in seconds since 1970.
    pub taken_at: i64,
}

/// Why bytes are not a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Something else, or of another version.
    #[error("not a snapshot of this version")]
    Foreign,
    /// The checksum does not hold, or something follows where nothing should.
    #[error("the snapshot is damaged")]
    Damaged,
    /// The checksum holds, but what is written is no index.
    #[error("the snapshot makes no sense")]
    Senseless,
}

/// Writes an index down.
///
/// After the header: for each directory, those above before those below, how many directories earlier its parent stands
/// (its own position for the root's children), the length of the name, the name; numbers seven bits a byte, low bits
/// first. All other numbers are big-endian, a CRC-32 of everything is at the end.
pub fn encode(index: &DirectoryIndex, header: &Header) -> Vec<u8> {
    /// Bytes of a name and what belongs to it, usually.
    const USUAL: usize = 24;
    let count = u32::try_from(index.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + index.len() * USUAL + SUM_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&header.connection);
    bytes.extend_from_slice(&header.revision.to_be_bytes());
    bytes.extend_from_slice(&header.taken_at.to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    let mut positions = vec![0_u32; index.arena.span()];
    for (node, position) in index.nodes().zip(1_u32..) {
        positions[node as usize] = position;
        let above = positions[index.arena.parent(node) as usize];
        let name = index.arena.name(node);
        put_number(position - above, &mut bytes);
        put_number(u32::try_from(name.len()).unwrap_or(u32::MAX), &mut bytes);
        bytes.extend_from_slice(name.as_bytes());
    }
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_be_bytes());
    bytes
}

/// Reads the header alone, without a look at what follows.
pub fn header(bytes: &[u8]) -> Result<Header, SnapshotError> {
    let mut reader = Reader(bytes.strip_prefix(MAGIC).ok_or(SnapshotError::Foreign)?);
    reader.header().map(|(header, _)| header).ok_or(SnapshotError::Damaged)
}

/// Reads what [`encode`] wrote.
pub fn decode(bytes: &[u8], case: CaseRule) -> Result<(Header, DirectoryIndex), SnapshotError> {
    if !bytes.starts_with(MAGIC) {
        return Err(SnapshotError::Foreign);
    }
    let (content, sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or(SnapshotError::Damaged)?;
    if crc32fast::hash(content) != u32::from_be_bytes(*sum) {
        return Err(SnapshotError::Damaged);
    }
    let mut reader = Reader(&content[MAGIC.len()..]);
    let (header, count) = reader.header().ok_or(SnapshotError::Damaged)?;
    let mut index = DirectoryIndex::new(case);
    // By position. The count is not to be trusted: memory is taken as directories come.
    let mut nodes = vec![ROOT];
    for position in 1..=count {
        let (back, name) = reader.directory().ok_or(SnapshotError::Senseless)?;
        let above = position.checked_sub(back).filter(|above| *above < position);
        let above = above.and_then(|above| nodes.get(above as usize)).ok_or(SnapshotError::Senseless)?;
        match index.insert_named(*above, name) {
            Ok(Some(node)) => nodes.push(node),
            // A name that no path can hold, a path too deep, or too many of them.
            Ok(None) | Err(_) => return Err(SnapshotError::Senseless),
        }
    }
    if reader.0.is_empty() { Ok((header, index)) } else { Err(SnapshotError::Damaged) }
}

fn put_number(mut number: u32, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn header(&mut self) -> Option<(Header, u32)> {
        let connection = *self.array()?;
        let revision = u64::from_be_bytes(*self.array()?);
        let taken_at = i64::from_be_bytes(*self.array()?);
        let count = u32::from_be_bytes(*self.array()?);
        Some((Header { connection, revision, taken_at }, count))
    }

    fn directory(&mut self) -> Option<(u32, &'a str)> {
        let back = self.number()?;
        let length = self.number()? as usize;
        let (name, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((back, std::str::from_utf8(name).ok()?))
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0_u32;
        for shift in (0..u32::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u32::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}
