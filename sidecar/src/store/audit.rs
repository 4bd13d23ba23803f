//! Who did what, when, from where, and how it went.

use causeway_internal::UnixMicros;
use causeway_internal::accounts::Account;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::StoreError;
use crate::origin;

/// How many records of each class are kept; the oldest go first. Some 20 MB a class, and years of an ordinary office.
const MAX_RECORDS: i64 = 100_000;

/// After how many records it is looked whether there are too many.
const LOOK_EVERY: i64 = 1_000;

/// Longest name that is recorded, in characters: the name at a refused sign-in is whatever somebody typed.
const MAX_NAME_CHARS: usize = 255;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Somebody signed in, or tried to.
    SignIn,
    /// Somebody changed his own password.
    PasswordChanged,
    /// An administrator set a password.
    PasswordReset,
    /// A user was made.
    UserCreated,
    /// A user was changed; the detail names the fields.
    UserChanged,
    /// A user was deleted.
    UserDeleted,
    /// A connection was made.
    ConnectionCreated,
    /// A connection was changed; the detail names the fields.
    ConnectionChanged,
    /// A connection was deleted.
    ConnectionDeleted,
    /// A file was locked for editing. Of this and the following the
    /// subject is the connection with the share (host, port, name), and the detail begins with the path on it.
    LockAcquired,
    /// A lock was given back.
    LockReleased,
    /// A lock was taken away.
    LockForced,
    /// A lock ended without a sign of life.
    LockExpired,
    /// A lock ended with its connection or its user, or because another user's earlier one turned out to be on the same file.
    LockDropped,
    /// An edited file was saved.
    EditSaved,
    /// An edited file was not saved, because it was not what the edit had begun with or the lock was lost.
    EditConflict,
    /// What could not be saved in its place was kept beside it.
    EditCopied,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::PasswordChanged => "password.changed",
            Self::PasswordReset => "password.reset",
            Self::UserCreated => "user.created",
            Self::UserChanged => "user.changed",
            Self::UserDeleted => "user.deleted",
            Self::ConnectionCreated => "connection.created",
            Self::ConnectionChanged => "connection.changed",
            Self::ConnectionDeleted => "connection.deleted",
            Self::LockAcquired => "lock.acquired",
            Self::LockReleased => "lock.released",
            Self::LockForced => "lock.forced",
            Self::LockExpired => "lock.expired",
            Self::LockDropped => "lock.dropped",
            Self::EditSaved => "edit.saved",
            Self::EditConflict => "edit.conflict",
            Self::EditCopied => "edit.copied",
        }
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Succeeded,
    /// It was refused.
    Failed,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// One entry. Ids and names are both kept, because either may be gone or changed when somebody reads it.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    /// What happened.
    pub(crate) event: Event,
    /// How it went.
    pub(crate) outcome: Outcome,
    /// Who did it; no id when nobody of that name exists, nobody at all when the program did it.
    pub(crate) actor: Option<(Option<Uuid>, &'a str)>,
    /// To whom or what.
    pub(crate) subject: Option<(Uuid, &'a str)>,
    /// Address it came from, as far as it is known.
    pub(crate) origin: Option<&'a str>,
    /// More, in a few words; never a secret.
    pub(crate) detail: &'a str,
}

/// Whether there is such an entry.
pub(crate) async fn has(
    within: &mut SqliteConnection,
    at: UnixMicros,
    event: Event,
    detail: &str,
) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT 1 FROM audit WHERE at = ? AND event = ? AND detail = ? LIMIT 1")
        .bind(at.0)
        .bind(event.name())
        .bind(detail)
        .fetch_optional(within)
        .await?;
    Ok(found.is_some())
}

/// Adds what a user has done by this call, from where it came.
pub(crate) async fn done(
    to: &mut SqliteConnection,
    at: UnixMicros,
    event: Event,
    by: &Account,
    subject: (Uuid, &str),
    detail: &str,
) -> Result<(), StoreError> {
    let origin = origin::current();
    let record = Record {
        event,
        outcome: Outcome::Succeeded,
        actor: Some((Some(by.id), &by.username)),
        subject: Some(subject),
        origin: origin.as_deref(),
        detail,
    };
    write(to, at, record).await
}

/// Adds an entry, within the transaction of what it tells of.
pub(crate) async fn write(
    to: &mut SqliteConnection,
    at: UnixMicros,
    record: Record<'_>,
) -> Result<(), StoreError> {
    let id = |id: Uuid| id.hyphenated().to_string();
    let written = sqlx::query(
        "INSERT INTO audit (at, event, result, actor_id, actor_name, subject_id, subject_name, origin, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(at.0)
    .bind(record.event.name())
    .bind(record.outcome.name())
    .bind(record.actor.and_then(|(actor, _)| actor).map(id))
    .bind(record.actor.map(|(_, name)| shortened(name)))
    .bind(record.subject.map(|(subject, _)| id(subject)))
    .bind(record.subject.map(|(_, name)| shortened(name)))
    .bind(record.origin)
    .bind(record.detail)
    .execute(&mut *to)
    .await?;
    if written.last_insert_rowid() % LOOK_EVERY == 0 {
        for class in Class::ALL {
            forget_oldest(to, class).await?;
        }
    }
    Ok(())
}

/// What is bounded by itself, so that nobody makes the record forget one thing by doing another one again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// What anybody can do who finds the door.
    SignIns,
    /// What every user can do all day.
    Edits,
    /// What only administrators can do, and what should not happen.
    Rest,
}

impl Class {
    const ALL: [Self; 3] = [Self::SignIns, Self::Edits, Self::Rest];

    fn condition(self) -> &'static str {
        match self {
            Self::SignIns => "event = 'sign_in'",
            Self::Edits => "(event LIKE 'edit.%' OR event LIKE 'lock.%' AND event <> 'lock.forced')",
            Self::Rest => {
                "event NOT LIKE 'edit.%' AND (event NOT LIKE 'lock.%' OR event = 'lock.forced') AND event <> 'sign_in'"
            }
        }
    }
}

async fn forget_oldest(from: &mut SqliteConnection, class: Class) -> Result<(), StoreError> {
    let those = class.condition();
    let query = format!(
        "DELETE FROM audit WHERE {those} AND id <=
         (SELECT id FROM audit WHERE {those} ORDER BY id DESC LIMIT 1 OFFSET ?)"
    );
    sqlx::query(&query).bind(MAX_RECORDS).execute(from).await?;
    Ok(())
}

fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}
