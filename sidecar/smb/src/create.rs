//! CREATE requests and what their answers say (MS-SMB2 2.2.13, 2.2.14).

use causeway_paths::SharePath;
use smb2::client::connection::Frame;
use smb2::msg::create::{CreateDisposition, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess};
use smb2::pack::{ReadCursor, Unpack};
use smb2::types::flags::FileAccessMask;
use smb2::types::{FileId, OplockLevel};

use crate::error::ShareError;
use crate::metadata::{Metadata, RawTimes, file_number};

/// Access masks (MS-SMB2 2.2.13.1). Each call asks for no more than it uses: what is not asked for can neither be refused
/// nor stand in another's way.
pub(crate) mod access {
    use smb2::types::flags::FileAccessMask as Mask;

    pub(crate) const STAT: u32 = Mask::FILE_READ_ATTRIBUTES;
    pub(crate) const LIST: u32 = Mask::FILE_READ_DATA | Mask::FILE_READ_ATTRIBUTES | Mask::SYNCHRONIZE;
    pub(crate) const READ: u32 = Mask::FILE_READ_DATA | Mask::FILE_READ_ATTRIBUTES | Mask::SYNCHRONIZE;
    /// The append bit is for servers that let only those extend a file who asked for it.
    pub(crate) const WRITE: u32 = Mask::FILE_WRITE_DATA
        | Mask::FILE_APPEND_DATA
        | Mask::FILE_READ_ATTRIBUTES
        | Mask::FILE_WRITE_ATTRIBUTES
        | Mask::DELETE
        | Mask::SYNCHRONIZE;
    /// What there is, for its content alone: it may be nobody's to delete.
    pub(crate) const WRITE_IN_PLACE: u32 =
        Mask::FILE_WRITE_DATA | Mask::FILE_APPEND_DATA | Mask::FILE_READ_ATTRIBUTES | Mask::SYNCHRONIZE;
    pub(crate) const DELETE: u32 = Mask::DELETE | Mask::FILE_READ_ATTRIBUTES | Mask::SYNCHRONIZE;
    /// Attributes, owner and permissions, without a right to the content.
    pub(crate) const READ_SECURITY: u32 = Mask::FILE_READ_ATTRIBUTES | Mask::READ_CONTROL;
    pub(crate) const SET_PERMISSIONS: u32 = Mask::WRITE_DAC;
    pub(crate) const SET_OWNER_AND_PERMISSIONS: u32 = Mask::WRITE_DAC | Mask::WRITE_OWNER;
    pub(crate) const SET_ATTRIBUTES: u32 =
        Mask::FILE_READ_ATTRIBUTES | Mask::FILE_WRITE_ATTRIBUTES | Mask::SYNCHRONIZE;
}

/// Create options (MS-SMB2 2.2.13).
pub(crate) mod option {
    pub(crate) const DIRECTORY: u32 = 0x0000_0001;
    pub(crate) const NON_DIRECTORY: u32 = 0x0000_0040;
    /// Opens the link itself instead of what it leads to.
    pub(crate) const REPARSE_POINT: u32 = 0x0020_0000;
}

/// Others may read, write, rename and delete meanwhile.
pub(crate) const SHARE_ALL: u32 =
    ShareAccess::FILE_SHARE_READ | ShareAccess::FILE_SHARE_WRITE | ShareAccess::FILE_SHARE_DELETE;

/// Others may only look.
pub(crate) const SHARE_READ: u32 = ShareAccess::FILE_SHARE_READ;

/// Others may not open it at all.
pub(crate) const SHARE_NOTHING: u32 = 0;

/// Others may look and write, not rename or delete.
pub(crate) const SHARE_READ_WRITE: u32 = ShareAccess::FILE_SHARE_READ | ShareAccess::FILE_SHARE_WRITE;

/// `SMB2_CREATE_QUERY_ON_DISK_ID` (MS-SMB2 2.2.13.2.9) as the only context of a request.
const QUERY_ON_DISK_ID: [u8; 24] = [
    0, 0, 0, 0, // Next
    16, 0, 4, 0, // NameOffset, NameLength
    0, 0, 0, 0, // Reserved, DataOffset
    0, 0, 0, 0, // DataLength
    b'Q', b'F', b'i', b'd', 0, 0, 0, 0,
];

/// One CREATE.
pub(crate) struct Open {
    pub(crate) access: u32,
    pub(crate) sharing: u32,
    pub(crate) disposition: CreateDisposition,
    pub(crate) options: u32,
}

impl Open {
    /// What exists, shared with everybody.
    pub(crate) fn existing(access: u32, options: u32) -> Self {
        Self { access, sharing: SHARE_ALL, disposition: CreateDisposition::FileOpen, options }
    }

    /// What must not exist yet.
    pub(crate) fn new(access: u32, sharing: u32, options: u32) -> Self {
        Self { access, sharing, disposition: CreateDisposition::FileCreate, options }
    }

    pub(crate) fn request(&self, wire_name: String) -> CreateRequest {
        CreateRequest {
            requested_oplock_level: OplockLevel::None,
            impersonation_level: ImpersonationLevel::Impersonation,
            desired_access: FileAccessMask::new(self.access),
            file_attributes: 0,
            share_access: ShareAccess(self.sharing),
            create_disposition: self.disposition,
            create_options: self.options,
            name: wire_name,
            create_contexts: QUERY_ON_DISK_ID.to_vec(),
        }
    }
}

/// An opened item.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: FileId,
    pub(crate) metadata: Metadata,
    /// Whether the server said which file of which volume this is; if not, [`Metadata::file_id`] is still 0.
    pub(crate) has_disk_id: bool,
}

impl Opened {
    /// Reads a successful answer to the CREATE of `path`.
    pub(crate) fn read(frame: &Frame, path: &SharePath) -> Result<Self, ShareError> {
        let response = CreateResponse::unpack(&mut ReadCursor::new(&frame.body)).map_err(ShareError::from)?;
        let times = RawTimes {
            created: response.creation_time.0,
            accessed: response.last_access_time.0,
            modified: response.last_write_time.0,
            changed: response.change_time.0,
        };
        let name = path.name().unwrap_or_default().to_owned();
        let mut metadata = Metadata::from_wire(name, &times, response.end_of_file, response.file_attributes);
        let disk_id = find_context(&response.create_contexts, *b"QFid").and_then(DiskId::read);
        if let Some(disk_id) = &disk_id {
            metadata.file_id = disk_id.file;
            metadata.volume_id = Some(disk_id.volume);
        }
        Ok(Self { id: response.file_id, metadata, has_disk_id: disk_id.is_some() })
    }
}

/// MS-SMB2 2.2.14.2.9: `DiskFileId`, `VolumeId`, 16 reserved bytes.
struct DiskId {
    file: u64,
    volume: u64,
}

impl DiskId {
    fn read(data: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(data.get(at..at + 8)?.try_into().ok()?));
        Some(Self { file: file_number(number(0)?), volume: number(8)? })
    }
}

/// The data of the context with this name in a chain (MS-SMB2 2.2.13.2). Offsets that lead astray end the search.
fn find_context(mut chain: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    loop {
        let long = |at: usize| Some(u32::from_le_bytes(chain.get(at..at + 4)?.try_into().ok()?) as usize);
        let short =
            |at: usize| Some(usize::from(u16::from_le_bytes(chain.get(at..at + 2)?.try_into().ok()?)));
        let next = long(0)?;
        let (name_at, name_len, data_at, data_len) = (short(4)?, short(6)?, short(10)?, long(12)?);
        if chain.get(name_at..name_at.checked_add(name_len)?) == Some(&name) {
            return chain.get(data_at..data_at.checked_add(data_len)?);
        }
        if next == 0 {
            return None;
        }
        chain = chain.get(next..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_found_in_a_chain_and_bad_offsets_end_it() {
        let mut chain = vec![
            24, 0, 0, 0, 16, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'M', b'x', b'A', b'c', 0, 0, 0, 0, //
            0, 0, 0, 0, 16, 0, 4, 0, 0, 0, 24, 0, 32, 0, 0, 0, b'Q', b'F', b'i', b'd', 0, 0, 0, 0,
        ];
        let mut id = [0_u8; 32];
        id[0] = 7;
        id[8] = 9;
        chain.extend_from_slice(&id);

        let found = find_context(&chain, *b"QFid").and_then(DiskId::read).expect("present");
        assert_eq!((found.file, found.volume), (7, 9));
        assert!(find_context(&chain, *b"none").is_none());
        for cut in 0..chain.len() {
            let _ = find_context(&chain[..cut], *b"QFid");
        }
        chain[0] = 255;
        assert!(find_context(&chain, *b"QFid").is_none());
    }
}
