//! What is said about connections.

use causeway_internal::connections::{Connection, TestReport};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{AccessModeChoice, ScopeChoice};
use crate::Timestamp;

/// A connection as the caller sees it. The password is never among this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConnectionBody {
    /// Id.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// Name in URLs: unique, made once.
    pub slug: String,
    /// `smb`.
    #[serde(rename = "type")]
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
    pub scope: ScopeChoice,
    /// What the caller may do, his role considered.
    pub access_mode: AccessModeChoice,
    /// Whether the caller may change or delete it.
    pub can_manage: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl From<Connection> for ConnectionBody {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id,
            name: connection.name,
            slug: connection.slug,
            kind: connection.kind,
            host: connection.host,
            port: connection.port,
            share_name: connection.share_name,
            username: connection.username,
            path_prefix: connection.path_prefix,
            scope: connection.scope.into(),
            access_mode: connection.access_mode.into(),
            can_manage: connection.can_manage,
            created_at: connection.created_at.into(),
            updated_at: connection.updated_at.into(),
        }
    }
}

/// To whom a connection may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VisibilityOption {
    /// Value for `scope`.
    pub value: ScopeChoice,
    /// Short name for people.
    pub label: &'static str,
    /// What it means.
    pub description: &'static str,
    /// Whether the caller may choose it.
    pub available: bool,
    /// Why not; `null` when he may.
    pub unavailable_reason: Option<&'static str>,
}

/// Both options, always in this order.
pub fn visibility_options(is_admin: bool) -> [VisibilityOption; 2] {
    [
        VisibilityOption {
            value: ScopeChoice::Shared,
            label: "Shared with everyone",
            description: "Visible to all users. Only admins can manage it.",
            available: is_admin,
            unavailable_reason: (!is_admin)
                .then_some("Shared connections can only be created or updated by admins."),
        },
        VisibilityOption {
            value: ScopeChoice::Private,
            label: "Private to me",
            description: "Visible only to your account. You can fully manage it.",
            available: true,
            unavailable_reason: None,
        },
    ]
}

/// How a try went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestStatus {
    /// The share answered.
    Success,
    /// It did not; the message says why.
    Error,
}

/// The outcome of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TestAnswer {
    /// How it went.
    pub status: TestStatus,
    /// One sentence for people.
    pub message: String,
}

impl TestAnswer {
    /// A draft's try succeeded.
    pub fn draft_works() -> Self {
        Self { status: TestStatus::Success, message: "Successfully connected to the SMB share.".to_owned() }
    }

    /// A stored connection's try succeeded.
    pub fn connection_works(report: TestReport) -> Self {
        let message =
            format!("Successfully connected. Found {} items in root directory.", report.root_entries);
        Self { status: TestStatus::Success, message }
    }

    /// A stored connection's try failed.
    pub fn failed(message: String) -> Self {
        Self { status: TestStatus::Error, message }
    }
}

/// A connection is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeletedAnswer {
    /// One sentence for people.
    pub message: &'static str,
}

impl Default for DeletedAnswer {
    fn default() -> Self {
        Self { message: "Connection deleted successfully" }
    }
}

#[cfg(test)]
mod tests;
