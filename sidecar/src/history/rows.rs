//! The table of visits.

use causeway_internal::UnixMicros;
use causeway_internal::history::{HistoryKind, HistoryRecord};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::store::StoreError;

/// A visit to be recorded.
pub(super) struct Visit<'a> {
    pub(super) user: Uuid,
    pub(super) kind: HistoryKind,
    /// Id of the connection or local drive.
    pub(super) connection_id: String,
    pub(super) path: &'a str,
}

/// Writes a visit down, in place of an earlier one to the same place, which keeps its id.
///
/// Within a history every visit is later than the one before, whoever sets the clock back: their order is what counts.
pub(super) async fn record(
    to: &mut SqliteConnection,
    visit: &Visit<'_>,
    now: UnixMicros,
) -> Result<HistoryRecord, StoreError> {
    let last: Option<i64> =
        sqlx::query("SELECT MAX(visited_at) AS last FROM visits WHERE user_id = ? AND kind = ?")
            .bind(visit.user.hyphenated())
            .bind(kind_name(visit.kind))
            .fetch_one(&mut *to)
            .await?
            .try_get("last")?;
    let visited_at = last.map_or(now.0, |last| now.0.max(last.saturating_add(1)));
    let row = sqlx::query(
        "INSERT INTO visits (id, user_id, kind, connection_id, path, visited_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (user_id, kind, connection_id, path) DO UPDATE SET visited_at = excluded.visited_at
         RETURNING id, connection_id, path, visited_at",
    )
    .bind(Uuid::new_v4().hyphenated())
    .bind(visit.user.hyphenated())
    .bind(kind_name(visit.kind))
    .bind(&visit.connection_id)
    .bind(visit.path)
    .bind(visited_at)
    .fetch_one(to)
    .await?;
    read(&row)
}

/// Forgets all but the newest visits of a user.
pub(super) async fn trim(
    from: &mut SqliteConnection,
    user: Uuid,
    kind: HistoryKind,
    kept: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM visits WHERE user_id = ? AND kind = ? AND id NOT IN
             (SELECT id FROM visits WHERE user_id = ? AND kind = ? ORDER BY visited_at DESC LIMIT ?)",
    )
    .bind(user.hyphenated())
    .bind(kind_name(kind))
    .bind(user.hyphenated())
    .bind(kind_name(kind))
    .bind(kept)
    .execute(from)
    .await?;
    Ok(())
}

/// Forgets all but the newest visits of every user.
pub(super) async fn trim_all(
    from: &mut SqliteConnection,
    kind: HistoryKind,
    kept: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM visits WHERE id IN
             (SELECT id FROM
                 (SELECT id, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY visited_at DESC) AS place
                  FROM visits WHERE kind = ?) AS numbered
              WHERE place > ?)",
    )
    .bind(kind_name(kind))
    .bind(kept)
    .execute(from)
    .await?;
    Ok(())
}

/// A user's history, the newest first.
pub(super) async fn all<'c>(
    from: impl Executor<'c, Database = Sqlite>,
    user: Uuid,
    kind: HistoryKind,
) -> Result<Vec<HistoryRecord>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, connection_id, path, visited_at FROM visits WHERE user_id = ? AND kind = ?
         ORDER BY visited_at DESC",
    )
    .bind(user.hyphenated())
    .bind(kind_name(kind))
    .fetch_all(from)
    .await?;
    rows.iter().map(read).collect()
}

/// One record of a user.
pub(super) async fn one<'c>(
    from: impl Executor<'c, Database = Sqlite>,
    user: Uuid,
    kind: HistoryKind,
    id: Uuid,
) -> Result<Option<HistoryRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT id, connection_id, path, visited_at FROM visits WHERE id = ? AND user_id = ? AND kind = ?",
    )
    .bind(id.hyphenated())
    .bind(user.hyphenated())
    .bind(kind_name(kind))
    .fetch_optional(from)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Forgets one record of a user; false when he has none of that id.
pub(super) async fn forget(
    from: &mut SqliteConnection,
    user: Uuid,
    kind: HistoryKind,
    id: Uuid,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM visits WHERE id = ? AND user_id = ? AND kind = ?")
        .bind(id.hyphenated())
        .bind(user.hyphenated())
        .bind(kind_name(kind))
        .execute(from)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets a record unless there was another visit since it was read.
pub(super) async fn forget_unchanged(
    from: &mut SqliteConnection,
    record: &HistoryRecord,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM visits WHERE id = ? AND visited_at = ?")
        .bind(record.id.hyphenated())
        .bind(record.visited_at.0)
        .execute(from)
        .await?;
    Ok(())
}

/// Forgets a user's history; the number of its records.
pub(super) async fn clear(
    from: &mut SqliteConnection,
    user: Uuid,
    kind: HistoryKind,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM visits WHERE user_id = ? AND kind = ?")
        .bind(user.hyphenated())
        .bind(kind_name(kind))
        .execute(from)
        .await?;
    Ok(done.rows_affected())
}

fn read(row: &SqliteRow) -> Result<HistoryRecord, StoreError> {
    Ok(HistoryRecord {
        id: row.try_get::<Hyphenated, _>("id")?.into_uuid(),
        connection_id: row.try_get("connection_id")?,
        path: row.try_get("path")?,
        visited_at: UnixMicros(row.try_get("visited_at")?),
    })
}

fn kind_name(kind: HistoryKind) -> &'static str {
    match kind {
        HistoryKind::Directories => "directory",
        HistoryKind::Files => "file",
    }
}
