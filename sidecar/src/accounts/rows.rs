//! The table of users.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_internal::UnixMicros;
use causeway_internal::accounts::{Account, Role};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::store::{Store, StoreError};

const COLUMNS: &str = "id, username, name, email, role, is_active, must_change_password, token_version, expires_at, \
                       created_at, updated_at, password_hash IS NOT NULL AS has_local_password";

/// What a password is checked against.
pub(super) struct Credentials {
    pub(super) id: Uuid,
    /// Version of the tokens at the moment when the hash was read.
    pub(super) token_version: u32,
    pub(super) password_hash: Option<String>,
}

pub(super) async fn all(store: &Store) -> Result<HashMap<Uuid, Arc<Account>>, StoreError> {
    let rows = sqlx::query(&format!("SELECT {COLUMNS} FROM users")).fetch_all(store.readers()).await?;
    rows.iter()
        .map(|row| {
            let account = read(row)?;
            Ok((account.id, Arc::new(account)))
        })
        .collect()
}

pub(super) async fn one(from: &mut SqliteConnection, id: Uuid) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query(&format!("SELECT {COLUMNS} FROM users WHERE id = ?"))
        .bind(id.hyphenated())
        .fetch_optional(from)
        .await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn credentials_of_name(
    store: &Store,
    username: &str,
) -> Result<Option<Credentials>, StoreError> {
    let row = sqlx::query("SELECT id, token_version, password_hash FROM users WHERE username = ?")
        .bind(username)
        .fetch_optional(store.readers())
        .await?;
    row.as_ref().map(read_credentials).transpose()
}

pub(super) async fn credentials_of(store: &Store, id: Uuid) -> Result<Option<Credentials>, StoreError> {
    let row = sqlx::query("SELECT id, token_version, password_hash FROM users WHERE id = ?")
        .bind(id.hyphenated())
        .fetch_optional(store.readers())
        .await?;
    row.as_ref().map(read_credentials).transpose()
}

pub(super) async fn is_empty(from: &mut SqliteConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM users LIMIT 1").fetch_optional(from).await?.is_none())
}

/// Whether somebody other than `except` has that name.
pub(super) async fn username_taken(
    from: &mut SqliteConnection,
    username: &str,
    except: Uuid,
) -> Result<bool, StoreError> {
    let other = sqlx::query("SELECT 1 FROM users WHERE username = ? AND id <> ?")
        .bind(username)
        .bind(except.hyphenated())
        .fetch_optional(from)
        .await?;
    Ok(other.is_some())
}

/// Whether somebody other than `except` has that address.
pub(super) async fn email_taken(
    from: &mut SqliteConnection,
    email: &str,
    except: Uuid,
) -> Result<bool, StoreError> {
    let other = sqlx::query("SELECT 1 FROM users WHERE email = ? AND id <> ?")
        .bind(email)
        .bind(except.hyphenated())
        .fetch_optional(from)
        .await?;
    Ok(other.is_some())
}

/// Whether somebody other than `except` is an administrator who can come in at that moment.
pub(super) async fn other_admin(
    from: &mut SqliteConnection,
    except: Uuid,
    now: UnixMicros,
) -> Result<bool, StoreError> {
    let other = sqlx::query(
        "SELECT 1 FROM users WHERE role = ? AND is_active = ? AND (expires_at IS NULL OR expires_at > ?) AND id <> ? \
         LIMIT 1",
    )
    .bind(role_name(Role::Admin))
    .bind(true)
    .bind(now.0)
    .bind(except.hyphenated())
    .fetch_optional(from)
    .await?;
    Ok(other.is_some())
}

pub(super) async fn insert(
    to: &mut SqliteConnection,
    account: &Account,
    password_hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, username, name, email, password_hash, role, is_active, must_change_password,
                            token_version, expires_at, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(account.id.hyphenated())
    .bind(&account.username)
    .bind(&account.name)
    .bind(&account.email)
    .bind(password_hash)
    .bind(role_name(account.role))
    .bind(account.is_active)
    .bind(account.must_change_password)
    .bind(i64::from(account.token_version))
    .bind(account.expires_at.map(|end| end.0))
    .bind(account.created_at.0)
    .bind(account.updated_at.0)
    .execute(to)
    .await?;
    Ok(())
}

/// Writes everything but the password.
pub(super) async fn update(to: &mut SqliteConnection, account: &Account) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE users SET username = ?, name = ?, email = ?, role = ?, is_active = ?, must_change_password = ?,
                          token_version = ?, expires_at = ?, updated_at = ?
         WHERE id = ?",
    )
    .bind(&account.username)
    .bind(&account.name)
    .bind(&account.email)
    .bind(role_name(account.role))
    .bind(account.is_active)
    .bind(account.must_change_password)
    .bind(i64::from(account.token_version))
    .bind(account.expires_at.map(|end| end.0))
    .bind(account.updated_at.0)
    .bind(account.id.hyphenated())
    .execute(to)
    .await?;
    Ok(())
}

pub(super) async fn set_password_hash(
    to: &mut SqliteConnection,
    id: Uuid,
    hash: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET password_hash = ? WHERE id = ?")
        .bind(hash)
        .bind(id.hyphenated())
        .execute(to)
        .await?;
    Ok(())
}

/// Deletes the user; his settings and private connections go with him.
pub(super) async fn delete(from: &mut SqliteConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM users WHERE id = ?").bind(id.hyphenated()).execute(from).await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.try_get::<Hyphenated, _>("id")?.into_uuid(),
        username: row.try_get("username")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        role: role_of(&row.try_get::<String, _>("role")?)?,
        is_active: row.try_get("is_active")?,
        must_change_password: row.try_get("must_change_password")?,
        token_version: token_version(row)?,
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(UnixMicros),
        created_at: UnixMicros(row.try_get("created_at")?),
        updated_at: UnixMicros(row.try_get("updated_at")?),
        has_local_password: row.try_get("has_local_password")?,
    })
}

fn read_credentials(row: &SqliteRow) -> Result<Credentials, StoreError> {
    Ok(Credentials {
        id: row.try_get::<Hyphenated, _>("id")?.into_uuid(),
        token_version: token_version(row)?,
        password_hash: row.try_get("password_hash")?,
    })
}

fn token_version(row: &SqliteRow) -> Result<u32, StoreError> {
    u32::try_from(row.try_get::<i64, _>("token_version")?)
        .map_err(|_| StoreError::unreadable("token_version"))
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Editor => "editor",
        Role::Viewer => "viewer",
    }
}

fn role_of(name: &str) -> Result<Role, StoreError> {
    match name {
        "admin" => Ok(Role::Admin),
        "editor" => Ok(Role::Editor),
        "viewer" => Ok(Role::Viewer),
        _ => Err(StoreError::unreadable("role")),
    }
}
