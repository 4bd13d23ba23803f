//! What many clients did to a few files at the same time, written down as they saw it, to be judged afterwards.
//!
//! Every operation is known by two moments: when it was asked for, and when its outcome was known. What it did, it did
//! somewhere between the two. Where the answer was lost, the outcome is [`Outcome::Unknown`]: it may have happened or not.
//! [`check`] finds what no correct product can have answered, and nothing else: an accusation holds whatever happened
//! between the moments.

mod check;
mod content;
mod edition;
mod holding;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use check::{Rule, Violation, certainly_held, check, check_copies};
pub use edition::{Edition, Found};

/// Something that a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Number of the client. Several may act for one user.
    pub client: usize,
    /// Name of the user.
    pub user: String,
    /// Number of the file, however it was spelled.
    pub file: usize,
    /// When it was asked for, since the history began.
    pub invoked: Duration,
    /// When the answer was there, or it was known that there will be none, since the history began.
    pub answered: Duration,
    /// From when on it is certain that it does nothing more, since the history began.
    pub ended: Duration,
    /// What was asked for.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
}

/// What can be done to a file. Locks are named by their ids, contents by the numbers of their [`Edition`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Takes the lock.
    Acquire,
    /// Shows that the holder lives.
    Heartbeat {
        /// The lock.
        lock: String,
    },
    /// Looks at the file under the lock, or reads it; what is seen becomes the base of the next save.
    Look {
        /// The lock.
        lock: String,
    },
    /// Gives the lock back.
    Release {
        /// The lock.
        lock: String,
    },
    /// Takes the lock away, whoever has it.
    Force,
    /// Saves under the lock.
    Save {
        /// The lock.
        lock: String,
        /// The new content.
        edition: u64,
        /// The content that it was made of: read after the last look and before the save.
        parent: u64,
        /// Whether it is to be kept beside the file otherwise.
        keeps_copy: bool,
    },
    /// A user of ours replaces the content without a lock and whatever it is.
    Put {
        /// The new content.
        edition: u64,
    },
    /// A user of ours copies or moves another file onto it.
    Transfer {
        /// The new content.
        edition: u64,
    },
    /// A user of ours deletes it, or gives it another name.
    Remove,
    /// Somebody on the share, who knows nothing of us, puts another file in the place.
    Overwrite {
        /// The new content.
        edition: u64,
    },
    /// Somebody on the share opens the file to write into it. It is done when the server lets him; he writes nothing.
    OpenPastUs,
    /// Somebody on the share deletes the file.
    RemovePastUs,
    /// Product, server or network fail, and are mended.
    Trouble {
        /// What fails.
        what: &'static str,
    },
    /// Reads the file.
    Read,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// The lock is the caller's.
    Granted {
        /// Its id.
        lock: String,
        /// The number of its grant, where the caller is told.
        fence: Option<u64>,
    },
    /// The content was kept beside the file, under this name.
    Kept {
        /// The name.
        copy: String,
    },
    /// What was read.
    Read(Found),
    /// Nothing was done.
    Refused {
        /// The answer's status.
        status: u16,
    },
    /// Nobody knows: no answer came, or one that says that the server behind gave none.
    Unknown,
}

impl Outcome {
    /// Whether it happened, or may have.
    pub fn is_possible(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::Kept { .. })
    }
}

impl Outcome {
    /// Whether the lock was not, or no longer, the caller's: 403 and 404 of whatever is asked for under a lock.
    fn is_of_a_lost_lock(&self) -> bool {
        matches!(self, Self::Refused { status: 403 | 404 })
    }
}

impl Operation {
    /// The content that it puts in the file's place if it succeeds.
    pub fn writes(&self) -> Option<u64> {
        match self.action {
            Action::Save { edition, .. }
            | Action::Put { edition }
            | Action::Transfer { edition }
            | Action::Overwrite { edition } => Some(edition),
            _ => None,
        }
    }

    /// Whether it takes the file away if it succeeds.
    fn removes(&self) -> bool {
        matches!(self.action, Action::Remove | Action::RemovePastUs)
    }

    /// Whether it asks the server itself for what a held file is to be kept from.
    fn is_past_us(&self) -> bool {
        matches!(self.action, Action::OpenPastUs | Action::RemovePastUs)
    }

    /// Whether the one was over before the other was asked for.
    pub fn precedes(&self, other: &Self) -> bool {
        self.ended < other.invoked
    }
}

/// Takes operations down. Clones write into the same history.
#[derive(Debug, Clone)]
pub struct Recorder {
    began: Instant,
    operations: Arc<Mutex<Vec<Operation>>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { began: Instant::now(), operations: Arc::default() }
    }
}

impl Recorder {
    /// This moment.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes an operation down.
    pub fn record(&self, operation: Operation) {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// How many there are so far of a kind.
    pub fn count(&self, is_wanted: impl Fn(&Operation) -> bool) -> usize {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        operations.iter().filter(|operation| is_wanted(operation)).count()
    }

    /// Everything so far, by the moment when it was asked for.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        operations.sort_by_key(|operation| operation.invoked);
        operations
    }
}

/// A history as text, one operation a line.
pub fn tell(operations: &[Operation]) -> String {
    let mut text = String::new();
    for operation in operations {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line(operation));
    }
    text
}

/// An operation as text.
fn line(operation: &Operation) -> String {
    let Operation { client, user, file, invoked, answered: _, ended, action, outcome } = operation;
    format!(
        "{:>10.3}..{:>10.3} ms  file {file}  client {client:>2} {user:<8} {action:?} -> {outcome:?}",
        invoked.as_secs_f64() * 1000.0,
        ended.as_secs_f64() * 1000.0,
    )
}
