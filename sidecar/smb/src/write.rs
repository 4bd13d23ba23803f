//! Writing files: [`WriteHandle`].

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use causeway_paths::SharePath;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use smb2::msg::flush::FlushRequest;
use smb2::pack::{Pack, ReadCursor, Unpack, WriteCursor};
use smb2::types::{Command, FileId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use crate::budget::ByteBudget;
use crate::create::{Open, Opened, SHARE_READ, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::{OpenHandle, class, set};
use crate::inherit;
use crate::items::{NewTimes, basic_information, inherited_attributes, rename_information};
use crate::lane::Lease;
use crate::limits::deadline;
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work, detached};
use crate::session::{Session, succeeded};

/// Bytes of one WRITE; what comes in smaller pieces is gathered.
const CHUNK: u32 = 1024 * 1024;

/// WRITEs in flight from one handle.
const REQUESTS: usize = 4;

/// Bytes after which the server is asked to put what it has onto the disk while more arrives: the disk works during the
/// transfer and not after it.
const FLUSH_EVERY: u64 = 64 * 1024 * 1024;

/// Bytes that the server may hold beyond what it was asked to put onto the disk. An upload waits for a slow disk as it
/// goes, so that the last FLUSH has little left to do and its deadline holds for files of any size.
const MAX_UNFLUSHED: u64 = 4 * FLUSH_EVERY;

impl SharePool {
    /// Creates a file that must not exist yet, to be written through the handle.
    ///
    /// Until [`finish`](WriteHandle::finish) or [`publish`](WriteHandle::publish) the file is marked for deletion on the
    /// server: nobody else can open it, and it goes away with the handle, whether that is dropped, the connection is cut
    /// or this process is killed. Only a crash of the server itself leaves it behind.
    pub async fn create_for_write(&self, path: &SharePath) -> Result<WriteHandle, ShareError> {
        let (handle, metadata) =
            self.change(Work::Write, deadline::CHANGE, |lease| create_temporary(lease, path.clone())).await?;
        let lease = handle.lease();
        let chunk = lease.piece(CHUNK, lease.max_write) as usize;
        Ok(WriteHandle {
            handle,
            metadata,
            path: path.clone(),
            is_marked: true,
            chunk,
            gathered: VecDeque::new(),
            gathered_bytes: 0,
            position: 0,
            in_flight: FuturesUnordered::new(),
            unflushed: 0,
            flushing: None,
            failure: None,
            budget: Arc::clone(self.budget()),
        })
    }
}

/// CREATE and the mark for deletion in one message.
async fn create_temporary(lease: Lease, path: SharePath) -> Result<(OpenHandle, Metadata), ShareError> {
    let create = Open::new(access::WRITE, SHARE_READ, option::NON_DIRECTORY).request(lease.wire_name(&path));
    let mark = set(class::DISPOSITION, vec![1], FileId::SENTINEL);
    let [created, marked] =
        lease.ask_chain_of([(Command::Create, &create, 0), (Command::SetInfo, &mark, 0)]).await?;
    let opened = Opened::read(&succeeded(created?)?, &path)?;
    let handle = OpenHandle::adopt(lease, opened.id);
    let metadata = handle.complete(opened).await?;
    if let Err(error) = marked.and_then(succeeded) {
        // Best effort: a server that does not mark will not do this either.
        let _ = handle.set(class::DISPOSITION, vec![1]).await;
        return Err(error);
    }
    Ok((handle, metadata))
}

/// A new file open for writing, front to back. Dropping it deletes the file.
pub struct WriteHandle {
    handle: OpenHandle,
    metadata: Metadata,
    path: SharePath,
    /// Whether the file goes with its handle.
    is_marked: bool,
    chunk: usize,
    /// Accepted and not yet sent; less than a chunk between calls.
    gathered: VecDeque<Bytes>,
    gathered_bytes: usize,
    /// Where the next WRITE goes.
    position: u64,
    in_flight: FuturesUnordered<JoinHandle<Result<(), ShareError>>>,
    /// Bytes sent since the last FLUSH.
    unflushed: u64,
    /// The FLUSH that is under way while more is written.
    flushing: Option<JoinHandle<Result<(), ShareError>>>,
    /// The first failure; it is the answer to everything that follows.
    failure: Option<ShareError>,
    budget: Arc<ByteBudget>,
}

impl WriteHandle {
    /// Bytes accepted so far.
    pub fn written(&self) -> u64 {
        self.position + self.gathered_bytes as u64
    }

    /// The file's number on its volume; 0 where the server has none. It stays when the file takes another one's place.
    pub fn file_id(&self) -> u64 {
        self.metadata.file_id
    }

    /// Appends `bytes`. Returns when they are taken over, which is not when the server has them: failures may show in a
    /// later call. Waits while too much is under way. If this future is dropped, it is unknown how much was taken over:
    /// drop the handle as well.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), ShareError> {
        self.check()?;
        self.gathered_bytes += bytes.len();
        if !bytes.is_empty() {
            self.gathered.push_back(bytes);
        }
        while self.gathered_bytes >= self.chunk {
            self.send_chunk().await?;
        }
        Ok(())
    }

    /// Waits until everything written is on the disk of the server (SMB2 FLUSH).
    pub async fn flush(&mut self) -> Result<(), ShareError> {
        self.drain().await?;
        self.end_flush().await?;
        // Also when one has just ended: it began while writes were under way.
        self.begin_flush();
        self.end_flush().await
    }

    /// Sends a FLUSH; [`end_flush`](Self::end_flush) waits for it.
    fn begin_flush(&mut self) {
        let lease = self.handle.lease().clone();
        let (session, request) = (Arc::clone(lease.session()), FlushRequest { file_id: self.handle.id() });
        let flushed = async move { session.call(Command::Flush, &request, 0).await.map(drop) };
        self.flushing = Some(tokio::spawn(detached(deadline::FLUSH, lease, flushed)));
        self.unflushed = 0;
    }

    /// Waits for the FLUSH that is under way, if there is one.
    async fn end_flush(&mut self) -> Result<(), ShareError> {
        let Some(flushing) = &mut self.flushing else { return Ok(()) };
        let outcome = flushing
            .await
            .unwrap_or_else(|panic| Err(ShareError::caused_by(ShareErrorKind::Protocol, panic)));
        self.flushing = None;
        self.keep(outcome)
    }

    /// Keeps the server's disk at work, see [`FLUSH_EVERY`].
    async fn flush_along(&mut self) -> Result<(), ShareError> {
        let idle = self.flushing.as_ref().is_none_or(JoinHandle::is_finished);
        if idle || self.unflushed >= MAX_UNFLUSHED {
            self.end_flush().await?;
        }
        if self.unflushed >= FLUSH_EVERY && self.flushing.is_none() {
            self.begin_flush();
        }
        Ok(())
    }

    /// Keeps the file under the name it was created with, closes it and gives its metadata.
    pub async fn finish(mut self) -> Result<Metadata, ShareError> {
        self.drain().await?;
        let Self { handle, metadata, .. } = self;
        let lease = handle.lease().clone();
        detached(deadline::CHANGE, lease, async move {
            handle.set_and_close(class::DISPOSITION, vec![0], &metadata).await
        })
        .await
    }

    /// Takes over what the file at `old` has beside its content, as far as the server allows: creation time, the
    /// attributes that tell how it is shown, named streams, owner and permissions. Nothing of that is a reason to fail;
    /// an error is one of the content's.
    ///
    /// From here on the file does not go with its handle, only with [`abort`](Self::abort).
    pub async fn inherit(&mut self, old: &SharePath) -> Result<(), ShareError> {
        self.drain().await?;
        self.mark(false).await?;
        let lease = self.handle.lease().clone();
        let heritage = inherit::to_new_content(lease.clone(), old.clone(), self.path.clone());
        let inherited = detached(deadline::INHERIT, lease, heritage).await;
        let basic = match inherited {
            Ok(old) => {
                let created = NewTimes { created: Some(old.created), ..NewTimes::default() };
                self.set(class::BASIC, basic_information(created, inherited_attributes(&old))).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = basic {
            tracing::debug!(?error, "what a replaced file has beside its content could not be carried over");
        }
        Ok(())
    }

    /// Keeps the file under another name: renames it through its own handle, closes it and gives its metadata there.
    ///
    /// With `replace` a file at `to` is replaced in one step, so that a reader sees the old file or the new one. When the
    /// server refuses the rename, `to` is as it was, and the error holds the file if another attempt may succeed.
    pub async fn publish(mut self, to: &SharePath, replace: bool) -> Result<Metadata, Unpublished> {
        self.drain().await?;
        // One after the other: a rename that went through on a file that is still marked would cost both files.
        self.mark(false).await?;
        let information = rename_information(&self.handle.lease().wire_name(to), replace);
        if let Err(error) = self.set(class::RENAME, information).await {
            if error.outcome_unknown() {
                return Err(error.into());
            }
            // Marked again, it goes with the handle.
            let marked = self.mark(true).await;
            let may_pass = matches!(
                error.kind(),
                ShareErrorKind::AccessDenied | ShareErrorKind::InUse | ShareErrorKind::AlreadyExists
            );
            if may_pass && marked.is_ok() {
                return Err(Unpublished { error, file: Some(Box::new(self)) });
            }
            self.handle.close().await;
            return Err(error.into());
        }
        let Self { handle, metadata, .. } = self;
        let lease = handle.lease().clone();
        let known = Metadata { name: to.name().unwrap_or_default().to_owned(), ..metadata };
        let closed = async move { handle.close_with_metadata(&known).await };
        Ok(detached(deadline::CHANGE, lease, closed).await?)
    }

    /// Deletes the file and waits for it. The same as dropping the handle, but it is done when this returns.
    pub async fn abort(self) {
        let Self { handle, mut in_flight, is_marked, .. } = self;
        // Whatever is still under way is answered before the handle goes.
        let _ =
            tokio::time::timeout(deadline::CLOSE, async { while in_flight.next().await.is_some() {} }).await;
        let lease = handle.lease().clone();
        let deleted = async move {
            if !is_marked {
                handle.set(class::DISPOSITION, vec![1]).await?;
            }
            handle.close().await;
            Ok(())
        };
        if let Err(error) = detached(deadline::CHANGE, lease, deleted).await {
            tracing::debug!(?error, "a file that was given up could not be deleted");
        }
    }

    /// Whether the file shall go with its handle.
    async fn mark(&mut self, doomed: bool) -> Result<(), ShareError> {
        if self.is_marked != doomed {
            self.set(class::DISPOSITION, vec![u8::from(doomed)]).await?;
            self.is_marked = doomed;
        }
        Ok(())
    }

    /// SET_INFO through the file's own handle, sent to its end whatever becomes of the caller.
    async fn set(&self, info_class: u8, buffer: Vec<u8>) -> Result<(), ShareError> {
        let lease = self.handle.lease().clone();
        let (session, request) = (Arc::clone(lease.session()), set(info_class, buffer, self.handle.id()));
        let sent = async move { session.call(Command::SetInfo, &request, 0).await.map(drop) };
        detached(deadline::CHANGE, lease, sent).await
    }

    fn check(&self) -> Result<(), ShareError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn keep<T>(&mut self, outcome: Result<T, ShareError>) -> Result<T, ShareError> {
        if let Err(error) = &outcome {
            self.failure.get_or_insert_with(|| error.clone());
        }
        outcome
    }

    /// Sends up to a chunk of what is gathered, waiting for room first.
    async fn send_chunk(&mut self) -> Result<(), ShareError> {
        let length = self.gathered_bytes.min(self.chunk);
        let mut permit = self.budget.try_take(length);
        while self.in_flight.len() >= REQUESTS || (permit.is_none() && !self.in_flight.is_empty()) {
            self.await_one().await?;
            if permit.is_none() {
                permit = self.budget.try_take(length);
            }
        }
        let pieces = self.take(length);
        let (session, id, offset) =
            (Arc::clone(self.handle.lease().session()), self.handle.id(), self.position);
        self.position += length as u64;
        self.unflushed += length as u64;
        self.in_flight.push(tokio::spawn(write(session, id, offset, pieces, length, permit)));
        self.flush_along().await
    }

    /// The first `length` bytes gathered.
    fn take(&mut self, length: usize) -> Vec<Bytes> {
        self.gathered_bytes -= length;
        let mut pieces = Vec::new();
        let mut missing = length;
        while missing > 0
            && let Some(mut piece) = self.gathered.pop_front()
        {
            if piece.len() > missing {
                self.gathered.push_front(piece.split_off(missing));
            }
            missing -= piece.len();
            pieces.push(piece);
        }
        pieces
    }

    async fn await_one(&mut self) -> Result<(), ShareError> {
        let outcome = match tokio::time::timeout(deadline::WRITE, self.in_flight.next()).await {
            Ok(Some(Ok(outcome))) => outcome,
            Ok(Some(Err(panic))) => Err(ShareError::caused_by(ShareErrorKind::Protocol, panic)),
            Ok(None) => Ok(()),
            Err(_) => {
                self.handle.lease().note_timeout(deadline::WRITE);
                Err(ShareErrorKind::TimedOut.into())
            }
        };
        self.keep(outcome)
    }

    /// Sends what is gathered and waits until the server has acknowledged everything.
    async fn drain(&mut self) -> Result<(), ShareError> {
        self.check()?;
        while self.gathered_bytes > 0 {
            self.send_chunk().await?;
        }
        while !self.in_flight.is_empty() {
            self.await_one().await?;
        }
        Ok(())
    }
}

/// A file that is complete and was not put in its place.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unpublished {
    /// Why; if its outcome is unknown, looking tells.
    pub error: ShareError,
    /// The file, where the server refused because of the target: somebody has it open, it may not be replaced, or it is
    /// there at all. That may pass, and another target may do.
    pub file: Option<Box<WriteHandle>>,
}

impl From<ShareError> for Unpublished {
    fn from(error: ShareError) -> Self {
        Self { error, file: None }
    }
}

impl std::fmt::Debug for WriteHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WriteHandle")
            .field("metadata", &self.metadata)
            .field("written", &self.written())
            .finish_non_exhaustive()
    }
}

/// A WRITE whose data are packed from where they are (MS-SMB2 2.2.21).
struct GatheredWrite {
    id: FileId,
    offset: u64,
    pieces: Vec<Bytes>,
    length: u32,
}

impl Pack for GatheredWrite {
    fn pack(&self, cursor: &mut WriteCursor) {
        /// The data begin behind the header and the 48 bytes of the fixed part.
        const DATA_OFFSET: u16 = 64 + 48;
        cursor.write_u16_le(49);
        cursor.write_u16_le(DATA_OFFSET);
        cursor.write_u32_le(self.length);
        cursor.write_u64_le(self.offset);
        cursor.write_u64_le(self.id.persistent);
        cursor.write_u64_le(self.id.volatile);
        // Channel, RemainingBytes, channel information, Flags: none.
        cursor.write_zeros(16);
        for piece in &self.pieces {
            cursor.write_bytes(piece);
        }
    }
}

pub(crate) async fn write(
    session: Arc<Session>,
    id: FileId,
    offset: u64,
    pieces: Vec<Bytes>,
    length: usize,
    permit: Option<OwnedSemaphorePermit>,
) -> Result<(), ShareError> {
    let length = u32::try_from(length).map_err(|_| ShareError::malformed("a WRITE of more than 4 GiB"))?;
    let request = GatheredWrite { id, offset, pieces, length };
    let frame = session.call(Command::Write, &request, length).await?;
    drop(permit);
    let answer = smb2::msg::write::WriteResponse::unpack(&mut ReadCursor::new(&frame.body))?;
    if answer.count == length {
        Ok(())
    } else {
        Err(ShareError::malformed("the server wrote less than it was given"))
    }
}
