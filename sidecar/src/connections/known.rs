//! A connection in memory, ready for use.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use causeway_internal::connections::AccessMode;
use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::draft::prefix_of;
use super::rows::{self, Stored};
use crate::secrets::Sealer;
use crate::store::{Store, StoreError};

/// The name under which passwords are sealed; part of their encryption, never to be changed.
pub(super) const PASSWORD_FIELD: &str = "connections.password";

/// A connection ready for use by one caller. `Debug` does not show the password; its memory is wiped on drop.
#[derive(Clone)]
pub(crate) struct ResolvedConnection {
    /// Id.
    pub(crate) id: Uuid,
    /// Host name or address.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// Share.
    pub(crate) share: String,
    /// User name, perhaps with a domain.
    pub(crate) username: String,
    /// Password.
    pub(crate) password: Zeroizing<String>,
    /// Directory on the share that is the connection's root.
    pub(crate) prefix: SharePath,
    /// What the caller may do, his role considered.
    pub(crate) access: AccessMode,
    /// Grows whenever one of host, port, share, user name, password or prefix changes: sessions of an earlier revision
    /// are of no more use.
    pub(crate) revision: u64,
}

impl fmt::Debug for ResolvedConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResolvedConnection")
            .field("id", &self.id)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("share", &self.share)
            .field("prefix", &self.prefix)
            .field("access", &self.access)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// A connection in memory, once for those who may write and once for the others.
pub(super) struct Known {
    pub(super) stored: Stored,
    ready: Result<Ready, Fault>,
}

struct Ready {
    writable: Arc<ResolvedConnection>,
    read_only: Arc<ResolvedConnection>,
}

impl Known {
    pub(super) fn new(stored: Stored, sealer: &Sealer) -> Self {
        let ready = open(&stored, sealer).map(|writable| Ready {
            read_only: Arc::new(ResolvedConnection { access: AccessMode::ReadOnly, ..writable.clone() }),
            writable: Arc::new(writable),
        });
        Self { stored, ready }
    }

    /// For somebody with that access. Faults: `ConnectionIncomplete`, `Internal`.
    pub(super) fn resolved(&self, access: AccessMode) -> Result<Arc<ResolvedConnection>, Fault> {
        let ready = self.ready.as_ref().map_err(Clone::clone)?;
        Ok(Arc::clone(match access {
            AccessMode::ReadWrite => &ready.writable,
            AccessMode::ReadOnly => &ready.read_only,
        }))
    }
}

fn open(stored: &Stored, sealer: &Sealer) -> Result<ResolvedConnection, Fault> {
    let password = sealer.open(stored.id, PASSWORD_FIELD, &stored.password_sealed).map_err(|error| {
        tracing::error!(connection = %stored.id, %error, "the stored password cannot be used");
        Fault::new(FaultCode::Internal, "The stored password cannot be read; enter it again")
    })?;
    let share = stored.share_name.clone().filter(|share| !share.trim().is_empty()).ok_or_else(|| {
        Fault::new(FaultCode::ConnectionIncomplete, "Connection has no share name configured")
    })?;
    Ok(ResolvedConnection {
        id: stored.id,
        host: stored.host.clone(),
        port: stored.port,
        share,
        username: stored.username.clone(),
        password,
        prefix: prefix_of(stored.path_prefix.as_deref())?,
        access: AccessMode::ReadWrite,
        revision: stored.revision,
    })
}

/// Reads all connections.
pub(super) async fn all(store: &Store, sealer: &Sealer) -> Result<HashMap<Uuid, Arc<Known>>, StoreError> {
    let stored = rows::all(store).await?;
    Ok(stored.into_iter().map(|stored| (stored.id, Arc::new(Known::new(stored, sealer)))).collect())
}
