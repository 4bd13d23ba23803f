//! Reading files: [`ReadHandle`] and its [`ReadStream`]s.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use causeway_paths::SharePath;
use futures::Stream;
use futures::future::FutureExt;
use smb2::client::connection::Frame;
use smb2::msg::read::{ReadRequest, SMB2_CHANNEL_NONE};
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};

use crate::budget::ByteBudget;
use crate::create::{Open, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::OpenHandle;
use crate::limits::{ReadAhead, deadline};
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work, detached};
use crate::session::Session;

/// The first piece of a stream is small, so that its first byte is there early.
const FIRST_PIECE: u32 = 128 * 1024;

/// A piece for which the budget has no room; every stream may hold one.
const UNBUDGETED_PIECE: u32 = 128 * 1024;

impl SharePool {
    /// Opens a file for reading. Others may read, write, rename and delete it meanwhile.
    pub async fn open_read(&self, path: &SharePath) -> Result<ReadHandle, ShareError> {
        let (handle, metadata) = self
            .look(Work::Read, deadline::OPEN, |lease| {
                let path = path.clone();
                async move {
                    let open = Open::existing(access::READ, option::NON_DIRECTORY);
                    OpenHandle::open(lease, &path, &open).await
                }
            })
            .await?;
        Ok(ReadHandle { handle: Arc::new(handle), metadata, budget: Arc::clone(self.budget()) })
    }
}

/// A file open for reading. Closed on drop, once its streams are gone too.
pub struct ReadHandle {
    handle: Arc<OpenHandle>,
    metadata: Metadata,
    budget: Arc<ByteBudget>,
}

impl ReadHandle {
    /// What the server said about the file when it was opened.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Bytes `offset..offset + length`, fewer at the end of the file, none behind it.
    pub async fn read_at(&self, offset: u64, length: u32) -> Result<Bytes, ShareError> {
        let lease = self.handle.lease();
        let length = lease.piece(length, lease.max_read);
        let (session, id) = (Arc::clone(lease.session()), self.handle.id());
        detached(deadline::READ, lease.clone(), async move { read(&session, id, offset, length).await }).await
    }

    /// The bytes of `range`, in order. A range that ends behind the end of the file, as it was when opened, is cut
    /// there. Ends with `Changed` when the file turns out to be shorter.
    ///
    /// Reads ahead of the consumer by `ahead`, and less when the budget of the process is used up. After an error the
    /// stream is over.
    pub fn stream(&self, range: Range<u64>, ahead: ReadAhead) -> ReadStream {
        let lease = self.handle.lease();
        let end = range.end.min(self.metadata.size);
        ReadStream {
            chunk: lease.piece(ahead.chunk, lease.max_read),
            requests: ahead.requests.max(1),
            next: range.start.min(end),
            end,
            first: true,
            pieces: VecDeque::with_capacity(ahead.requests.max(1)),
            budget: Arc::clone(&self.budget),
            deadline: None,
            source: Source::Open(Arc::clone(&self.handle)),
        }
    }

    /// Closes the file now and waits for it. The same as dropping it while a stream still lives.
    pub async fn close(self) {
        if let Some(handle) = Arc::into_inner(self.handle) {
            handle.close().await;
        }
    }
}

impl std::fmt::Debug for ReadHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReadHandle").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// The bytes of a range of a file. Keeps the file open; dropping it ends the reading.
///
/// When the stream was the last that needed the file, it ends once the file is closed, so that whoever then deletes or
/// replaces it finds no handle of ours in the way.
pub struct ReadStream {
    source: Source,
    chunk: u32,
    requests: usize,
    /// The first byte that has not been asked for.
    next: u64,
    end: u64,
    first: bool,
    pieces: VecDeque<Piece>,
    budget: Arc<ByteBudget>,
    /// Runs while the consumer waits.
    deadline: Option<Pin<Box<Sleep>>>,
}

enum Source {
    Open(Arc<OpenHandle>),
    Closing(JoinHandle<()>),
    Closed,
}

/// A request in flight, or its answer waiting for its turn.
struct Piece {
    task: JoinHandle<Result<Bytes, ShareError>>,
    /// Held until the piece goes to the consumer.
    _permit: Option<OwnedSemaphorePermit>,
}

impl ReadStream {
    fn fill(&mut self) {
        let Source::Open(handle) = &self.source else { return };
        while self.next < self.end && self.pieces.len() < self.requests {
            let wanted = if self.first { self.chunk.min(FIRST_PIECE) } else { self.chunk };
            let wanted = u32::try_from(self.end - self.next).map_or(wanted, |left| left.min(wanted));
            let permit = self.budget.try_take(wanted as usize);
            let length = match &permit {
                Some(_) => wanted,
                None if self.pieces.is_empty() => wanted.min(UNBUDGETED_PIECE),
                None => return,
            };
            let (session, id, offset) = (Arc::clone(handle.lease().session()), handle.id(), self.next);
            let task = tokio::spawn(async move { read_whole(&session, id, offset, length).await });
            self.pieces.push_back(Piece { task, _permit: permit });
            self.next += u64::from(length);
            self.first = false;
        }
    }

    fn end_with(&mut self, error: ShareError) -> Poll<Option<Result<Bytes, ShareError>>> {
        self.next = self.end;
        self.pieces.clear();
        self.source = Source::Closed;
        Poll::Ready(Some(Err(error)))
    }

    /// Everything has been handed out.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Source::Open(handle) = std::mem::replace(&mut self.source, Source::Closed)
            && let Some(handle) = Arc::into_inner(handle)
        {
            self.source = Source::Closing(tokio::spawn(handle.close()));
        }
        match &mut self.source {
            Source::Closing(closing) => {
                std::task::ready!(closing.poll_unpin(context)).unwrap_or_default();
                self.source = Source::Closed;
                Poll::Ready(())
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Stream for ReadStream {
    type Item = Result<Bytes, ShareError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.fill();
        let Some(piece) = self.pieces.front_mut() else {
            return self.poll_close(context).map(|()| None);
        };
        if let Poll::Ready(outcome) = piece.task.poll_unpin(context) {
            self.deadline = None;
            self.pieces.pop_front();
            return match outcome {
                Ok(Ok(bytes)) => {
                    self.fill();
                    Poll::Ready(Some(Ok(bytes)))
                }
                Ok(Err(error)) => self.end_with(error),
                Err(panic) => self.end_with(ShareError::caused_by(ShareErrorKind::Protocol, panic)),
            };
        }
        let timer = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + deadline::READ)));
        if timer.poll_unpin(context).is_ready() {
            if let Source::Open(handle) = &self.source {
                handle.lease().note_timeout(deadline::READ);
            }
            return self.end_with(ShareErrorKind::TimedOut.into());
        }
        Poll::Pending
    }
}

impl std::fmt::Debug for ReadStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReadStream")
            .field("next", &self.next)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Reads exactly `length` bytes. A server may answer with fewer and have more (MS-SMB2 3.3.5.12); with none, the file
/// has become shorter.
async fn read_whole(session: &Session, id: FileId, offset: u64, length: u32) -> Result<Bytes, ShareError> {
    let first = read(session, id, offset, length).await?;
    if first.len() == length as usize {
        return Ok(first);
    }
    let mut whole = Vec::with_capacity(length as usize);
    whole.extend_from_slice(&first);
    while whole.len() < length as usize {
        let missing = length - u32::try_from(whole.len()).unwrap_or(length);
        let more = read(session, id, offset + whole.len() as u64, missing).await?;
        if more.is_empty() {
            return Err(ShareErrorKind::Changed.into());
        }
        whole.extend_from_slice(&more);
    }
    Ok(whole.into())
}

/// One READ; empty at and behind the end of the file.
pub(crate) async fn read(
    session: &Session,
    id: FileId,
    offset: u64,
    length: u32,
) -> Result<Bytes, ShareError> {
    let request = ReadRequest {
        // Where the data shall begin in the answer (MS-SMB2 2.2.19): right behind the fixed part.
        padding: 0x50,
        flags: 0,
        length,
        offset,
        file_id: id,
        minimum_count: 0,
        channel: SMB2_CHANNEL_NONE,
        remaining_bytes: 0,
        read_channel_info: Vec::new(),
    };
    let frame = session.ask(Command::Read, &request, length).await?;
    match frame.header.status {
        NtStatus::END_OF_FILE => Ok(Bytes::new()),
        NtStatus::SUCCESS | NtStatus::BUFFER_OVERFLOW => read_data(frame, length),
        status => Err(ShareError::from_status(status, Command::Read)),
    }
}

/// The data of an answer (MS-SMB2 2.2.20), without copying it.
fn read_data(frame: Frame, asked: u32) -> Result<Bytes, ShareError> {
    const HEADER: usize = smb2::msg::header::Header::SIZE;
    // Frames carry their bytes twice; the one not needed goes before the other is kept.
    let Frame { body, raw, .. } = frame;
    drop(raw);
    let bounds = |body: &[u8]| {
        let start = usize::from(*body.get(2)?).checked_sub(HEADER)?;
        let length = u32::from_le_bytes(body.get(4..8)?.try_into().ok()?);
        let end = start.checked_add(length as usize)?;
        (end <= body.len() && length <= asked).then_some(start..end)
    };
    let range = bounds(&body).ok_or_else(|| ShareError::malformed("the data of a READ are cut off"))?;
    Ok(Bytes::from(body).slice(range))
}
