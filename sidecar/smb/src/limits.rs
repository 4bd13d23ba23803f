//! How long the pool waits, and how much it holds.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::ByteBudget;

/// Every wait on a server has one of these. A deadline covers the whole call from the moment a session is at hand;
/// getting a session has its own, [`PoolLimits::connect_timeout`].
pub mod deadline {
    use std::time::Duration;

    /// A whole listing: a disk that has to spin up first, then up to a few hundred thousand entries.
    pub const LIST: Duration = Duration::from_secs(30);
    /// One item's metadata; people wait for it.
    pub const INFO: Duration = Duration::from_secs(10);
    /// Opening a file for reading. Longer than [`INFO`]: the server may have to break another client's lease first.
    pub const OPEN: Duration = Duration::from_secs(15);
    /// The next piece of a download; measured from when the previous one was there, so that a long download may take
    /// as long as it likes while it moves.
    pub const READ: Duration = Duration::from_secs(30);
    /// The next acknowledged piece of an upload, measured likewise.
    pub const WRITE: Duration = Duration::from_secs(30);
    /// Closing a handle: nothing is lost when it fails, the server closes it with the session.
    pub const CLOSE: Duration = Duration::from_secs(5);
    /// Create, rename, delete, set: a change of a directory on a slow disk.
    pub const CHANGE: Duration = Duration::from_secs(30);
    /// Carrying over what a replaced file leaves to its successor, named streams included. What is not done by then is
    /// left out.
    pub const INHERIT: Duration = Duration::from_secs(20);
    /// Getting an upload onto the disk of the server, which may hold all of it in memory until then.
    pub const FLUSH: Duration = Duration::from_mins(2);
    /// One request of a server-side copy, 16 MiB at most on a disk that reads and writes at once.
    pub const COPY_STEP: Duration = Duration::from_mins(1);
    /// An ECHO on a session that has been idle for long: one round trip.
    pub const PROBE: Duration = Duration::from_secs(3);
}

/// Entries in one listing. Beyond a million the answer would not fit into a browser either.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Watched directories on one connection. Windows keeps 512 requests of a connection waiting and refuses more (MS-SMB2
/// 3.3.4.2), a watch has two of them there, and some room is left for watches that are just ending.
pub const WATCHES_PER_CONNECTION: usize = 240;

/// Items held open on one connection. Samba lets a connection have 16,384 files open, a Windows server as many per
/// session.
pub const HOLDS_PER_CONNECTION: usize = 4096;

/// How much one [`SharePool`](crate::SharePool) opens and holds.
#[derive(Debug, Clone)]
pub struct PoolLimits {
    /// Connections for calls that people wait for: info, create, rename, delete. Requests are pipelined on each.
    pub interactive_connections: usize,
    /// Connections for listings, so that a long one never stands before an info.
    pub listing_connections: usize,
    /// Connections for downloads.
    pub read_connections: usize,
    /// Connections for uploads and server-side copies.
    pub write_connections: usize,
    /// Connections for watches, opened one after the other as they fill up: [`WATCHES_PER_CONNECTION`] directories
    /// each.
    pub watch_connections: usize,
    /// Connections for items that are held open, [`HOLDS_PER_CONNECTION`] each. Of their own, because Samba does not let
    /// a file be replaced by a connection that has it open itself.
    pub hold_connections: usize,
    /// Time to dial, negotiate, sign in and attach to the share.
    pub connect_timeout: Duration,
    /// A connection that nobody has used for this long is closed.
    pub idle_timeout: Duration,
    /// Bytes that all streams together may hold beyond one piece each. Give one budget to all pools of a process.
    pub budget: Arc<ByteBudget>,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            interactive_connections: 2,
            listing_connections: 2,
            read_connections: 2,
            write_connections: 2,
            watch_connections: 8,
            hold_connections: 4,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(5),
            budget: ByteBudget::of_process(),
        }
    }
}

/// How far a stream reads ahead of its consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAhead {
    /// Bytes asked for at once; cut to what the server allows.
    pub chunk: u32,
    /// Requests in flight. 1 reads strictly in turn.
    pub requests: usize,
}

impl Default for ReadAhead {
    /// For a download: 4 MiB in flight, enough to fill a gigabit link at 30 ms and little enough that many downloads
    /// fit. Pieces are of a size that stays in a processor's cache from the socket through the signature to the
    /// consumer; larger ones measured slower.
    fn default() -> Self {
        Self { chunk: 256 * 1024, requests: 16 }
    }
}
