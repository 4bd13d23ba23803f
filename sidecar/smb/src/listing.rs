//! Listings: whole, or batch by batch as the server sends them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use causeway_paths::SharePath;
use futures::Stream;
use smb2::client::connection::Frame;
use smb2::msg::query_directory::{FileInformationClass, QueryDirectoryFlags, QueryDirectoryRequest};
use smb2::pack::Pack;
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::create::{Open, Opened, access, option};
use crate::entries::{DotEntries, read_entries};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::OpenHandle;
use crate::lane::Lease;
use crate::limits::{MAX_ENTRIES, deadline};
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work};
use crate::session::succeeded;

/// Bytes of the first answer, so that a listing's first entries are there early.
const FIRST_BUFFER: u32 = 64 * 1024;

/// Bytes of each further answer.
const BUFFER: u32 = 256 * 1024;

/// QUERY_DIRECTORY requests in flight: the server fills one answer while another is on its way and is read here.
const REQUESTS: usize = 2;

/// Batches that wait for a slow consumer before the server is asked for no more.
const WAITING_BATCHES: usize = 2;

/// Where a `*` asks for every name (MS-SMB2 2.2.33).
const EVERYTHING: &str = "*";

impl SharePool {
    /// All entries of a directory, in the server's order, without `.` and `..`.
    ///
    /// `TooManyEntries` beyond [`MAX_ENTRIES`].
    pub async fn list(&self, path: &SharePath) -> Result<Vec<Metadata>, ShareError> {
        self.list_with_dots(path).await.map(|(entries, _)| entries)
    }

    /// [`list`](Self::list) with what the directory says of itself and of the directory that holds it.
    pub async fn list_with_dots(&self, path: &SharePath) -> Result<(Vec<Metadata>, DotEntries), ShareError> {
        let listed = async {
            match self.list_once(path).await {
                Err(error) if error.kind() == ShareErrorKind::ConnectionLost => self.list_once(path).await,
                outcome => outcome,
            }
        };
        tokio::time::timeout(deadline::LIST, listed)
            .await
            .unwrap_or_else(|_| Err(ShareErrorKind::TimedOut.into()))
    }

    /// Over the batches, so that a listing nobody waits for any more ends with the next batch.
    async fn list_once(&self, path: &SharePath) -> Result<(Vec<Metadata>, DotEntries), ShareError> {
        let mut batches = self.list_batches(path).await?;
        let mut entries = batches.first.take().unwrap_or_default();
        while let Some(batch) = batches.rest.recv().await {
            entries.append(&mut batch?);
            if entries.len() > MAX_ENTRIES {
                return Err(ShareErrorKind::TooManyEntries.into());
            }
        }
        Ok((entries, batches.dots))
    }

    /// The entries of a directory batch by batch, as the server sends them. The first batch has arrived when this
    /// returns, so that a missing directory is an error here; an empty directory gives no batch.
    ///
    /// Reads at most a few batches ahead. Each further batch has the deadline of a whole listing. Nothing is repeated
    /// once the first batch is out.
    pub async fn list_batches(&self, path: &SharePath) -> Result<ListBatches, ShareError> {
        let (reader, first, dots) = self
            .look(Work::Listing, deadline::LIST, |lease| {
                let path = path.clone();
                async move {
                    let mut reader = DirectoryReader::open(lease, path).await?;
                    let mut first = Vec::new();
                    if reader.next_batch(&mut first).await? {
                        let dots = reader.dots;
                        return Ok((Some(reader), first, dots));
                    }
                    reader.handle.close().await;
                    Ok((None, first, reader.dots))
                }
            })
            .await?;
        let (batches, receiver) = mpsc::channel(WAITING_BATCHES);
        if let Some(reader) = reader {
            tokio::spawn(send_batches(reader, batches));
        }
        Ok(ListBatches { first: (!first.is_empty()).then_some(first), dots, rest: receiver })
    }
}

/// Batches of a listing. Dropping it ends the listing and closes the directory.
#[derive(Debug)]
pub struct ListBatches {
    first: Option<Vec<Metadata>>,
    /// Servers send them first.
    dots: DotEntries,
    rest: mpsc::Receiver<Result<Vec<Metadata>, ShareError>>,
}

impl Stream for ListBatches {
    type Item = Result<Vec<Metadata>, ShareError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.poll_recv(context),
        }
    }
}

/// Reads on until the end or until nobody listens. The directory is closed before the listing ends, so that whoever
/// then deletes it finds no handle of ours in the way.
async fn send_batches(mut reader: DirectoryReader, batches: mpsc::Sender<Result<Vec<Metadata>, ShareError>>) {
    while let Ok(place) = batches.reserve().await {
        let mut batch = Vec::new();
        match tokio::time::timeout(deadline::LIST, reader.next_batch(&mut batch)).await {
            Ok(Ok(true)) => place.send(Ok(batch)),
            Ok(Ok(false)) => break,
            Ok(Err(error)) => {
                place.send(Err(error));
                break;
            }
            Err(_) => {
                reader.handle.lease().note_timeout(deadline::LIST);
                place.send(Err(ShareErrorKind::TimedOut.into()));
                break;
            }
        }
    }
    reader.handle.close().await;
}

/// An open directory with QUERY_DIRECTORY requests in flight.
struct DirectoryReader {
    handle: OpenHandle,
    answers: VecDeque<JoinHandle<Result<Frame, ShareError>>>,
    /// The answer that came together with the CREATE's.
    first: Option<Frame>,
    buffer: u32,
    dots: DotEntries,
    /// The server has said that there is no more.
    ended: bool,
}

impl DirectoryReader {
    /// Opens the directory and asks for its first entries in one message.
    async fn open(lease: Lease, path: SharePath) -> Result<Self, ShareError> {
        let create = Open::existing(access::LIST, option::DIRECTORY).request(lease.wire_name(&path));
        let first = lease.piece(FIRST_BUFFER, lease.max_transact);
        let query = query_directory(FileId::SENTINEL, first);
        let requests: [(Command, &dyn Pack, u32); 2] =
            [(Command::Create, &create, 0), (Command::QueryDirectory, &query, first)];
        let mut answers = lease.ask_chain(&requests).await?.into_iter();
        let mut next =
            || answers.next().unwrap_or_else(|| Err(ShareError::malformed("an answer is missing")));

        let opened = Opened::read(&succeeded(next()?)?, &path)?;
        let buffer = lease.piece(BUFFER, lease.max_transact);
        let mut reader = Self {
            handle: OpenHandle::adopt(lease, opened.id),
            answers: VecDeque::new(),
            first: None,
            buffer,
            dots: DotEntries::default(),
            ended: false,
        };
        let first = next()?;
        // Windows answers so when it cannot finish a request within a chain (MS-SMB2 3.3.5.2.7): ask again by itself.
        if first.header.status != NtStatus::INTERNAL_ERROR {
            reader.first = Some(first);
        }
        Ok(reader)
    }

    /// Appends the next entries; `false` when there are no more.
    async fn next_batch(&mut self, entries: &mut Vec<Metadata>) -> Result<bool, ShareError> {
        if let Some(first) = self.first.take() {
            // A first answer that was not filled is usually all there is; then one more request finds the end.
            let filled = first.body.len() > FIRST_BUFFER as usize / 2;
            self.fill(if filled { REQUESTS } else { 1 });
            if self.read_answer(first, entries)? {
                return Ok(true);
            }
        }
        self.fill(REQUESTS);
        // Requests may overtake each other, so that the end is seen before entries that are still to come: it is the end
        // when all requests have been answered.
        while let Some(answer) = self.answers.pop_front() {
            let answer =
                answer.await.map_err(|panic| ShareError::caused_by(ShareErrorKind::Protocol, panic))??;
            if self.read_answer(answer, entries)? {
                self.fill(REQUESTS);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `false` when the answer says that there is no more.
    fn read_answer(&mut self, answer: Frame, entries: &mut Vec<Metadata>) -> Result<bool, ShareError> {
        match answer.header.status {
            // NO_SUCH_FILE answers a first request in a directory without even `.` (MS-SMB2 3.3.5.18).
            NtStatus::NO_MORE_FILES | NtStatus::NO_SUCH_FILE => {
                self.ended = true;
                Ok(false)
            }
            _ => {
                read_entries(entry_bytes(&succeeded(answer)?)?, entries, &mut self.dots)?;
                Ok(true)
            }
        }
    }

    fn fill(&mut self, requests: usize) {
        while !self.ended && self.answers.len() < requests {
            let (session, id, buffer) =
                (Arc::clone(self.handle.lease().session()), self.handle.id(), self.buffer);
            self.answers.push_back(tokio::spawn(async move {
                session.ask(Command::QueryDirectory, &query_directory(id, buffer), buffer).await
            }));
        }
    }
}

fn query_directory(id: FileId, buffer: u32) -> QueryDirectoryRequest {
    QueryDirectoryRequest {
        file_information_class: FileInformationClass::FileIdBothDirectoryInformation,
        flags: QueryDirectoryFlags(0),
        file_index: 0,
        file_id: id,
        output_buffer_length: buffer,
        file_name: EVERYTHING.to_owned(),
    }
}

/// The entries in an answer (MS-SMB2 2.2.34), in place.
fn entry_bytes(frame: &Frame) -> Result<&[u8], ShareError> {
    /// An offset counts from the header, which is not part of the body.
    const HEADER: usize = smb2::msg::header::Header::SIZE;
    let body = &frame.body;
    let bounds = || {
        let offset = usize::from(u16::from_le_bytes(body.get(2..4)?.try_into().ok()?));
        let length = u32::from_le_bytes(body.get(4..8)?.try_into().ok()?) as usize;
        let start = offset.checked_sub(HEADER)?;
        body.get(start..start.checked_add(length)?)
    };
    bounds().ok_or_else(|| ShareError::malformed("a listing's answer is cut off"))
}
