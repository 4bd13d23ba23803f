//! Locks in the database.

use std::str::FromStr;

use causeway_internal::UnixMicros;
use causeway_internal::locks::BaseVersion;
use causeway_locks::{Fresh, Lock, LockKey};
use causeway_paths::{CaseRule, SharePath};
use causeway_versions::{FileTime, FileVersion};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::identity::{FileIdentity, Known};
use crate::store::{Store, StoreError};

/// Edits of one lock whose bases are kept: a user who opens a file anew, again and again, pushes out the oldest.
const MAX_SESSIONS: i64 = 64;

/// A lock as it was when this program last ran.
pub(super) struct Stored {
    pub(super) lock: Lock,
    pub(super) connection: Uuid,
    pub(super) path: SharePath,
    pub(super) known: Known,
    pub(super) last_heartbeat: UnixMicros,
}

/// All locks, and the greatest fencing number ever given out.
pub(super) async fn all(store: &Store) -> Result<(Vec<Stored>, u64), StoreError> {
    let fence: i64 =
        sqlx::query_scalar("SELECT last FROM lock_fences WHERE id = 1").fetch_one(store.readers()).await?;
    let rows = sqlx::query("SELECT * FROM locks ORDER BY fence").fetch_all(store.readers()).await?;
    let locks = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok((locks, fence.cast_unsigned()))
}

/// What goes when it is deleted, and the locks with it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    /// A connection, by which a file was locked.
    Connection(Uuid),
    /// A user, with his private connections.
    User(Uuid),
}

/// The locks that go with their owner.
pub(super) async fn of(owner: Owner, within: &mut SqliteConnection) -> Result<Vec<Stored>, StoreError> {
    let (which, id) = match owner {
        Owner::Connection(id) => ("connection_id = ?1", id),
        Owner::User(id) => {
            ("holder_id = ?1 OR connection_id IN (SELECT id FROM connections WHERE owner_user_id = ?1)", id)
        }
    };
    let query = format!("SELECT * FROM locks WHERE {which} ORDER BY fence");
    let rows = sqlx::query(&query).bind(id.hyphenated()).fetch_all(within).await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Stored, StoreError> {
    let id = |column: &'static str| -> Result<Uuid, StoreError> {
        Ok(row.try_get::<Hyphenated, _>(column)?.into_uuid())
    };
    let path = SharePath::from_str(row.try_get("path")?).map_err(|_| StoreError::unreadable("path"))?;
    let grant = Fresh {
        id: id("id")?,
        operation: id("operation_id")?,
        capability: row.try_get("capability")?,
        holder_name: row.try_get("holder_name")?,
        locked_at: row.try_get("locked_at")?,
    };
    let lock = Lock {
        key: LockKey { share: row.try_get("share")?, path: path.canonical_key(CaseRule::Insensitive) },
        holder: id("holder_id")?,
        grant,
        fence: row.try_get::<i64, _>("fence")?.cast_unsigned(),
        dies_at: std::time::Duration::ZERO,
    };
    let last_heartbeat = UnixMicros(row.try_get("last_heartbeat")?);
    Ok(Stored { lock, connection: id("connection_id")?, path, known: read_known(row)?, last_heartbeat })
}

fn read_known(row: &SqliteRow) -> Result<Known, StoreError> {
    let number = |column: &str| row.try_get::<Option<i64>, _>(column);
    let Some(server) = row.try_get::<Option<Vec<u8>>, _>("server_guid")? else { return Ok(Known::default()) };
    let server = server.try_into().map_err(|_| StoreError::unreadable("server_guid"))?;
    let identity = number("volume_id")?.zip(number("file_id")?).map(|(volume, file)| FileIdentity {
        server,
        volume: volume.cast_unsigned(),
        file: file.cast_unsigned(),
    });
    Ok(Known { server: Some(server), identity })
}

/// Says which file is locked. `false`: there is no such lock (yet).
pub(super) async fn identify(
    to: &mut SqliteConnection,
    lock: Uuid,
    known: &Known,
) -> Result<bool, StoreError> {
    let Known { server, identity } = known;
    let written = sqlx::query("UPDATE locks SET server_guid = ?, volume_id = ?, file_id = ? WHERE id = ?")
        .bind(server.map(|server| server.to_vec()))
        .bind(identity.map(|identity| identity.volume.cast_signed()))
        .bind(identity.map(|identity| identity.file.cast_signed()))
        .bind(lock.hyphenated())
        .execute(to)
        .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes a granted lock and its number down. `false`: the file is another one's, by what the database says. A row without
/// a sign of life since `dead` is nobody's any more.
pub(super) async fn insert(
    to: &mut SqliteConnection,
    lock: &Lock,
    (connection, path): (Uuid, &SharePath),
    now: UnixMicros,
    dead: UnixMicros,
) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM locks WHERE share = ? AND path_key = ? AND last_heartbeat <= ?")
        .bind(&lock.key.share)
        .bind(lock.key.path.as_str())
        .bind(dead.0)
        .execute(&mut *to)
        .await?;
    let inserted = sqlx::query(
        "INSERT INTO locks (id, share, path_key, connection_id, path, holder_id, holder_name, operation_id, capability,
                            fence, locked_at, last_heartbeat)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (share, path_key) DO NOTHING",
    )
    .bind(lock.grant.id.hyphenated())
    .bind(&lock.key.share)
    .bind(lock.key.path.as_str())
    .bind(connection.hyphenated())
    .bind(path.as_str())
    .bind(lock.holder.hyphenated())
    .bind(&lock.grant.holder_name)
    .bind(lock.grant.operation.hyphenated())
    .bind(&lock.grant.capability)
    .bind(lock.fence.cast_signed())
    .bind(lock.grant.locked_at)
    .bind(now.0)
    .execute(&mut *to)
    .await?;
    sqlx::query("UPDATE lock_fences SET last = ? WHERE id = 1 AND last < ?")
        .bind(lock.fence.cast_signed())
        .bind(lock.fence.cast_signed())
        .execute(to)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

/// `false`: there is no such lock (any more).
pub(super) async fn delete(to: &mut SqliteConnection, id: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM locks WHERE id = ?").bind(id.hyphenated()).execute(to).await?;
    Ok(done.rows_affected() == 1)
}

/// Says that a lock is used by another connection from now on, which is a sign of life. `false`: there is no such lock.
pub(super) async fn move_to(
    to: &mut SqliteConnection,
    id: Uuid,
    connection: Uuid,
    path: &SharePath,
    now: UnixMicros,
) -> Result<bool, StoreError> {
    let moved = sqlx::query("UPDATE locks SET connection_id = ?, path = ?, last_heartbeat = ? WHERE id = ?")
        .bind(connection.hyphenated())
        .bind(path.as_str())
        .bind(now.0)
        .bind(id.hyphenated())
        .execute(to)
        .await?;
    Ok(moved.rows_affected() == 1)
}

/// Writes a sign of life down. `false`: there is no such lock.
pub(super) async fn heartbeat(store: &Store, id: Uuid, now: UnixMicros) -> Result<bool, StoreError> {
    let written = sqlx::query("UPDATE locks SET last_heartbeat = ? WHERE id = ?")
        .bind(now.0)
        .bind(id.hyphenated())
        .execute(store.light_writer())
        .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes down what an edit has seen of its file.
pub(super) async fn set_base(
    to: &mut SqliteConnection,
    lock: Uuid,
    session: Uuid,
    base: Option<BaseVersion>,
) -> Result<(), StoreError> {
    let raw = |number: u64| number.cast_signed();
    sqlx::query(
        "INSERT INTO edit_bases (lock_id, session, change_time, size, file_id, modified) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (lock_id, session) DO UPDATE SET change_time = excluded.change_time, size = excluded.size,
                                                      file_id = excluded.file_id, modified = excluded.modified",
    )
    .bind(lock.hyphenated())
    .bind(session.hyphenated())
    .bind(base.map(|base| raw(base.version.change_time.to_raw())))
    .bind(base.map(|base| raw(base.version.size)))
    .bind(base.map(|base| raw(base.version.file_id)))
    .bind(base.map(|base| raw(base.modified.to_raw())))
    .execute(&mut *to)
    .await?;
    sqlx::query(
        "DELETE FROM edit_bases WHERE lock_id = ? AND number NOT IN
             (SELECT number FROM edit_bases WHERE lock_id = ? ORDER BY number DESC LIMIT ?)",
    )
    .bind(lock.hyphenated())
    .bind(lock.hyphenated())
    .bind(MAX_SESSIONS)
    .execute(to)
    .await?;
    Ok(())
}

/// What an edit has seen of its file, if that is known.
pub(super) async fn base(
    store: &Store,
    lock: Uuid,
    session: Uuid,
) -> Result<Option<Option<BaseVersion>>, StoreError> {
    let row = sqlx::query(
        "SELECT change_time, size, file_id, modified FROM edit_bases WHERE lock_id = ? AND session = ?",
    )
    .bind(lock.hyphenated())
    .bind(session.hyphenated())
    .fetch_optional(store.readers())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let number = |column: &str| -> Result<Option<u64>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(i64::cast_unsigned))
    };
    let numbers = (number("change_time")?, number("size")?, number("file_id")?, number("modified")?);
    let (Some(change_time), Some(size), Some(file_id), Some(modified)) = numbers else {
        return Ok(Some(None));
    };
    Ok(Some(Some(BaseVersion {
        version: FileVersion { change_time: FileTime::from_raw(change_time), size, file_id },
        modified: FileTime::from_raw(modified),
    })))
}

/// A link is forgotten this long after it expired: the clocks of functions and sidecar may differ.
const FORGOTTEN_AFTER_SECONDS: i64 = 3600;

/// Uses a link up. `false`: it has been used before.
pub(super) async fn use_link(
    to: &mut SqliteConnection,
    id: Uuid,
    expires_at: u64,
    now: UnixMicros,
) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM used_links WHERE expires_at < ?")
        .bind(now.0 / 1_000_000 - FORGOTTEN_AFTER_SECONDS)
        .execute(&mut *to)
        .await?;
    let used =
        sqlx::query("INSERT INTO used_links (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING")
            .bind(id.hyphenated())
            .bind(i64::try_from(expires_at).unwrap_or(i64::MAX))
            .execute(to)
            .await?;
    Ok(used.rows_affected() == 1)
}
