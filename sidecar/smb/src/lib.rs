//! SMB shares over smb2: pooled sessions, listings, streams, atomic replacement.
//!
//! [`SharePool`] is all access to one share. It speaks SMB 2.x and 3.x through the `smb2` crate's connection and message
//! types, with requests of its own: exact access masks and share modes, deadlines, pipelining, and handles that are
//! closed whatever happens.
//!
//! Paths come as [`SharePath`](causeway_paths::SharePath) and go to the server as they are; names come back exactly as the
//! directory has them. Sessions are always signed and never a guest's; they are encrypted when the share or the server
//! demands it.

mod budget;
mod copy;
mod create;
mod entries;
mod error;
mod handle;
mod hold;
mod inherit;
mod items;
mod lane;
mod limits;
mod listing;
mod metadata;
mod pool;
mod read;
mod session;
mod target;
mod transport;
mod watch;
mod write;

pub use budget::ByteBudget;
pub use copy::NotOverwritten;
pub use entries::DotEntries;
pub use error::{ShareError, ShareErrorKind};
pub use hold::Hold;
pub use items::NewTimes;
pub use limits::{
    HOLDS_PER_CONNECTION, MAX_ENTRIES, PoolLimits, ReadAhead, WATCHES_PER_CONNECTION, deadline,
};
pub use listing::ListBatches;
pub use metadata::{EntryKind, Metadata, attributes};
pub use pool::SharePool;
pub use read::{ReadHandle, ReadStream};
pub use session::ServerIdentity;
pub use target::{DEFAULT_PORT, Target};
pub use watch::{ChangeAction, ItemChange, Watch, WatchEvent, WatchFilter, WatchOptions};
pub use write::{Unpublished, WriteHandle};
