//! Connections to shares.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Call, UnixMicros};

/// Who sees a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody; managed by administrators.
    Shared,
    /// Its owner only.
    Private,
}

/// Whether a connection may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessMode {
    /// Reads and writes.
    ReadWrite,
    /// Reads only.
    ReadOnly,
}

/// A connection as the caller sees it. The password never leaves the sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Id.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// Name in URLs: unique, made once.
    pub slug: String,
    /// `smb`.
    pub kind: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Share on the host.
    pub share_name: Option<String>,
    /// User name on the host.
    pub username: String,
    /// Directory on the share that is the connection's root, as it was given.
    pub path_prefix: Option<String>,
    /// Who sees it.
    pub scope: Scope,
    /// What the caller may do, his role considered.
    pub access_mode: AccessMode,
    /// Whether the caller may change or delete it.
    pub can_manage: bool,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When it was last changed.
    pub updated_at: UnixMicros,
}

/// A connection to be made or tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConnectionDraft {
    /// Display name, not blank.
    pub name: String,
    /// `smb`.
    pub kind: String,
    /// Host name or address, not blank.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Share, not blank.
    pub share_name: String,
    /// User name, not blank.
    pub username: String,
    /// Password, may be empty.
    pub password: String,
    /// Directory that is to be the root.
    pub path_prefix: Option<String>,
    /// Who is to see it; `Shared` of a caller who is no administrator becomes `Private`.
    pub scope: Scope,
    /// Whether it may be written to.
    pub access_mode: AccessMode,
}

/// Changes to a connection; absent fields stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ConnectionPatch {
    /// Display name.
    pub name: Option<String>,
    /// Host name or address.
    pub host: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Share.
    pub share_name: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Password; an empty one keeps the stored one.
    pub password: Option<String>,
    /// Directory that is to be the root: `Some(None)` clears it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "presence")]
    pub path_prefix: Option<Option<String>>,
    /// Who is to see it.
    pub scope: Option<Scope>,
    /// Whether it may be written to.
    pub access_mode: Option<AccessMode>,
}

/// Keeps "absent" and "null" apart: a field that is there is `Some`, whatever its value.
#[expect(clippy::option_option, clippy::ref_option, reason = "serde's `with` gives these shapes")]
mod presence {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, T: Serialize>(
        value: &Option<Option<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(from).map(Some)
    }
}

/// All connections that the caller sees: shared first, then by name (folded), then by id.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListConnections {}

impl Call for ListConnections {
    const NAME: &'static str = "list-connections";
    type Answer = Vec<Connection>;
}

/// Tries a draft, then stores it.
///
/// Faults: `RoleReadOnly`, `Invalid` (prefix), and those of the try: `Unreachable`, `LogonRefused`, `ShareNotFound`,
/// `NotFound` (prefix missing), `AccessDenied`, `EncryptionRequired`, `TimedOut`, `ServerFault`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateConnection {
    /// What to store.
    pub draft: ConnectionDraft,
}

impl Call for CreateConnection {
    const NAME: &'static str = "create-connection";
    type Answer = Connection;
}

/// Changes a connection; tries it first when anything that matters to the server is among the changes.
///
/// Faults: those of [`CreateConnection`], and `ConnectionNotFound`, `NotPermitted`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeConnection {
    /// Which.
    pub id: Uuid,
    /// What.
    pub patch: ConnectionPatch,
}

impl Call for ChangeConnection {
    const NAME: &'static str = "change-connection";
    type Answer = Connection;
}

/// Deletes a connection and closes its sessions. Faults: `RoleReadOnly`, `ConnectionNotFound`, `NotPermitted`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DeleteConnection {
    /// Which.
    pub id: Uuid,
}

impl Call for DeleteConnection {
    const NAME: &'static str = "delete-connection";
    type Answer = ();
}

/// Tries a draft without storing it: connects and lists the root. Faults: as [`CreateConnection`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestDraft {
    /// What to try.
    pub draft: ConnectionDraft,
}

impl Call for TestDraft {
    const NAME: &'static str = "test-draft";
    type Answer = TestReport;
}

/// Tries a stored connection, with changes laid over it.
///
/// Faults: `RoleReadOnly`, `ConnectionNotFound`, `NotPermitted`, `ConnectionIncomplete`, and those of the try.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestConnection {
    /// Which.
    pub id: Uuid,
    /// Changes to try with.
    pub patch: ConnectionPatch,
}

impl Call for TestConnection {
    const NAME: &'static str = "test-connection";
    type Answer = TestReport;
}

/// A try that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Entries in the root directory.
    pub root_entries: u64,
}
