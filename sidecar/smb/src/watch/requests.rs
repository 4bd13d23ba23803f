//! The requests that a watch keeps at the server.

mod answers;

use std::sync::Arc;
use std::time::Duration;

use causeway_change_notify::read_answer;
use smb2::client::connection::Frame;
use smb2::msg::change_notify::{
    ChangeNotifyRequest, FILE_NOTIFY_CHANGE_ATTRIBUTES, FILE_NOTIFY_CHANGE_DIR_NAME,
    FILE_NOTIFY_CHANGE_FILE_NAME, FILE_NOTIFY_CHANGE_LAST_WRITE, FILE_NOTIFY_CHANGE_SIZE, SMB2_WATCH_TREE,
};
use smb2::types::Command;
use smb2::types::status::NtStatus;

use self::answers::Answers;
use super::inbox::Inbox;
use super::{WatchEvent, WatchFilter, WatchOptions};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::OpenHandle;
use crate::metadata::RawTimes;
use crate::session::Session;

/// Requests kept at the server: one that takes the next change, one for what comes while that is being read.
const IN_FLIGHT: usize = 2;

/// How long a request waits in turn after an answer that told nothing, so that a server which answers so at once, again
/// and again, keeps neither side busy. The other request is at the server meanwhile.
const PAUSE_AFTER_NOTHING: Duration = Duration::from_millis(20);

/// `STATUS_NOTIFY_CLEANUP` (MS-ERREF 2.3.1): the handle was closed, by whomever.
const NOTIFY_CLEANUP: NtStatus = NtStatus(0x0000_010B);

/// `STATUS_INSUFFICIENT_RESOURCES`: Windows holds 512 requests of one connection and no more (MS-SMB2 3.3.4.2).
const INSUFFICIENT_RESOURCES: NtStatus = NtStatus(0xC000_009A);

/// The requests of one watch, whose answers are taken in the order in which they arrive, as far as that is known
/// ([`Answers::next`]).
///
/// That is not always the order in which they were asked for. Samba holds the first half of a rename back for the second
/// one, and answers a request that comes in at that very moment with what it has: the old name goes to the newer request,
/// the new name after it to the older one. What a server tells first has happened first.
pub(super) struct Requests {
    session: Arc<Session>,
    request: ChangeNotifyRequest,
    answers: Answers,
}

impl Requests {
    pub(super) fn of(handle: &OpenHandle, options: WatchOptions) -> Self {
        let session = Arc::clone(handle.lease().session());
        let buffer = options.buffer.min(WatchOptions::DEFAULT_BUFFER).min(session.max_transact);
        let request = ChangeNotifyRequest {
            flags: if options.recursive { SMB2_WATCH_TREE } else { 0 },
            output_buffer_length: buffer,
            file_id: handle.id(),
            completion_filter: match options.filter {
                // Attributes, because Samba reports under this bit, and no other, what is written into a file on its
                // disk beside SMB.
                WatchFilter::Contents => {
                    FILE_NOTIFY_CHANGE_FILE_NAME
                        | FILE_NOTIFY_CHANGE_DIR_NAME
                        | FILE_NOTIFY_CHANGE_SIZE
                        | FILE_NOTIFY_CHANGE_LAST_WRITE
                        | FILE_NOTIFY_CHANGE_ATTRIBUTES
                }
                WatchFilter::DirectoryNames => FILE_NOTIFY_CHANGE_DIR_NAME,
            },
        };
        let mut requests = Self { session, request, answers: Answers::default() };
        for _ in 0..IN_FLIGHT {
            requests.ask(Duration::ZERO);
        }
        requests
    }

    fn ask(&mut self, pause: Duration) {
        let session = Arc::clone(&self.session);
        let request = self.request.clone();
        let asked = async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let answer = session.ask(Command::ChangeNotify, &request, request.output_buffer_length).await?;
            Ok((answer.header.message_id.0, meaning(&answer)?))
        };
        self.answers.push(Box::pin(asked));
    }

    /// Sends the requests and comes back once the server watches; the times of the directory as of then.
    ///
    /// A question about the same handle goes out right behind them. Servers that take the requests of a connection in
    /// turn, Samba for one, watch when that is answered. Others say of each request that it waits (`STATUS_PENDING`,
    /// MS-SMB2 3.3.4.2), and that is waited for too.
    pub(super) async fn arm(&mut self, handle: &OpenHandle, inbox: &Inbox) -> Result<RawTimes, ShareError> {
        let times = handle.times();
        tokio::pin!(times);
        let times = loop {
            tokio::select! {
                // In this order: the first look at each sends it.
                biased;
                outcome = self.next(inbox) => if let Err(error) = outcome {
                    // It has its place in the sequence of messages already.
                    let _ = times.await;
                    return Err(error);
                },
                times = &mut times => break times?,
            }
        };
        self.session.all_parked(Command::ChangeNotify).await;
        Ok(times)
    }

    /// Takes in what has arrived and sends as many requests. May be dropped at any point, if it is called again or
    /// [`run_out`](Self::run_out) is.
    pub(super) async fn next(&mut self, inbox: &Inbox) -> Result<(), ShareError> {
        let (events, ended) = self.answers.next().await;
        if events.is_empty() && ended.is_none() {
            return Err(ShareError::malformed("a watch without requests"));
        }
        for event in events {
            if ended.is_none() {
                let pause = if event == WatchEvent::Overflow { PAUSE_AFTER_NOTHING } else { Duration::ZERO };
                self.ask(pause);
            }
            inbox.put(event);
        }
        ended.map_or(Ok(()), Err)
    }

    /// Waits until all are answered.
    pub(super) async fn run_out(self) {
        self.answers.run_out().await;
    }
}

fn meaning(answer: &Frame) -> Result<WatchEvent, ShareError> {
    let failed = |kind| ShareError::from_status(answer.header.status, Command::ChangeNotify).with_kind(kind);
    match answer.header.status {
        NtStatus::SUCCESS => read_answer(&answer.body)
            .map(|changes| changes.map_or(WatchEvent::Overflow, WatchEvent::Changed))
            .map_err(|malformed| ShareError::caused_by(ShareErrorKind::Protocol, malformed)),
        NtStatus::NOTIFY_ENUM_DIR => Ok(WatchEvent::Overflow),
        // Opening it again tells what became of the directory.
        NOTIFY_CLEANUP | NtStatus::CANCELLED => Err(failed(ShareErrorKind::ConnectionLost)),
        NtStatus::NOT_SUPPORTED | NtStatus::NOT_IMPLEMENTED | NtStatus::INVALID_DEVICE_REQUEST => {
            Err(failed(ShareErrorKind::WatchUnsupported))
        }
        INSUFFICIENT_RESOURCES => Err(failed(ShareErrorKind::TooManyWatches)),
        status => Err(ShareError::from_status(status, Command::ChangeNotify)),
    }
}
