//! How the program ends: its exit codes, and the faults that people are told.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::api::ApiError;
use crate::editor::EditorError;
use crate::link::LinkError;
use crate::places::NoHome;
use crate::session::{NoSuchId, SessionId};
use crate::store::StoreError;

/// The exit codes. `docs/companion.md` has the same table; 2 is a wrong command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The server has the changes, or nothing was left to do.
    Done = 0,
    /// Something on this computer failed.
    Failed = 1,
    /// The file was not changed.
    Unchanged = 3,
    /// The server has the changes, beside the file.
    SavedAsCopy = 4,
    /// The changes are on this computer.
    Kept = 5,
    /// Somebody else has the file.
    LockRefused = 6,
    /// The server cannot be reached. What was changed is on this computer.
    Unreachable = 7,
    /// The link cannot be opened.
    BadLink = 8,
    /// The server is not one that the person allows.
    NotAllowed = 9,
    /// The server refuses.
    Refused = 10,
    /// The person threw the changes away.
    Discarded = 11,
    /// The file or the session is being worked on by another companion.
    Busy = 12,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The link.
    #[error("The link cannot be opened: {0}. Open the file from the browser again")]
    Link(#[from] LinkError),
    /// The link's token is for something else than the link says.
    #[error("The link does not fit its token. Open the file from the browser again")]
    LinkMismatch,
    /// The link is for another file than the session.
    #[error("The link is for {link}, but session {id} is about {session}")]
    OtherFile {
        /// The session.
        id: SessionId,
        /// What the link is for.
        link: String,
        /// What the session is about.
        session: String,
    },
    /// Not https.
    #[error(
        "{origin} is not reached by https, so that everybody on the way could read and change the file. \
         `--allow-http` allows it"
    )]
    PlainHttp {
        /// The server.
        origin: String,
    },
    /// A server that nobody allowed.
    #[error(
        "{origin} is not a server that you have allowed the companion to talk to. If you know it, run the command \
         again with `--trust`"
    )]
    NotTrusted {
        /// The server.
        origin: String,
    },
    /// The person said no.
    #[error("Nothing was opened")]
    Declined,
    /// Somebody else has the lock.
    #[error("{0}. Try again later")]
    LockRefused(String),
    /// The server or the way to it.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// It is a directory.
    #[error("{0} is not a file")]
    NotAFile(String),
    /// The file is being edited already, on this computer.
    #[error("You are editing this file already (session {id}); finish there first")]
    EditedAlready {
        /// The session.
        id: SessionId,
    },
    /// The same, by a companion that has no session yet, or one of another name.
    #[error("You are opening or editing this file already; finish there first")]
    OpenedAlready,
    /// Sessions on disk.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A session's name.
    #[error("{0}")]
    Id(#[from] NoSuchId),
    /// Where to keep things.
    #[error("{0}")]
    Places(#[from] NoHome),
    /// The program to edit with.
    #[error("{0}")]
    Editor(#[from] EditorError),
    /// Files on this computer.
    #[error("{} cannot be used: {source}", path.display())]
    Disk {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Telling the desktop of the companion.
    #[error("{0}")]
    Desktop(String),
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Link(_) | Self::LinkMismatch | Self::OtherFile { .. } => Exit::BadLink,
            Self::PlainHttp { .. } | Self::NotTrusted { .. } => Exit::NotAllowed,
            Self::LockRefused(_) => Exit::LockRefused,
            Self::Api(fault) => of_api(fault),
            Self::EditedAlready { .. } | Self::OpenedAlready | Self::Store(StoreError::Busy(_)) => Exit::Busy,
            Self::NotAFile(_) => Exit::Refused,
            Self::Declined => Exit::Discarded,
            Self::Store(_)
            | Self::Id(_)
            | Self::Places(_)
            | Self::Editor(_)
            | Self::Disk { .. }
            | Self::Desktop(_) => Exit::Failed,
        }
    }
}

fn of_api(fault: &ApiError) -> Exit {
    match fault {
        ApiError::Disk(_) => Exit::Failed,
        fault if fault.is_passing() => Exit::Unreachable,
        _ => Exit::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Failure};
    use crate::api::ApiError;
    use crate::link::LinkError;

    #[test]
    fn what_a_script_wants_to_tell_apart_has_different_codes() {
        let unreachable = ApiError::Unreachable { server: String::new(), cause: String::new() };
        let codes = [
            Exit::Done,
            Exit::Unchanged,
            Exit::SavedAsCopy,
            Exit::Kept,
            Failure::LockRefused(String::new()).exit(),
            Failure::Api(unreachable).exit(),
            Failure::Link(LinkError::NotALink).exit(),
        ];
        let mut numbers: Vec<u8> = codes.iter().map(|code| *code as u8).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), codes.len());
        assert!(!numbers.contains(&2), "a wrong command line");
    }
}
