//! [`Watch`]: a directory whose changes the server reports (CHANGE_NOTIFY, MS-SMB2 3.2.4.16, 3.3.5.19).
//!
//! The server keeps one list of changes for a handle, from the first CHANGE_NOTIFY on it, and answers each request with
//! what has come together since the answer before, or holds it until there is something. Two requests are kept at the
//! server, because some forget what happens while they hold none. They belong to a task of their own that outlives every
//! caller: a request that was begun is sent to its end, and a handle is closed whatever happens.

mod inbox;
mod requests;

use std::sync::Arc;

use causeway_paths::SharePath;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use causeway_change_notify::{ChangeAction, ItemChange};

use crate::create::{Open, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::OpenHandle;
use crate::lane::Lease;
use crate::limits::deadline;
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work};
use inbox::Inbox;
use requests::Requests;

/// What a [`Watch`] reports, and how much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchOptions {
    /// Which changes count.
    pub filter: WatchFilter,
    /// Whether changes below subdirectories count. Not all servers see those that are made beside SMB: Samba reports
    /// only those that went through it.
    pub recursive: bool,
    /// Bytes of names that the server keeps until they are fetched, 64 KiB at most; beyond it gives
    /// [`WatchEvent::Overflow`].
    pub buffer: u32,
}

impl WatchOptions {
    /// Some five hundred changes; what one credit pays for (MS-SMB2 3.1.5.2).
    pub const DEFAULT_BUFFER: u32 = 64 * 1024;
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { filter: WatchFilter::Contents, recursive: true, buffer: Self::DEFAULT_BUFFER }
    }
}

/// Which changes a [`Watch`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFilter {
    /// Names of files and directories, sizes, times of the last write, attributes.
    Contents,
    /// Names of directories.
    DirectoryNames,
}

/// What happened below a watched directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// These items changed, in this order. An item may come several times.
    Changed(Vec<ItemChange>),
    /// Something changed, and nobody knows what: look at everything. The watch goes on.
    Overflow,
}

/// A watched directory. Dropping it closes it on the server, in the background.
///
/// It ends with its handle and its connection; whoever still wants to know opens another one, and has to look for what
/// changed in between.
#[derive(Debug)]
pub struct Watch {
    metadata: Metadata,
    inbox: Arc<Inbox>,
    stop: DropGuard,
    pump: JoinHandle<()>,
}

impl SharePool {
    /// Watches the directory `path`. [`Watch::metadata`] is from before this returns, and whatever has not been reported
    /// shows in a comparison with it: of what is directly in the directory, Samba learns from the kernel, where another
    /// process of it begins to listen some milliseconds after it has answered, and on a busy machine later than the next
    /// change. (Seen with Samba 4.17: 3 of some 4,000 files made right after this, with ten times as much to do as there
    /// are processors.) Below subdirectories, what changes over SMB is reported from the moment that this returns.
    ///
    /// Beside the errors of any opening, [`WatchUnsupported`](ShareErrorKind::WatchUnsupported) and
    /// [`TooManyWatches`](ShareErrorKind::TooManyWatches).
    pub async fn watch(&self, path: &SharePath, options: WatchOptions) -> Result<Watch, ShareError> {
        match self.watch_once(path, options).await {
            Err(error) if error.kind() == ShareErrorKind::ConnectionLost => {
                tracing::debug!(?error, "opening a watch once more on a new connection");
                self.watch_once(path, options).await
            }
            outcome => outcome,
        }
    }

    async fn watch_once(&self, path: &SharePath, options: WatchOptions) -> Result<Watch, ShareError> {
        let place = self.watch_place()?;
        let lease = self.lease(Work::Watch).await?;
        let session = Arc::clone(lease.session());
        // Not with a lease of its own beside the one that it hands on: leases are counted as watches here.
        let opening = tokio::spawn(open(lease, place, path.clone(), options));
        match tokio::time::timeout(deadline::OPEN, opening).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(ShareError::caused_by(ShareErrorKind::Protocol, panic)),
            Err(_) => {
                session.note_timeout(deadline::OPEN);
                Err(ShareErrorKind::TimedOut.into())
            }
        }
    }
}

impl Watch {
    /// The next thing that happened. May be dropped at any point; nothing is lost by it.
    ///
    /// After an error there is nothing more but the same error:
    /// [`DeletePending`](ShareErrorKind::DeletePending) or [`NotFound`](ShareErrorKind::NotFound) when the directory is
    /// gone, [`ConnectionLost`](ShareErrorKind::ConnectionLost) when the connection, the pool or only the handle is. A
    /// directory that is deleted beside SMB may end nothing at all.
    pub async fn next(&mut self) -> Result<WatchEvent, ShareError> {
        self.inbox.next().await
    }

    /// The directory as it was once the watch was in force, so that its owner sees later whether it is still the same
    /// one and whether it has changed.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Closes it on the server and waits for that, some seconds at most.
    pub async fn close(self) {
        let Self { stop, pump, .. } = self;
        drop(stop);
        let _ = pump.await;
    }
}

/// Opens the directory and sees to it that the server watches.
///
/// Not to be dropped half-way: run it in a task of its own. When nobody waits for that task any more, what it gives is
/// dropped, and that closes the handle.
async fn open(
    lease: Lease,
    place: OwnedSemaphorePermit,
    path: SharePath,
    options: WatchOptions,
) -> Result<Watch, ShareError> {
    let directory = Open::existing(access::LIST, option::DIRECTORY);
    let (handle, mut metadata) = OpenHandle::open(lease, &path, &directory).await?;
    let mut requests = Requests::of(&handle, options);
    let inbox = Arc::new(Inbox::default());
    match requests.arm(&handle, &inbox).await {
        Ok(times) => metadata.set_times(&times),
        Err(error) => {
            finish(handle, requests).await;
            return Err(error);
        }
    }
    let stop = CancellationToken::new();
    let pump = tokio::spawn(pump(handle, requests, Arc::clone(&inbox), stop.clone(), place));
    Ok(Watch { metadata, inbox, stop: stop.drop_guard(), pump })
}

/// Takes in answers and asks anew, until the watch ends or nobody wants it any more. Its place is free for another one
/// once the server has let go of the handle.
async fn pump(
    handle: OpenHandle,
    mut requests: Requests,
    inbox: Arc<Inbox>,
    stop: CancellationToken,
    place: OwnedSemaphorePermit,
) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            outcome = requests.next(&inbox) => {
                if let Err(error) = outcome {
                    tracing::debug!(?error, "a watch ended");
                    inbox.end(error);
                    break;
                }
            }
        }
    }
    finish(handle, requests).await;
    drop(place);
}

/// Closing the handle has the server answer all requests on it (MS-SMB2 3.3.5.10).
async fn finish(handle: OpenHandle, requests: Requests) {
    let answered = tokio::time::timeout(deadline::CLOSE, requests.run_out());
    let ((), _) = tokio::join!(handle.close(), answered);
}
