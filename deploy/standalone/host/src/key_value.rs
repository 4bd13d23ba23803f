//! Key-value stores in SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::OnceCell;

/// Connections to the database: writers queue in SQLite anyway, readers are done in microseconds.
const CONNECTIONS: u32 = 4;

/// How long a statement may wait for another's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Longest key in bytes.
pub(crate) const MAX_KEY: usize = 1024;

/// Largest value in bytes (32 MiB): wasmtime copies values through guest memory, and derived data is smaller.
pub(crate) const MAX_VALUE: usize = 32 << 20;

/// Most keys that one listing returns; more would be a list that no instance's memory should hold.
pub(crate) const MAX_KEYS: i64 = 100_000;

/// All stores of an application, opened when the first one is used.
#[derive(Debug)]
pub(crate) struct KeyValue {
    path: Option<PathBuf>,
    pool: OnceCell<SqlitePool>,
}

impl KeyValue {
    /// Stores in this file, or in memory.
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self { path: path.map(Path::to_path_buf), pool: OnceCell::new() }
    }

    async fn pool(&self) -> Result<&SqlitePool, sqlx::Error> {
        self.pool.get_or_try_init(|| open(self.path.as_deref())).await
    }

    /// Makes sure that the database can be used.
    pub(crate) async fn open(&self) -> Result<(), sqlx::Error> {
        self.pool().await.map(drop)
    }

    pub(crate) async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
        sqlx::query_scalar("SELECT value FROM key_value WHERE store = ? AND key = ?")
            .bind(store)
            .bind(key)
            .fetch_optional(self.pool().await?)
            .await
    }

    pub(crate) async fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO key_value (store, key, value) VALUES (?, ?, ?) \
             ON CONFLICT (store, key) DO UPDATE SET value = excluded.value",
        )
        .bind(store)
        .bind(key)
        .bind(value)
        .execute(self.pool().await?)
        .await
        .map(drop)
    }

    pub(crate) async fn delete(&self, store: &str, key: &str) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM key_value WHERE store = ? AND key = ?")
            .bind(store)
            .bind(key)
            .execute(self.pool().await?)
            .await
            .map(drop)
    }

    pub(crate) async fn exists(&self, store: &str, key: &str) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM key_value WHERE store = ? AND key = ?)")
            .bind(store)
            .bind(key)
            .fetch_one(self.pool().await?)
            .await
    }

    /// The keys of a store, one more than [`MAX_KEYS`] if there are too many.
    pub(crate) async fn keys(&self, store: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT key FROM key_value WHERE store = ? ORDER BY key LIMIT ?")
            .bind(store)
            .bind(MAX_KEYS + 1)
            .fetch_all(self.pool().await?)
            .await
    }

    /// Closes the database and writes its log back into the file.
    pub(crate) async fn close(&self) {
        if let Some(pool) = self.pool.get() {
            pool.close().await;
        }
    }
}

async fn open(path: Option<&Path>) -> Result<SqlitePool, sqlx::Error> {
    let pool = SqlitePoolOptions::new().acquire_timeout(BUSY);
    let pool = if let Some(path) = path {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What is kept here can be derived again; a power cut may lose the last writes but not the file.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        pool.max_connections(CONNECTIONS).connect_with(options).await?
    } else {
        // One connection that never ends, because the database lives in it.
        let options = SqliteConnectOptions::new().in_memory(true);
        pool.max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?
    };
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS key_value (\
         store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)) WITHOUT ROWID",
    )
    .execute(&pool)
    .await?;
    Ok(pool)
}
