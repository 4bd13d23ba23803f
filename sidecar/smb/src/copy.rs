//! Server-side copy (MS-SMB2 3.2.4.20.2, 3.3.5.15.6): the bytes never leave the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causeway_paths::SharePath;
use causeway_versions::FileVersion;
use smb2::client::connection::Frame;
use smb2::msg::copychunk::{
    SrvCopychunk, SrvCopychunkCopy, SrvCopychunkResponse, SrvRequestResumeKeyResponse,
};
use smb2::msg::flush::FlushRequest;
use smb2::msg::ioctl::{
    FSCTL_SRV_COPYCHUNK_WRITE, FSCTL_SRV_REQUEST_RESUME_KEY, IoctlRequest, IoctlResponse,
    SMB2_0_IOCTL_IS_FSCTL,
};
use smb2::pack::{Pack, ReadCursor, Unpack, WriteCursor};
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId};
use tokio::sync::watch;

use crate::create::{Open, SHARE_NOTHING, SHARE_READ, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::{OpenHandle, class};
use crate::lane::Lease;
use crate::limits::deadline;
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work};
use crate::session::{Session, succeeded};

/// What servers allow unless they say otherwise (MS-SMB2 3.3.3): 256 ranges of 1 MiB, 16 MiB a request.
const DEFAULT_LIMITS: Limits = Limits { chunks: 16, chunk_bytes: 1024 * 1024, total_bytes: 16 * 1024 * 1024 };

/// Length of the answer with the key: 24 bytes, a length and what nobody uses.
const RESUME_KEY_ANSWER: u32 = 32;

#[derive(Clone, Copy)]
struct Limits {
    chunks: u32,
    chunk_bytes: u32,
    total_bytes: u32,
}

impl SharePool {
    /// Copies the content of a file to a new one without moving it through here. `progress` is told the bytes copied.
    ///
    /// `NotSupported` when the server cannot; `AlreadyExists` when there is something at `to`. On failure, or when this
    /// future is dropped, nothing is left at `to`.
    pub async fn server_copy(
        &self,
        from: &SharePath,
        to: &SharePath,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Metadata, ShareError> {
        let lease = self.lease(Work::Write).await?;
        let (copied, mut steps) = watch::channel(0_u64);
        // Dropped with this future, which ends the copy after the step under way.
        let (alive, cancelled) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(copy(lease, from.clone(), to.clone(), copied, cancelled));
        while steps.changed().await.is_ok() {
            let bytes = *steps.borrow_and_update();
            progress(bytes);
        }
        let outcome = task.await.map_err(|panic| ShareError::caused_by(ShareErrorKind::Protocol, panic))?;
        drop(alive);
        outcome
    }
}

impl SharePool {
    /// Writes the content of one file over that of another, which stays the file it is: where the server lets nobody put
    /// a new file in its place. It is on the server's disk when this returns.
    ///
    /// `Changed` when the file at `to` is not of the version `expected` any more, `InUse` when anybody else has it open,
    /// were it for reading. Nobody can open it meanwhile. The error says whether anything was done to the file.
    pub async fn overwrite(
        &self,
        from: &SharePath,
        to: &SharePath,
        expected: Option<FileVersion>,
    ) -> Result<Metadata, NotOverwritten> {
        let untouched = |error| NotOverwritten { error, touched: false };
        let lease = self.lease(Work::Write).await.map_err(untouched)?;
        let (from, to, touched) = (from.clone(), to.clone(), Arc::new(AtomicBool::new(false)));
        let written = tokio::spawn(overwrite(lease, from, to, expected, Arc::clone(&touched))).await;
        let written =
            written.unwrap_or_else(|panic| Err(ShareError::caused_by(ShareErrorKind::Protocol, panic)));
        written.map_err(|error| NotOverwritten { error, touched: touched.load(Ordering::SeqCst) })
    }

    /// Waits until the content of a file is on the server's disk.
    pub async fn flush(&self, path: &SharePath) -> Result<(), ShareError> {
        let path = path.clone();
        self.look(Work::Write, deadline::FLUSH, move |lease| {
            let path = path.clone();
            async move {
                let open = Open::existing(access::WRITE_IN_PLACE, option::NON_DIRECTORY);
                let (file, _) = OpenHandle::open(lease, &path, &open).await?;
                let flushed = flush(&file).await;
                file.close().await;
                flushed
            }
        })
        .await
    }
}

/// A file that was not written over.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct NotOverwritten {
    /// Why.
    pub error: ShareError,
    /// Whether writing had begun: the file may hold some of both contents.
    pub touched: bool,
}

async fn overwrite(
    lease: Lease,
    from: SharePath,
    to: SharePath,
    expected: Option<FileVersion>,
    touched: Arc<AtomicBool>,
) -> Result<Metadata, ShareError> {
    let in_place =
        Open { sharing: SHARE_NOTHING, ..Open::existing(access::WRITE_IN_PLACE, option::NON_DIRECTORY) };
    let (target, found) =
        within(&lease, deadline::OPEN, OpenHandle::open(lease.clone(), &to, &in_place)).await?;
    // From here on nobody else reads or writes it.
    if expected.is_some_and(|expected| expected != found.version()) {
        target.close().await;
        return Err(ShareErrorKind::Changed.into());
    }
    let source = Open::existing(access::READ, option::NON_DIRECTORY);
    let (source, metadata) =
        within(&lease, deadline::OPEN, OpenHandle::open(lease.clone(), &from, &source)).await?;
    let key = within(&lease, deadline::OPEN, resume_key(&lease, source.id())).await?;
    touched.store(true, Ordering::SeqCst);
    copy_content(&lease, key, target.id(), metadata.size, |_| true).await?;
    let end = metadata.size.to_le_bytes().to_vec();
    within(&lease, deadline::CHANGE, target.set(class::END_OF_FILE, end)).await?;
    within(&lease, deadline::FLUSH, flush(&target)).await?;
    let written = within(&lease, deadline::CHANGE, target.close_with_metadata(&found)).await?;
    source.close().await;
    Ok(written)
}

async fn flush(file: &OpenHandle) -> Result<(), ShareError> {
    file.lease().call(Command::Flush, &FlushRequest { file_id: file.id() }, 0).await.map(drop)
}

async fn copy(
    lease: Lease,
    from: SharePath,
    to: SharePath,
    copied: watch::Sender<u64>,
    mut cancelled: tokio::sync::oneshot::Receiver<()>,
) -> Result<Metadata, ShareError> {
    let (source, source_metadata) = within(
        &lease,
        deadline::OPEN,
        OpenHandle::open(lease.clone(), &from, &Open::existing(access::READ, option::NON_DIRECTORY)),
    )
    .await?;
    let key = within(&lease, deadline::OPEN, resume_key(&lease, source.id())).await?;
    let (target, target_metadata) = within(
        &lease,
        deadline::CHANGE,
        OpenHandle::open(lease.clone(), &to, &Open::new(access::WRITE, SHARE_READ, option::NON_DIRECTORY)),
    )
    .await?;
    // Until the copy is complete it goes with its handle.
    within(&lease, deadline::CHANGE, target.set(class::DISPOSITION, vec![1])).await?;

    copy_content(&lease, key, target.id(), source_metadata.size, |done| {
        copied.send_replace(done);
        cancelled.try_recv() != Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    })
    .await?;
    within(&lease, deadline::CHANGE, target.set(class::DISPOSITION, vec![0])).await?;
    let metadata = within(&lease, deadline::CHANGE, target.close_with_metadata(&target_metadata)).await?;
    source.close().await;
    Ok(metadata)
}

/// Copies `size` bytes from the file of that key to the beginning of another one. `goes_on` is told the bytes copied so
/// far, and says whether to go on.
async fn copy_content(
    lease: &Lease,
    key: [u8; 24],
    target: FileId,
    size: u64,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<(), ShareError> {
    let mut limits = DEFAULT_LIMITS;
    let mut done = 0;
    while done < size {
        if !goes_on(done) {
            return Err(ShareError::caused_by(ShareErrorKind::TimedOut, "the copy was given up"));
        }
        let request = next_request(key, done, size, limits);
        let frame = within(lease, deadline::COPY_STEP, copy_chunks(lease, target, &request)).await?;
        match read_outcome(&frame, limits)? {
            Outcome::Copied(0) => return Err(ShareErrorKind::Changed.into()),
            Outcome::Copied(bytes) => done += bytes,
            Outcome::TooMuch(smaller) => limits = smaller,
        }
    }
    goes_on(done);
    Ok(())
}

async fn within<T>(
    lease: &Lease,
    limit: std::time::Duration,
    step: impl Future<Output = Result<T, ShareError>>,
) -> Result<T, ShareError> {
    if let Ok(outcome) = tokio::time::timeout(limit, step).await {
        return outcome;
    }
    // A request may have been dropped half-way: this session is of no more use.
    lease.abandon();
    Err(ShareErrorKind::TimedOut.into())
}

async fn resume_key(session: &Session, source: FileId) -> Result<[u8; 24], ShareError> {
    let request = ioctl(FSCTL_SRV_REQUEST_RESUME_KEY, source, Vec::new(), RESUME_KEY_ANSWER);
    let frame = session.ask(Command::Ioctl, &request, RESUME_KEY_ANSWER).await?;
    let frame = succeeded(frame).map_err(unsupported_if_unknown)?;
    let answer = IoctlResponse::unpack(&mut ReadCursor::new(&frame.body))?;
    Ok(SrvRequestResumeKeyResponse::unpack(&mut ReadCursor::new(&answer.output_data))?.resume_key)
}

/// Servers without server-side copy have many ways to say so.
fn unsupported_if_unknown(error: ShareError) -> ShareError {
    if error.kind() == ShareErrorKind::Protocol {
        error.with_kind(ShareErrorKind::NotSupported)
    } else {
        error
    }
}

async fn copy_chunks(
    session: &Session,
    target: FileId,
    request: &SrvCopychunkCopy,
) -> Result<Frame, ShareError> {
    let mut cursor = WriteCursor::new();
    request.pack(&mut cursor);
    let answer = u32::try_from(SrvCopychunkResponse::SIZE).unwrap_or(u32::MAX);
    let request = ioctl(FSCTL_SRV_COPYCHUNK_WRITE, target, cursor.into_inner(), answer);
    session.ask(Command::Ioctl, &request, answer).await
}

fn ioctl(ctl_code: u32, file_id: FileId, input_data: Vec<u8>, max_output_response: u32) -> IoctlRequest {
    IoctlRequest {
        ctl_code,
        file_id,
        max_input_response: 0,
        max_output_response,
        flags: SMB2_0_IOCTL_IS_FSCTL,
        input_data,
    }
}

fn next_request(source_key: [u8; 24], done: u64, size: u64, limits: Limits) -> SrvCopychunkCopy {
    let mut chunks = Vec::new();
    let mut offset = done;
    let mut room = limits.total_bytes;
    while offset < size && room > 0 && (chunks.len() as u64) < u64::from(limits.chunks) {
        let left = u32::try_from(size - offset).unwrap_or(u32::MAX);
        let length = limits.chunk_bytes.min(room).min(left);
        chunks.push(SrvCopychunk { source_offset: offset, target_offset: offset, length });
        offset += u64::from(length);
        room -= length;
    }
    SrvCopychunkCopy { source_key, chunks }
}

enum Outcome {
    Copied(u64),
    /// The server allows less than was asked for.
    TooMuch(Limits),
}

/// MS-SMB2 3.2.5.14.3: what was copied, or with `INVALID_PARAMETER` what may be.
fn read_outcome(frame: &Frame, limits: Limits) -> Result<Outcome, ShareError> {
    let status = frame.header.status;
    let answer = || -> Result<SrvCopychunkResponse, ShareError> {
        let answer = IoctlResponse::unpack(&mut ReadCursor::new(&frame.body))?;
        Ok(SrvCopychunkResponse::unpack(&mut ReadCursor::new(&answer.output_data))?)
    };
    if status == NtStatus::SUCCESS {
        return Ok(Outcome::Copied(u64::from(answer()?.total_bytes_written)));
    }
    if status == NtStatus::INVALID_PARAMETER
        && let Ok(allowed) = answer()
    {
        let smaller = Limits {
            chunks: allowed.chunks_written.min(limits.chunks),
            chunk_bytes: allowed.chunk_bytes_written.min(limits.chunk_bytes),
            total_bytes: allowed.total_bytes_written.min(limits.total_bytes),
        };
        let shrinks = smaller.chunks < limits.chunks
            || smaller.chunk_bytes < limits.chunk_bytes
            || smaller.total_bytes < limits.total_bytes;
        if shrinks && smaller.chunks > 0 && smaller.chunk_bytes > 0 && smaller.total_bytes > 0 {
            return Ok(Outcome::TooMuch(smaller));
        }
    }
    Err(unsupported_if_unknown(ShareError::from_status(status, Command::Ioctl)))
}
