//! [`OpenHandle`]: a handle on the server that is always closed.

use causeway_paths::SharePath;
use smb2::client::connection::Frame;
use smb2::msg::close::{CloseRequest, SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB};
use smb2::msg::query_info::{InfoType, QueryInfoRequest};
use smb2::msg::set_info::SetInfoRequest;
use smb2::pack::{ReadCursor, Unpack};
use smb2::types::{Command, FileId};

use crate::create::{Open, Opened};
use crate::error::ShareError;
use crate::lane::Lease;
use crate::limits::deadline;
use crate::metadata::{Metadata, RawTimes, file_number};
use crate::session::succeeded;

/// File information classes (MS-FSCC 2.4).
pub(crate) mod class {
    pub(crate) const BASIC: u8 = 4;
    pub(crate) const INTERNAL: u8 = 6;
    pub(crate) const RENAME: u8 = 10;
    pub(crate) const DISPOSITION: u8 = 13;
    pub(crate) const END_OF_FILE: u8 = 20;
    pub(crate) const STREAM: u8 = 22;
    pub(crate) const ATTRIBUTE_TAG: u8 = 35;
}

/// A handle on the server. Dropping it closes it there, in the background and with a deadline.
pub(crate) struct OpenHandle {
    lease: Lease,
    id: FileId,
    open: bool,
}

impl OpenHandle {
    /// Opens `path`.
    ///
    /// Not to be dropped half-way: run it in a task of its own.
    pub(crate) async fn open(
        lease: Lease,
        path: &SharePath,
        open: &Open,
    ) -> Result<(Self, Metadata), ShareError> {
        let request = open.request(lease.wire_name(path));
        let frame = lease.call(Command::Create, &request, 0).await?;
        let opened = Opened::read(&frame, path)?;
        let handle = Self::adopt(lease, opened.id);
        let metadata = handle.complete(opened).await?;
        Ok((handle, metadata))
    }

    /// The metadata with the file id, which is looked up if the server did not send it along.
    pub(crate) async fn complete(&self, opened: Opened) -> Result<Metadata, ShareError> {
        let mut metadata = opened.metadata;
        if !opened.has_disk_id {
            self.lease.note_no_on_disk_ids();
            metadata.file_id = self.file_number().await?;
        }
        Ok(metadata)
    }

    /// Takes charge of a handle that exists on the server.
    pub(crate) fn adopt(lease: Lease, id: FileId) -> Self {
        Self { lease, id, open: true }
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The item's number on its volume (MS-FSCC 2.4.27), for servers without on-disk ids in CREATE.
    async fn file_number(&self) -> Result<u64, ShareError> {
        let frame = self.lease.call(Command::QueryInfo, &query(class::INTERNAL, 8, self.id), 0).await?;
        read_file_number(&frame)
    }

    /// The item's times as they are now (`FILE_BASIC_INFORMATION`, MS-FSCC 2.4.7).
    pub(crate) async fn times(&self) -> Result<RawTimes, ShareError> {
        let frame = self.lease.call(Command::QueryInfo, &query(class::BASIC, 40, self.id), 0).await?;
        let buffer = info_buffer(&frame)?;
        let times = buffer
            .first_chunk::<32>()
            .ok_or_else(|| ShareError::malformed("basic information of less than 32 bytes"))?;
        let (times, _) = times.as_chunks::<8>();
        let [created, accessed, modified, changed] = [0, 1, 2, 3].map(|at| u64::from_le_bytes(times[at]));
        Ok(RawTimes { created, accessed, modified, changed })
    }

    /// SET_INFO of a file information class.
    pub(crate) async fn set(&self, info_class: u8, buffer: Vec<u8>) -> Result<(), ShareError> {
        self.lease.call(Command::SetInfo, &set(info_class, buffer, self.id), 0).await.map(drop)
    }

    /// SET_INFO and [`close_with_metadata`](Self::close_with_metadata) in one message.
    pub(crate) async fn set_and_close(
        mut self,
        info_class: u8,
        buffer: Vec<u8>,
        known: &Metadata,
    ) -> Result<Metadata, ShareError> {
        let set_info = set(info_class, buffer, self.id);
        let close = CloseRequest { flags: SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB, file_id: FileId::SENTINEL };
        let [changed, closed] =
            self.lease.ask_chain_of([(Command::SetInfo, &set_info, 0), (Command::Close, &close, 0)]).await?;
        let closed = closed.and_then(succeeded);
        self.open = closed.is_err();
        changed.and_then(succeeded)?;
        read_close(&closed?, known)
    }

    /// Closes and gives the item's metadata as they were after everything done through the handle. `known` supplies
    /// name and numbers.
    pub(crate) async fn close_with_metadata(mut self, known: &Metadata) -> Result<Metadata, ShareError> {
        self.open = false;
        let request = CloseRequest { flags: SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB, file_id: self.id };
        let frame = self.lease.call(Command::Close, &request, 0).await?;
        read_close(&frame, known)
    }

    /// Closes and waits for it, five seconds at most.
    pub(crate) async fn close(mut self) {
        self.open = false;
        close(self.lease.clone(), self.id).await;
    }
}

impl Drop for OpenHandle {
    fn drop(&mut self) {
        if self.open && self.lease.is_alive() {
            self.lease.runtime().spawn(close(self.lease.clone(), self.id));
        }
    }
}

async fn close(lease: Lease, id: FileId) {
    let request = CloseRequest { flags: 0, file_id: id };
    // A task of its own: a request that was begun is sent to its end.
    let session = std::sync::Arc::clone(lease.session());
    let sent = lease.runtime().spawn(async move { session.ask(Command::Close, &request, 0).await });
    if tokio::time::timeout(deadline::CLOSE, sent).await.is_err() {
        tracing::debug!("a handle was not closed in time");
        lease.note_timeout(deadline::CLOSE);
    }
}

pub(crate) fn query(info_class: u8, length: u32, id: FileId) -> QueryInfoRequest {
    QueryInfoRequest {
        info_type: InfoType::File,
        file_info_class: info_class,
        output_buffer_length: length,
        additional_information: 0,
        flags: 0,
        file_id: id,
        input_buffer: Vec::new(),
    }
}

pub(crate) fn set(info_class: u8, buffer: Vec<u8>, id: FileId) -> SetInfoRequest {
    SetInfoRequest {
        info_type: InfoType::File,
        file_info_class: info_class,
        additional_information: 0,
        file_id: id,
        buffer,
    }
}

/// The buffer of a QUERY_INFO answer (MS-SMB2 2.2.38).
pub(crate) fn info_buffer(frame: &Frame) -> Result<Vec<u8>, ShareError> {
    let response = smb2::msg::query_info::QueryInfoResponse::unpack(&mut ReadCursor::new(&frame.body))?;
    Ok(response.output_buffer)
}

pub(crate) fn read_file_number(frame: &Frame) -> Result<u64, ShareError> {
    let buffer = info_buffer(frame)?;
    let number = buffer
        .first_chunk::<8>()
        .ok_or_else(|| ShareError::malformed("a file number of less than 8 bytes"))?;
    Ok(file_number(u64::from_le_bytes(*number)))
}

/// The answer to a CLOSE with `POSTQUERY_ATTRIB` (MS-SMB2 2.2.16).
pub(crate) fn read_close(frame: &Frame, known: &Metadata) -> Result<Metadata, ShareError> {
    let response = smb2::msg::close::CloseResponse::unpack(&mut ReadCursor::new(&frame.body))?;
    if response.flags & SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB == 0 {
        return Err(ShareError::malformed("CLOSE came without the attributes"));
    }
    let times = RawTimes {
        created: response.creation_time.0,
        accessed: response.last_access_time.0,
        modified: response.last_write_time.0,
        changed: response.change_time.0,
    };
    let fresh =
        Metadata::from_wire(known.name.clone(), &times, response.end_of_file, response.file_attributes);
    Ok(Metadata { is_link: known.is_link, file_id: known.file_id, volume_id: known.volume_id, ..fresh })
}
