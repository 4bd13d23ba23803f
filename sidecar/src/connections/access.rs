//! Who sees a connection, who may change it, who may write through it.

use causeway_internal::accounts::{Account, Role};
use causeway_internal::connections::{AccessMode, Connection, Scope};
use causeway_internal::{Fault, FaultCode};

use super::is_admin;
use super::rows::Stored;

/// A private connection is its owner's alone, administrators included among the others.
pub(super) fn sees(caller: &Account, connection: &Stored) -> bool {
    match connection.scope {
        Scope::Shared => true,
        Scope::Private => connection.owner == Some(caller.id),
    }
}

pub(super) fn manages(caller: &Account, connection: &Stored) -> bool {
    match connection.scope {
        _ if caller.role == Role::Viewer => false,
        Scope::Shared => is_admin(caller),
        Scope::Private => connection.owner == Some(caller.id),
    }
}

/// What the caller may do through the connection.
pub(super) fn effective(caller: &Account, connection: &Stored) -> AccessMode {
    if caller.role == Role::Viewer { AccessMode::ReadOnly } else { connection.access_mode }
}

/// Fault: `RoleReadOnly`.
pub(super) fn require_role(caller: &Account) -> Result<(), Fault> {
    if caller.role == Role::Viewer {
        return Err(Fault::new(FaultCode::RoleReadOnly, "Your user role is read-only"));
    }
    Ok(())
}

/// Faults: `RoleReadOnly`, `ConnectionReadOnly`.
pub(super) fn require_write(caller: &Account, access: AccessMode) -> Result<(), Fault> {
    require_role(caller)?;
    match access {
        AccessMode::ReadWrite => Ok(()),
        AccessMode::ReadOnly => Err(Fault::new(FaultCode::ConnectionReadOnly, "Connection is read-only")),
    }
}

/// The connection as that caller is told of it.
pub(super) fn as_seen(caller: &Account, connection: &Stored) -> Connection {
    Connection {
        id: connection.id,
        name: connection.name.clone(),
        slug: connection.slug.clone(),
        kind: connection.kind.clone(),
        host: connection.host.clone(),
        port: connection.port,
        share_name: connection.share_name.clone(),
        username: connection.username.clone(),
        path_prefix: connection.path_prefix.clone(),
        scope: connection.scope,
        access_mode: effective(caller, connection),
        can_manage: manages(caller, connection),
        created_at: connection.created_at,
        updated_at: connection.updated_at,
    }
}
