//! The shares in use: one pool of sessions a connection, and what their failures are called on the internal API.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use causeway_smb::{PoolLimits, ShareError, ShareErrorKind, SharePool, Target};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::connections::ResolvedConnection;

/// A share to be tried once.
pub(crate) struct ProbeTarget {
    /// Host name or address.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// Share.
    pub(crate) share: String,
    /// User name.
    pub(crate) username: String,
    /// Password.
    pub(crate) password: Zeroizing<String>,
    /// Directory that is to be the root.
    pub(crate) prefix: SharePath,
}

/// The pools of all connections in use.
pub(crate) struct Shares {
    pools: Mutex<HashMap<Uuid, Entry>>,
}

struct Entry {
    revision: u64,
    pool: SharePool,
}

impl Shares {
    /// No pools yet.
    pub(crate) fn new() -> Self {
        Self { pools: Mutex::new(HashMap::new()) }
    }

    /// The pool of that connection, made when there is none or when the connection has changed since.
    pub(crate) fn pool(&self, connection: &ResolvedConnection) -> SharePool {
        let mut pools = self.lock();
        if let Some(entry) = pools.get(&connection.id)
            // A request that resolved the connection before it was changed gets the newer one: it must not bring the
            // older one back.
            && entry.revision >= connection.revision
        {
            return entry.pool.clone();
        }
        let target = Target::new(
            connection.host.as_str(),
            connection.port,
            connection.share.as_str(),
            &connection.username,
            connection.password.as_str(),
        );
        let pool = SharePool::new(target, PoolLimits::default());
        let entry = Entry { revision: connection.revision, pool: pool.clone() };
        if let Some(old) = pools.insert(connection.id, entry) {
            old.pool.close();
        }
        pool
    }

    /// Connects with a session of its own, lists the root, and says how many entries it has.
    pub(crate) async fn probe(&self, target: &ProbeTarget) -> Result<u64, Fault> {
        let share = Target::new(
            target.host.as_str(),
            target.port,
            target.share.as_str(),
            &target.username,
            target.password.as_str(),
        );
        let pool = SharePool::new(share, PoolLimits::default());
        let listed = pool.list(&target.prefix).await;
        pool.close();
        listed.map(|entries| entries.len() as u64).map_err(|error| fault(&error))
    }

    /// Closes the sessions of that connection: it was changed or deleted.
    pub(crate) fn retire(&self, connection: Uuid) {
        let entry = self.lock().remove(&connection);
        if let Some(entry) = entry {
            entry.pool.close();
        }
    }

    /// Closes every session.
    pub(crate) fn close(&self) {
        for (_, entry) in self.lock().drain() {
            entry.pool.close();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Shares {
    fn default() -> Self {
        Self::new()
    }
}

/// The fault that tells of this failure; the cause goes to the log.
pub(crate) fn fault(error: &ShareError) -> Fault {
    let code = code(error.kind());
    if code.status() >= 500 {
        tracing::warn!(?error, "the share failed");
    } else {
        tracing::debug!(?error, "the share refused");
    }
    Fault::new(code, sentence(&error.to_string()))
}

/// Failures of the share as sentences: the error's own text is written to stand within one.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn code(kind: ShareErrorKind) -> FaultCode {
    use ShareErrorKind as Kind;
    match kind {
        // A missing directory on the way means that the item is missing too; where the difference matters (something is
        // to be made there) the operation tells them apart itself.
        Kind::NotFound | Kind::PathNotFound | Kind::DeletePending => FaultCode::NotFound,
        Kind::AlreadyExists => FaultCode::AlreadyExists,
        Kind::NotADirectory => FaultCode::NotADirectory,
        Kind::IsADirectory => FaultCode::IsADirectory,
        Kind::InUse | Kind::DirectoryNotEmpty => FaultCode::InUse,
        Kind::AccessDenied | Kind::ReadOnly => FaultCode::AccessDenied,
        Kind::NameInvalid => FaultCode::NameRefused,
        Kind::DiskFull | Kind::QuotaExceeded => FaultCode::StorageFull,
        Kind::TooManyEntries => FaultCode::TooLarge,
        Kind::LogonRefused => FaultCode::LogonRefused,
        Kind::ShareNotFound => FaultCode::ShareNotFound,
        Kind::EncryptionRequired => FaultCode::EncryptionRequired,
        Kind::Unreachable | Kind::ConnectionLost => FaultCode::Unreachable,
        Kind::TimedOut => FaultCode::TimedOut,
        _ => FaultCode::ServerFault,
    }
}
