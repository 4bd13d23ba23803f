//! The audit trail, read by its owner: beside the running program or without it.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::open::DATABASE_FILE;

/// How long reading waits for a program that has the database to itself, at its start for one.
const PATIENCE: Duration = Duration::from_secs(10);

/// A record of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// When, in UTC (RFC 3339).
    pub at: String,
    /// What happened: `sign_in`, `lock.acquired` and so on.
    pub event: String,
    /// `succeeded` or `failed`.
    pub result: String,
    /// Who did it: his name then. `None`: nobody did.
    pub actor: Option<String>,
    /// His id; `None` as well when nobody of that name exists.
    pub actor_id: Option<String>,
    /// To whom or what: its name then.
    pub subject: Option<String>,
    /// Its id.
    pub subject_id: Option<String>,
    /// The address that it came from, as far as it is known.
    pub origin: Option<String>,
    /// More, in a few words.
    pub detail: String,
}

/// The latest records of the trail in that data directory, so many at most, the oldest first. No record is changed;
/// SQLite needs to write its own `-wal` and `-shm` beside the database, even to read it.
///
/// Errors are for the operator's eyes: no such database, one of an earlier version, one that may not be read.
pub async fn audit_trail(data_dir: &Path, last: u32) -> anyhow::Result<Vec<AuditRecord>> {
    let path = data_dir.join(DATABASE_FILE);
    ensure!(path.exists(), "{} is not there: is this the data directory?", path.display());
    let in_words = |error: sqlx::Error| anyhow::anyhow!("{} cannot be read: {error}", path.display());
    let options = SqliteConnectOptions::new().filename(&path).read_only(true).busy_timeout(PATIENCE);
    let mut database = SqliteConnection::connect_with(&options).await.map_err(in_words)?;
    let rows = sqlx::query("SELECT * FROM audit ORDER BY id DESC LIMIT ?")
        .bind(last)
        .fetch_all(&mut database)
        .await
        .map_err(in_words)?;
    database.close().await.map_err(in_words)?;
    let records: Result<Vec<_>, _> = rows.iter().rev().map(read).collect();
    records.map_err(in_words)
}

fn read(row: &SqliteRow) -> Result<AuditRecord, sqlx::Error> {
    let micros: i64 = row.try_get("at")?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok();
    let at = at.and_then(|at| at.format(&Rfc3339).ok());
    Ok(AuditRecord {
        at: at.ok_or_else(|| sqlx::Error::Decode(format!("{micros} is no time").into()))?,
        event: row.try_get("event")?,
        result: row.try_get("result")?,
        actor: row.try_get("actor_name")?,
        actor_id: row.try_get("actor_id")?,
        subject: row.try_get("subject_name")?,
        subject_id: row.try_get("subject_id")?,
        origin: row.try_get("origin")?,
        detail: row.try_get("detail")?,
    })
}
