//! The directories of a share in memory: kept current change by change, searched by name.
//!
//! [`DirectoryIndex`] is a tree of names, compact enough for a million directories in some eighty megabytes, and a
//! [`Query`] is answered from it in milliseconds: the names, folded by Unicode rules, lie one after the other in memory
//! and are searched as one text; what is found is handed down to everything below it. [`snapshot`] writes an index down
//! and reads it back, whatever the file holds.
//!
//! There is no locking here. A change takes `&mut`, and each is short, so that a reader who has to wait behind one does
//! not notice; a search takes `&`.

mod arena;
mod fold;
mod index;
mod mark;
mod query;
mod rank;
mod search;
pub mod snapshot;

pub use fold::fold;
pub use index::{Difference, DirectoryIndex, IndexFull, MAX_DIRECTORIES};
pub use query::{MAX_WORDS, Query};
pub use search::{Found, MAX_RESULTS};
