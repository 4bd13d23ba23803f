//! What a file has beside its content, and who takes it over.
//!
//! A file that is replaced by a rename is a new file to the server. So that it stays the same to people, the successor
//! takes over what belongs to the place (owner, permissions) and what belongs to the content (named streams).
//! Servers differ in what they allow; whatever one refuses is left out.

use std::sync::Arc;
use std::time::Instant;

use causeway_paths::SharePath;
use smb2::client::connection::Frame;
use smb2::msg::close::CloseRequest;
use smb2::msg::create::CreateDisposition;
use smb2::msg::query_info::{InfoType, QueryInfoRequest};
use smb2::msg::set_info::SetInfoRequest;
use smb2::pack::Pack;
use smb2::types::{Command, FileId};

use crate::create::{Open, Opened, SHARE_ALL, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::{OpenHandle, class, info_buffer, query};
use crate::lane::Lease;
use crate::limits::deadline;
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work, detached};
use crate::read::read;
use crate::session::succeeded;
use crate::write::write;

/// The most that is read of a security descriptor or of a list of streams: what one credit pays for (MS-SMB2 3.1.5.2).
const INFO_BUFFER: u32 = 64 * 1024;

/// Named streams of one file that are carried over, and their bytes together. What programs keep there is small (a
/// download's origin, a Mac's finder data and resource fork); more would let one file hold up its own replacement.
const MAX_STREAMS: usize = 64;
const MAX_STREAM_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of one READ and one WRITE of a stream.
const PIECE: u32 = 256 * 1024;

/// `OWNER`, `GROUP` and `DACL` of `SECURITY_INFORMATION` (MS-DTYP 2.4.7).
const OWNER_GROUP_DACL: u32 = 0x7;
const DACL: u32 = 0x4;

impl SharePool {
    /// Gives the item at `successor` owner and permissions of the one at `old`, as far as the server allows.
    pub async fn inherit_permissions(
        &self,
        old: &SharePath,
        successor: &SharePath,
    ) -> Result<(), ShareError> {
        let (old, successor) = (old.clone(), successor.clone());
        self.change(Work::Write, deadline::INHERIT, |lease| async move {
            let found = Found::look(&lease, &old).await?;
            set_permissions(&lease, &successor, found.security).await
        })
        .await
    }

    /// Gives all rights to an item to its owner, and nobody else any: its owner may do that whatever he may do otherwise
    /// (MS-DTYP 2.5.3.2, implicit `WRITE_DAC`).
    pub async fn give_to_owner(&self, path: &SharePath) -> Result<(), ShareError> {
        let path = path.clone();
        self.change(Work::Write, deadline::INHERIT, |lease| async move {
            let descriptor = Found::look(&lease, &path).await?.security?;
            let descriptor = all_to_owner(&descriptor).ok_or_else(|| {
                ShareError::caused_by(ShareErrorKind::Protocol, "a descriptor without an owner")
            })?;
            set_security(&lease, &path, access::SET_PERMISSIONS, DACL, &descriptor).await
        })
        .await
    }

    /// Copies the named streams of an item to one of another pool, or of this one.
    ///
    /// `TooManyEntries` when it has more, or more in them, than is carried over; what fits has been copied.
    pub async fn copy_streams(
        &self,
        from: &SharePath,
        dest: &Self,
        to: &SharePath,
    ) -> Result<(), ShareError> {
        let (source, dest) = (self.lease(Work::Read).await?, dest.lease(Work::Write).await?);
        let (from, to) = (from.clone(), to.clone());
        detached(deadline::INHERIT, dest.clone(), async move {
            let found = Found::look(&source, &from).await?;
            copy_streams((&source, &from), (&dest, &to), found.streams?).await
        })
        .await
    }
}

/// What an item has beside its content, to be taken over by the new content at `successor`. Gives the item's metadata.
pub(crate) async fn to_new_content(
    lease: Lease,
    old: SharePath,
    successor: SharePath,
) -> Result<Metadata, ShareError> {
    let found = Found::look(&lease, &old).await?;
    let streams = match found.streams {
        Ok(streams) => copy_streams((&lease, &old), (&lease, &successor), streams).await,
        Err(error) => Err(error),
    };
    if let Err(error) = streams {
        tracing::debug!(?error, "not all named streams of a replaced file could be carried over");
    }
    // After the streams: the permissions may be such that nobody of us could write them any more.
    if let Err(error) = set_permissions(&lease, &successor, found.security).await {
        tracing::debug!(?error, "the permissions of a replaced file could not be carried over");
    }
    Ok(found.metadata)
}

/// What an item has beside its content.
struct Found {
    metadata: Metadata,
    security: Result<Vec<u8>, ShareError>,
    streams: Result<Vec<Stream>, ShareError>,
}

impl Found {
    /// CREATE, both questions and CLOSE in one message.
    async fn look(lease: &Lease, path: &SharePath) -> Result<Self, ShareError> {
        match Self::look_with(lease, path, access::READ_SECURITY).await {
            Err(error) if error.kind() == ShareErrorKind::AccessDenied => {
                Self::look_with(lease, path, access::STAT).await
            }
            outcome => outcome,
        }
    }

    async fn look_with(lease: &Lease, path: &SharePath, access: u32) -> Result<Self, ShareError> {
        let create = Open::existing(access, 0).request(lease.wire_name(path));
        let security = query_security(FileId::SENTINEL);
        let streams = query(class::STREAM, INFO_BUFFER, FileId::SENTINEL);
        let close = CloseRequest { flags: 0, file_id: FileId::SENTINEL };
        let [created, security, streams, closed] = lease
            .ask_chain_of([
                (Command::Create, &create, 0),
                (Command::QueryInfo, &security, INFO_BUFFER),
                (Command::QueryInfo, &streams, INFO_BUFFER),
                (Command::Close, &close, 0),
            ])
            .await?;
        let opened = Opened::read(&succeeded(created?)?, path)?;
        if closed.and_then(succeeded).is_err() {
            drop(OpenHandle::adopt(lease.clone(), opened.id));
        }
        let buffer = |answer: Result<Frame, ShareError>| info_buffer(&succeeded(answer?)?);
        Ok(Self {
            metadata: opened.metadata,
            security: buffer(security),
            streams: buffer(streams).and_then(|bytes| read_streams(&bytes)),
        })
    }
}

fn query_security(id: FileId) -> QueryInfoRequest {
    QueryInfoRequest {
        info_type: InfoType::Security,
        file_info_class: 0,
        additional_information: OWNER_GROUP_DACL,
        ..query(0, INFO_BUFFER, id)
    }
}

/// Gives an item a security descriptor: owner and permissions, or the permissions alone where the account may not give
/// files away.
async fn set_permissions(
    lease: &Lease,
    path: &SharePath,
    wanted: Result<Vec<u8>, ShareError>,
) -> Result<(), ShareError> {
    let wanted = wanted?;
    // Mostly it is what a new file in that directory gets anyway.
    if Found::look(lease, path).await?.security.is_ok_and(|is| is == wanted) {
        return Ok(());
    }
    let descriptor = settable(wanted);
    let both =
        set_security(lease, path, access::SET_OWNER_AND_PERMISSIONS, OWNER_GROUP_DACL, &descriptor).await;
    match both {
        Err(error) if !error.outcome_unknown() => {
            set_security(lease, path, access::SET_PERMISSIONS, DACL, &descriptor).await
        }
        outcome => outcome,
    }
}

/// A security descriptor (MS-DTYP 2.4.6) with one entry that gives all rights to the owner of another one.
fn all_to_owner(descriptor: &[u8]) -> Option<Vec<u8>> {
    /// `SE_SELF_RELATIVE`, `SE_DACL_PROTECTED` and `SE_DACL_PRESENT`.
    const CONTROL: u16 = 0x9004;
    /// Of the fixed part, after which the list stands.
    const HEADER: u32 = 20;
    /// `FILE_ALL_ACCESS`.
    const ALL: u32 = 0x001F_01FF;
    let at = u32::from_le_bytes(descriptor.get(4..8)?.try_into().ok()?);
    let sid = descriptor.get(usize::try_from(at).ok()?..).filter(|_| at >= HEADER)?;
    // Revision, number of parts, six bytes of authority, four bytes a part (MS-DTYP 2.4.2.2).
    let sid = sid.get(..8 + 4 * usize::from(*sid.get(1)?))?;
    let entry = u16::try_from(8 + sid.len()).ok()?;
    let mut built = vec![1, 0];
    built.extend(CONTROL.to_le_bytes());
    for offset in [0, 0, 0, HEADER] {
        built.extend(offset.to_le_bytes());
    }
    // The list (MS-DTYP 2.4.5): revision, length, number of entries.
    built.extend([2, 0]);
    built.extend((8 + entry).to_le_bytes());
    built.extend([1, 0, 0, 0]);
    // ACCESS_ALLOWED_ACE (MS-DTYP 2.4.4.2).
    built.extend([0, 0]);
    built.extend(entry.to_le_bytes());
    built.extend(ALL.to_le_bytes());
    built.extend(sid);
    Some(built)
}

async fn set_security(
    lease: &Lease,
    path: &SharePath,
    access: u32,
    parts: u32,
    descriptor: &[u8],
) -> Result<(), ShareError> {
    let create = Open::existing(access, 0).request(lease.wire_name(path));
    let set = SetInfoRequest {
        info_type: InfoType::Security,
        file_info_class: 0,
        additional_information: parts,
        file_id: FileId::SENTINEL,
        buffer: descriptor.to_vec(),
    };
    let close = CloseRequest { flags: 0, file_id: FileId::SENTINEL };
    let requests: [(Command, &dyn Pack, u32); 3] =
        [(Command::Create, &create, 0), (Command::SetInfo, &set, 0), (Command::Close, &close, 0)];
    let [created, set, closed] = lease.ask_chain_of(requests).await?;
    let opened = Opened::read(&succeeded(created?)?, path)?;
    if closed.and_then(succeeded).is_err() {
        drop(OpenHandle::adopt(lease.clone(), opened.id));
    }
    set.and_then(succeeded).map(drop)
}

/// A descriptor as it was read, as it has to be written: that its entries are inherited ones is kept only when that is
/// asked for in so many words (`SE_DACL_AUTO_INHERIT_REQ` beside `SE_DACL_AUTO_INHERITED`, MS-DTYP 2.4.6).
fn settable(mut descriptor: Vec<u8>) -> Vec<u8> {
    const AUTO_INHERIT_REQ: u8 = 0x01;
    const AUTO_INHERITED: u8 = 0x04;
    // Revision, Sbz1, Control; these two bits are in the upper byte of Control.
    if let Some(control) = descriptor.get_mut(3)
        && *control & AUTO_INHERITED != 0
    {
        *control |= AUTO_INHERIT_REQ;
    }
    descriptor
}

/// A named stream: `:name:$DATA`.
#[derive(Debug, PartialEq, Eq)]
struct Stream {
    name: String,
    size: u64,
}

/// The named streams in a list of streams (MS-FSCC 2.4.49); the content itself, `::$DATA`, is not one of them.
fn read_streams(mut buffer: &[u8]) -> Result<Vec<Stream>, ShareError> {
    const NAME: usize = 24;
    let cut = || ShareError::malformed("a list of streams is cut off");
    let mut streams = Vec::new();
    while !buffer.is_empty() {
        let word = |at: usize| Some(u32::from_le_bytes(buffer.get(at..at + 4)?.try_into().ok()?) as usize);
        let (next, length) = (word(0).ok_or_else(cut)?, word(4).ok_or_else(cut)?);
        let size = buffer.get(8..16).and_then(|size| size.try_into().ok()).map(u64::from_le_bytes);
        let name = buffer.get(NAME..).and_then(|rest| rest.get(..length)).ok_or_else(cut)?;
        let units: Vec<u16> =
            name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        if let Ok(name) = String::from_utf16(&units)
            && is_named_stream(&name)
        {
            streams.push(Stream { name, size: size.ok_or_else(cut)? });
        }
        match next {
            0 => break,
            next => buffer = buffer.get(next..).ok_or_else(cut)?,
        }
    }
    Ok(streams)
}

/// Whether this is the name of a stream that can be asked for; what else a server may say is not sent back to it.
fn is_named_stream(name: &str) -> bool {
    name.strip_prefix(':')
        .and_then(|name| name.strip_suffix(":$DATA"))
        .is_some_and(|name| !name.is_empty() && !name.contains([':', '/', '\\', '\0']))
}

/// Copies streams one after the other. The first failure is told when all have been tried.
async fn copy_streams(
    (source, from): (&Lease, &SharePath),
    (dest, to): (&Lease, &SharePath),
    streams: Vec<Stream>,
) -> Result<(), ShareError> {
    let begun = Instant::now();
    let mut failure = None;
    let mut room = MAX_STREAM_BYTES;
    for (number, stream) in streams.into_iter().enumerate() {
        let copied = if number >= MAX_STREAMS || stream.size > room {
            Err(ShareErrorKind::TooManyEntries.into())
        } else if begun.elapsed() > deadline::INHERIT / 2 {
            // Nobody waits for the rest.
            Err(ShareErrorKind::TimedOut.into())
        } else {
            room -= stream.size;
            let (from, to) = (source.wire_name(from), dest.wire_name(to));
            let Stream { name, size } = stream;
            copy_stream((source, from + &name), (dest, to + &name), size).await
        };
        if let Err(error) = copied {
            failure.get_or_insert(error);
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Copies one stream, `size` bytes at most. One that could not be copied whole is not left behind.
async fn copy_stream(
    (source, from): (&Lease, String),
    (dest, to): (&Lease, String),
    size: u64,
) -> Result<(), ShareError> {
    let from = open(source, from, &Open::existing(access::READ, option::NON_DIRECTORY)).await?;
    let create = Open {
        access: access::WRITE,
        sharing: SHARE_ALL,
        disposition: CreateDisposition::FileOverwriteIf,
        options: option::NON_DIRECTORY,
    };
    let to = open(dest, to, &create).await?;
    let copied = copy_content(source, &from, dest, &to, size).await;
    if copied.is_err() {
        // Best effort: only the stream goes, and it goes with its handle.
        let _ = to.set(class::DISPOSITION, vec![1]).await;
    }
    to.close().await;
    from.close().await;
    copied
}

async fn copy_content(
    source: &Lease,
    from: &OpenHandle,
    dest: &Lease,
    to: &OpenHandle,
    size: u64,
) -> Result<(), ShareError> {
    let piece = source.piece(PIECE, source.max_read).min(dest.piece(PIECE, dest.max_write));
    let mut offset = 0;
    while offset < size {
        let length = u32::try_from(size - offset).map_or(piece, |left| left.min(piece));
        let bytes = read(source, from.id(), offset, length).await?;
        if bytes.is_empty() {
            return Err(ShareErrorKind::Changed.into());
        }
        let length = bytes.len();
        write(Arc::clone(dest.session()), to.id(), offset, vec![bytes], length, None).await?;
        offset += length as u64;
    }
    Ok(())
}

async fn open(lease: &Lease, wire_name: String, open: &Open) -> Result<OpenHandle, ShareError> {
    let frame = lease.call(Command::Create, &open.request(wire_name), 0).await?;
    let opened = Opened::read(&frame, &SharePath::root())?;
    Ok(OpenHandle::adopt(lease.clone(), opened.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let length = u32::try_from(name.len()).expect("short");
            let next = if number + 1 == names.len() { 0 } else { 24 + length };
            bytes.extend_from_slice(&next.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&7_u64.to_le_bytes());
            bytes.extend_from_slice(&[0; 8]);
            bytes.extend_from_slice(&name);
        }
        bytes
    }

    #[test]
    fn named_streams_are_found_and_bad_lengths_end_the_search() {
        let bytes = list(&["::$DATA", ":Zone.Identifier:$DATA", ":a/b:$DATA", "::", ":x:$OTHER", ""]);
        let found = read_streams(&bytes).expect("well formed");
        assert_eq!(found, [Stream { name: ":Zone.Identifier:$DATA".to_owned(), size: 7 }]);
        assert!(read_streams(&[]).expect("none").is_empty());
        for cut in 1..bytes.len() {
            let _ = read_streams(&bytes[..cut]);
        }
        let mut astray = bytes;
        astray[0] = 255;
        astray[1] = 255;
        assert!(read_streams(&astray).is_err());
    }

    #[test]
    fn inherited_entries_stay_inherited_ones() {
        assert_eq!(settable(vec![1, 0, 0x04, 0x84]), [1, 0, 0x04, 0x85]);
        assert_eq!(settable(vec![1, 0, 0x04, 0x90]), [1, 0, 0x04, 0x90]);
        assert!(settable(Vec::new()).is_empty());
    }

    #[test]
    fn an_owner_is_found_in_a_descriptor_and_given_all_rights() {
        let sid = [1, 2, 0, 0, 0, 0, 0, 22, 1, 0, 0, 0, 1, 0, 0, 0];
        let mut descriptor = vec![1, 0, 0x04, 0x80, 24, 0, 0, 0];
        descriptor.extend([0; 16]);
        descriptor.extend(sid);
        let built = all_to_owner(&descriptor).expect("an owner");
        assert_eq!(
            (built.len(), &built[..4], &built[16..20]),
            (52, &[1, 0, 4, 0x90][..], &[20, 0, 0, 0][..])
        );
        assert_eq!(&built[20..36], [2, 0, 32, 0, 1, 0, 0, 0, 0, 0, 24, 0, 0xFF, 0x01, 0x1F, 0x00]);
        assert_eq!(&built[36..], sid);
        for cut in 0..descriptor.len() {
            assert_eq!(all_to_owner(&descriptor[..cut]), None);
        }
        for at in [0_u32, 19, 41, u32::MAX] {
            descriptor[4..8].copy_from_slice(&at.to_le_bytes());
            assert_eq!(all_to_owner(&descriptor), None, "{at}");
        }
    }
}
