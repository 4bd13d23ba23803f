//! Opening: every reason not to start is told in words that an operator can act on.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::error::{SQLITE_CORRUPT, SQLITE_NOTADB, primary_code};
use super::{Inner, Store, prepare_data_dir};

/// The database within the data directory.
pub(super) const DATABASE_FILE: &str = "causeway.db";

/// Locked by the process that has the database open.
const LOCK_FILE: &str = "causeway.lock";

/// Enough for the few statements that are not answered from memory; each costs a thread.
const READERS: u32 = 4;

/// How long a statement waits for a connection of the pool, and a connection for another's transaction: changes take
/// milliseconds, so more than this is a fault.
const PATIENCE: Duration = Duration::from_secs(10);

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The directory or the file is not for us.
    #[error("{} cannot be used: {error}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Two processes on one data directory would not see each other's changes.
    #[error("another causeway is running on the data directory {}", .0.display())]
    InUse(PathBuf),
    /// Something else, or damaged.
    #[error("{} is not a database or is damaged ({error}); put a backup in its place", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
    /// Written by a later version of this program.
    #[error("{} was written by a newer version of causeway (schema {version}); start that version or put a backup in its place", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first migration that this program does not know.
        version: i64,
    },
    /// A migration was edited after it had run here.
    #[error("{}: migration {version} is not the one that made this database", path.display())]
    OtherHistory {
        /// The file.
        path: PathBuf,
        /// Which migration.
        version: i64,
    },
    /// A migration failed, or SQLite did.
    #[error("{} cannot be opened: {error}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
}

impl Store {
    /// Opens the database in that directory; makes both when missing, readable by the owner alone, and brings an older
    /// schema up to date.
    pub(crate) async fn open(data_dir: &Path) -> Result<Self, OpenError> {
        prepare_data_dir(data_dir)
            .map_err(|error| OpenError::Unusable { path: data_dir.to_owned(), error })?;
        let lock = lock(data_dir)?;
        let path = data_dir.join(DATABASE_FILE);
        private_file(&path).map_err(|error| OpenError::Unusable { path: path.clone(), error })?;

        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let single = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).idle_timeout(None);
        let writer = single
            .clone()
            .connect_with(options.clone().synchronous(SqliteSynchronous::Full))
            .await
            .map_err(|error| failed(&path, error))?;
        MIGRATIONS.run(&writer).await.map_err(|error| migration_failed(&path, error))?;

        let light_writer = single.connect_lazy_with(options.clone().synchronous(SqliteSynchronous::Normal));
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options.read_only(true));
        Ok(Self { inner: Arc::new(Inner { writer, light_writer, readers, lock }) })
    }
}

fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let path = data_dir.join(LOCK_FILE);
    let file = private_file(&path).map_err(|error| OpenError::Unusable { path: path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Unusable { path, error }),
    }
}

/// Opens a file, made when missing, that nobody else may read. SQLite gives its log the same permissions.
fn private_file(path: &Path) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn failed(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    match primary_code(&error) {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => OpenError::Damaged { path, error },
        _ => OpenError::Failed { path, error },
    }
}

fn migration_failed(path: &Path, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer { path: path.to_owned(), version },
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
            OpenError::OtherHistory { path: path.to_owned(), version }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(path, error),
        other => OpenError::Failed { path: path.to_owned(), error: sqlx::Error::Migrate(Box::new(other)) },
    }
}
