//! What is remembered of one edit, so that a later process can finish it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::api::Grant;
use crate::secret::Secret;
use crate::server_address::ServerAddress;

/// The form of the state file that this program writes.
pub const FORMAT: u32 = 1;

/// Digits of a session's id. It is typed by people, and unique among a handful.
const ID_DIGITS: usize = 8;

/// How many contents are remembered that the server may have: one for each interrupted save in a row.
const MOST_UNANSWERED: usize = 8;

/// That is not the id of a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a session; `causeway-companion sessions` lists them")]
pub struct NoSuchId(String);

/// A session's name, which is also the name of its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

impl SessionId {
    /// A new one.
    pub fn random() -> Self {
        let digits = uuid::Uuid::new_v4().simple().to_string();
        Self(digits.chars().take(ID_DIGITS).collect())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = NoSuchId;

    fn from_str(text: &str) -> Result<Self, NoSuchId> {
        let is_digit = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
        if text.len() == ID_DIGITS && text.chars().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoSuchId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for SessionId {
    type Error = NoSuchId;

    fn try_from(text: String) -> Result<Self, NoSuchId> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

/// The right to edit: a lock, and the token that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The server's name for this edit.
    pub operation_id: String,
    /// The lock.
    pub lock_id: String,
    /// What proves that the lock is ours.
    pub lock_capability: Secret,
    /// The operation token.
    pub token: Secret,
    /// When the token came, in seconds since 1970 by this machine's clock.
    pub received_at: u64,
    /// After how many seconds from then it should be renewed.
    pub renew_after_seconds: u64,
}

impl Operation {
    /// What the server granted, now.
    pub fn granted(grant: &Grant) -> Self {
        Self {
            operation_id: grant.operation_id.clone(),
            lock_id: grant.lock_id.clone(),
            lock_capability: grant.lock_capability.clone(),
            token: grant.operation_token.clone(),
            received_at: unix_now(),
            renew_after_seconds: grant.renew_after_seconds,
        }
    }

    /// Whether the token should be renewed by now.
    pub fn wants_renewal(&self, now: SystemTime) -> bool {
        let received = UNIX_EPOCH + Duration::from_secs(self.received_at);
        let age = now.duration_since(received).unwrap_or_default();
        age >= Duration::from_secs(self.renew_after_seconds)
    }
}

/// A content, by length and SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

/// What the edit started from: the file on the server when it was downloaded, or as it was last saved by us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// When the server says that it was changed, letter by letter.
    pub modified_at: Option<String>,
    /// What was in it.
    pub content: Content,
}

/// How far an edit has come. It is written down before the step that it names is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum Phase {
    /// The lock is taken or about to be, the file is on its way. There is nothing to lose yet.
    Opening,
    /// The working copy is there, and the person may be changing it.
    Editing,
    /// This content is being saved. The server may have it already.
    Saving {
        /// What is sent.
        content: Content,
    },
    /// The server has confirmed the content in [`Session::base`]; only clearing up is left.
    Saved,
    /// The same, but the content is beside the file.
    SavedBeside {
        /// Where.
        path: String,
    },
    /// The person throws this content away; only clearing up is left.
    Discarded {
        /// What he does not want.
        content: Content,
    },
    /// The changes stay on this machine for now.
    Kept {
        /// Why, as a sentence for the person.
        reason: String,
    },
}

/// A program that has the working copy open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditorProcess {
    /// Its process id.
    pub pid: u32,
    /// When it began, in the system's ticks since boot: ids are used again.
    pub started: Option<u64>,
}

/// One edit of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Its name.
    pub id: SessionId,
    /// The server.
    pub server: ServerAddress,
    /// The connection.
    pub connection: String,
    /// The file, relative to the connection.
    pub path: String,
    /// The working copy's name in the session's directory.
    pub file_name: String,
    /// When it began, in seconds since 1970.
    pub began_at: u64,
    /// How far it has come.
    pub phase: Phase,
    /// What it started from; known once the file is downloaded.
    pub base: Option<Base>,
    /// The right to edit, as long as there is one.
    pub operation: Option<Operation>,
    /// The program that the companion started.
    pub editor: Option<EditorProcess>,
    /// Whether the file was given to somebody whose end is not seen: the desktop's program, or the person himself; until
    /// he says that he is done.
    #[serde(default)]
    pub handed_over: bool,
    /// During which start of the machine it was edited last.
    #[serde(default)]
    pub boot: Option<String>,
    /// Contents that were on their way to the server without an answer, the latest last: it may have one of them.
    #[serde(default)]
    pub unanswered: Vec<Content>,
}

impl Session {
    /// A new one, with nothing done yet.
    pub fn new(server: ServerAddress, connection: String, path: String, file_name: String) -> Self {
        Self {
            format: FORMAT,
            id: SessionId::random(),
            server,
            connection,
            path,
            file_name,
            began_at: unix_now(),
            phase: Phase::Opening,
            base: None,
            operation: None,
            editor: None,
            handed_over: false,
            boot: None,
            unanswered: Vec::new(),
        }
    }

    /// Notes that this content is about to be sent.
    pub fn sends(&mut self, content: &Content) {
        self.unanswered.retain(|earlier| earlier != content);
        self.unanswered.push(content.clone());
        let surplus = self.unanswered.len().saturating_sub(MOST_UNANSWERED);
        self.unanswered.drain(..surplus);
        self.phase = Phase::Saving { content: content.clone() };
    }

    /// Whether it is about that file.
    pub fn is_of(&self, server: &ServerAddress, connection: &str, path: &str) -> bool {
        self.server.origin() == server.origin() && self.connection == connection && self.path == path
    }
}

/// Seconds since 1970.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{Base, Content, Operation, Phase, Session, SessionId};
    use crate::secret::Secret;
    use crate::server_address::ServerAddress;

    fn operation() -> Operation {
        Operation {
            operation_id: "54b44323e208454293b0a3ddcf1a9cf9".to_owned(),
            lock_id: "6362c90f-f677-4a7f-9fbd-ceeda623b26c".to_owned(),
            lock_capability: Secret::new("qw47bf5UD"),
            token: Secret::new("eyJ0.token"),
            received_at: 1_800_000_000,
            renew_after_seconds: 600,
        }
    }

    #[test]
    fn ids_are_names_of_directories_and_nothing_else() {
        for _ in 0..100 {
            let id = SessionId::random();
            assert_eq!(id.to_string().parse::<SessionId>().as_ref(), Ok(&id));
        }
        for text in ["", "..", "../../..", "ABCDEF01", "abcdef012", "abcdef0/"] {
            assert!(text.parse::<SessionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let server = ServerAddress::parse("https://a.example/below").expect("an address");
        let mut session = Session::new(server, "c".to_owned(), "d/ä.odt".to_owned(), "ä.odt".to_owned());
        let content = Content { size: 3, sha256: "ab".to_owned() };
        session.base =
            Some(Base { modified_at: Some("2026-01-02T03:04:05".to_owned()), content: content.clone() });
        session.operation = Some(operation());
        for phase in [
            Phase::Opening,
            Phase::Editing,
            Phase::Saving { content: content.clone() },
            Phase::Saved,
            Phase::SavedBeside { path: "d/ä (copy).odt".to_owned() },
            Phase::Discarded { content },
            Phase::Kept { reason: "a conflict".to_owned() },
        ] {
            session.phase = phase;
            let text = serde_json::to_string(&session).expect("JSON");
            assert_eq!(serde_json::from_str::<Session>(&text).expect("a session"), session);
        }
        assert!(!format!("{session:?}").contains("eyJ0"), "{session:?}");
        assert!(!format!("{session:?}").contains("qw47"), "{session:?}");
    }

    #[test]
    fn what_an_older_companion_wrote_is_read() {
        let old = r#"{"format": 1, "id": "0123abcd", "server": "https://a.example", "connection": "c", "path": "a.txt",
            "file_name": "a.txt", "began_at": 1, "phase": {"at": "editing"}, "base": null, "operation": null,
            "editor": null}"#;
        let session: Session = serde_json::from_str(old).expect("a session");
        assert!(!session.handed_over && session.boot.is_none() && session.unanswered.is_empty());
    }

    #[test]
    fn the_latest_contents_that_were_sent_are_remembered() {
        let server = ServerAddress::parse("https://a.example").expect("an address");
        let mut session = Session::new(server, "c".to_owned(), "a".to_owned(), "a".to_owned());
        let content = |size| Content { size, sha256: String::new() };
        for size in [1, 2, 1, 3, 4, 5, 6, 7, 8, 9] {
            session.sends(&content(size));
        }
        let sizes: Vec<u64> = session.unanswered.iter().map(|content| content.size).collect();
        assert_eq!(sizes, [1, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(session.phase, Phase::Saving { content: content(9) });
    }

    #[test]
    fn a_token_is_renewed_after_its_time() {
        let operation = operation();
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(!operation.wants_renewal(at(1_800_000_599)));
        assert!(operation.wants_renewal(at(1_800_000_600)));
        assert!(!operation.wants_renewal(at(1_700_000_000)), "a clock that was set back");
    }
}
