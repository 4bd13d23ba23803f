//! Edit locks, without I/O: who holds which file, until when, and who may change what meanwhile.
//!
//! [`LockTable`] is the state machine. Time and random ids come from the caller, so that every history can be tried out;
//! keeping the table's truth in a database and on the server is the caller's, too. Beside it, [`owner_file`] reads what
//! office programs write next to a file that they have open, and [`copy_name`] names what could not be saved in its
//! place.

pub mod copy_name;
mod lock;
pub mod owner_file;
mod pin;
mod proof;
mod table;

pub use lock::{Fresh, Lock, LockKey};
pub use pin::{Pin, Reach};
pub use proof::{Find, Proof, Refusal};
pub use table::{Acquired, LockTable};
