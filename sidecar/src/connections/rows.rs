//! The table of connections.

use std::collections::HashSet;

use causeway_internal::UnixMicros;
use causeway_internal::connections::{AccessMode, Scope};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::store::{Store, StoreError};

/// A connection as it is stored; the password is sealed.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) kind: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) share_name: Option<String>,
    pub(super) username: String,
    pub(super) password_sealed: String,
    /// As it was given.
    pub(super) path_prefix: Option<String>,
    pub(super) scope: Scope,
    pub(super) access_mode: AccessMode,
    /// Of a private connection.
    pub(super) owner: Option<Uuid>,
    /// Counts the changes of what a session depends on.
    pub(super) revision: u64,
    pub(super) created_at: UnixMicros,
    pub(super) updated_at: UnixMicros,
}

pub(super) async fn all(store: &Store) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, name, slug, kind, host, port, share_name, username, password_sealed, path_prefix, scope,
                access_mode, owner_user_id, revision, created_at, updated_at
         FROM connections",
    )
    .fetch_all(store.readers())
    .await?;
    rows.iter().map(read).collect()
}

/// The slugs that are `base`, or `base` with something behind a hyphen. `base` holds no wildcard.
pub(super) async fn slugs_like(
    from: &mut SqliteConnection,
    base: &str,
) -> Result<HashSet<String>, StoreError> {
    let rows = sqlx::query("SELECT slug FROM connections WHERE slug = ? OR slug LIKE ?")
        .bind(base)
        .bind(format!("{base}-%"))
        .fetch_all(from)
        .await?;
    rows.iter().map(|row| Ok(row.try_get("slug")?)).collect()
}

pub(super) async fn insert(to: &mut SqliteConnection, connection: &Stored) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO connections (id, name, slug, kind, host, port, share_name, username, password_sealed, path_prefix,
                                  scope, access_mode, owner_user_id, revision, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(connection.id.hyphenated())
    .bind(&connection.name)
    .bind(&connection.slug)
    .bind(&connection.kind)
    .bind(&connection.host)
    .bind(i64::from(connection.port))
    .bind(&connection.share_name)
    .bind(&connection.username)
    .bind(&connection.password_sealed)
    .bind(&connection.path_prefix)
    .bind(scope_name(connection.scope))
    .bind(access_name(connection.access_mode))
    .bind(connection.owner.map(|owner| owner.hyphenated().to_string()))
    .bind(revision_number(connection.revision)?)
    .bind(connection.created_at.0)
    .bind(connection.updated_at.0)
    .execute(to)
    .await?;
    Ok(())
}

/// Writes all that can change: not the id, the slug, the kind and the day of birth.
pub(super) async fn update(to: &mut SqliteConnection, connection: &Stored) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE connections SET name = ?, host = ?, port = ?, share_name = ?, username = ?, password_sealed = ?,
                                path_prefix = ?, scope = ?, access_mode = ?, owner_user_id = ?, revision = ?,
                                updated_at = ?
         WHERE id = ?",
    )
    .bind(&connection.name)
    .bind(&connection.host)
    .bind(i64::from(connection.port))
    .bind(&connection.share_name)
    .bind(&connection.username)
    .bind(&connection.password_sealed)
    .bind(&connection.path_prefix)
    .bind(scope_name(connection.scope))
    .bind(access_name(connection.access_mode))
    .bind(connection.owner.map(|owner| owner.hyphenated().to_string()))
    .bind(revision_number(connection.revision)?)
    .bind(connection.updated_at.0)
    .bind(connection.id.hyphenated())
    .execute(to)
    .await?;
    Ok(())
}

/// Deletes the connection; its entries in the journal go with it.
pub(super) async fn delete(from: &mut SqliteConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM connections WHERE id = ?").bind(id.hyphenated()).execute(from).await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Stored, StoreError> {
    Ok(Stored {
        id: row.try_get::<Hyphenated, _>("id")?.into_uuid(),
        name: row.try_get("name")?,
        slug: row.try_get("slug")?,
        kind: row.try_get("kind")?,
        host: row.try_get("host")?,
        port: u16::try_from(row.try_get::<i64, _>("port")?).map_err(|_| StoreError::unreadable("port"))?,
        share_name: row.try_get("share_name")?,
        username: row.try_get("username")?,
        password_sealed: row.try_get("password_sealed")?,
        path_prefix: row.try_get("path_prefix")?,
        scope: match row.try_get::<String, _>("scope")?.as_str() {
            "shared" => Scope::Shared,
            "private" => Scope::Private,
            _ => return Err(StoreError::unreadable("scope")),
        },
        access_mode: match row.try_get::<String, _>("access_mode")?.as_str() {
            "read_write" => AccessMode::ReadWrite,
            "read_only" => AccessMode::ReadOnly,
            _ => return Err(StoreError::unreadable("access_mode")),
        },
        owner: row.try_get::<Option<Hyphenated>, _>("owner_user_id")?.map(Hyphenated::into_uuid),
        revision: u64::try_from(row.try_get::<i64, _>("revision")?)
            .map_err(|_| StoreError::unreadable("revision"))?,
        created_at: UnixMicros(row.try_get("created_at")?),
        updated_at: UnixMicros(row.try_get("updated_at")?),
    })
}

fn revision_number(revision: u64) -> Result<i64, StoreError> {
    i64::try_from(revision).map_err(|_| StoreError::unreadable("revision"))
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Shared => "shared",
        Scope::Private => "private",
    }
}

fn access_name(access: AccessMode) -> &'static str {
    match access {
        AccessMode::ReadWrite => "read_write",
        AccessMode::ReadOnly => "read_only",
    }
}
