//! What clients say about connections.

use causeway_internal::connections::{AccessMode, ConnectionDraft, ConnectionPatch, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::FieldError;

/// The port of SMB over TCP.
const SMB_PORT: i64 = 445;
/// There is no port 0.
const FIRST_PORT: i64 = 1;
const LAST_PORT: i64 = 65_535;

/// Who sees a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeChoice {
    /// Everybody; managed by administrators.
    Shared,
    /// Its owner only.
    Private,
}

impl From<Scope> for ScopeChoice {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Shared => Self::Shared,
            Scope::Private => Self::Private,
        }
    }
}

impl From<ScopeChoice> for Scope {
    fn from(scope: ScopeChoice) -> Self {
        match scope {
            ScopeChoice::Shared => Self::Shared,
            ScopeChoice::Private => Self::Private,
        }
    }
}

/// Whether a connection may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessModeChoice {
    /// Reads and writes.
    ReadWrite,
    /// Reads only.
    ReadOnly,
}

impl From<AccessMode> for AccessModeChoice {
    fn from(mode: AccessMode) -> Self {
        match mode {
            AccessMode::ReadWrite => Self::ReadWrite,
            AccessMode::ReadOnly => Self::ReadOnly,
        }
    }
}

impl From<AccessModeChoice> for AccessMode {
    fn from(mode: AccessModeChoice) -> Self {
        match mode {
            AccessModeChoice::ReadWrite => Self::ReadWrite,
            AccessModeChoice::ReadOnly => Self::ReadOnly,
        }
    }
}

/// A connection to be made or tried.
#[derive(Clone, Deserialize, JsonSchema)]
pub struct ConnectionCreateBody {
    /// Display name, not blank.
    pub name: String,
    /// `smb`.
    #[serde(default = "smb", rename = "type")]
    pub kind: String,
    /// Host name or address, not blank.
    pub host: String,
    /// TCP port.
    #[serde(default = "smb_port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i64,
    /// Share on the host, not blank.
    pub share_name: String,
    /// User name on the host, not blank.
    pub username: String,
    /// Password; may be empty.
    pub password: String,
    /// Directory on the share that is to be the connection's root.
    #[serde(default = "whole_share")]
    pub path_prefix: Option<String>,
    /// Who is to see it.
    #[serde(default = "private")]
    pub scope: ScopeChoice,
    /// Whether it may be written to.
    #[serde(default = "read_write")]
    pub access_mode: AccessModeChoice,
}

fn smb() -> String {
    "smb".to_owned()
}

fn smb_port() -> i64 {
    SMB_PORT
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field that may be null")]
fn whole_share() -> Option<String> {
    Some("/".to_owned())
}

fn private() -> ScopeChoice {
    ScopeChoice::Private
}

fn read_write() -> AccessModeChoice {
    AccessModeChoice::ReadWrite
}

impl ConnectionCreateBody {
    /// The fields that must be there, in the order in which their absence is reported.
    pub const REQUIRED: [&'static str; 5] = ["name", "host", "share_name", "username", "password"];

    /// Checks what a type cannot say; all mistakes are reported, not only the first.
    pub fn into_draft(self) -> Result<ConnectionDraft, Vec<FieldError>> {
        let mut errors: Vec<FieldError> = [
            ("name", &self.name),
            ("host", &self.host),
            ("share_name", &self.share_name),
            ("username", &self.username),
        ]
        .into_iter()
        .filter(|(_, value)| value.trim().is_empty())
        .map(|(field, value)| blank(field, value))
        .collect();
        match (port(self.port), errors.is_empty()) {
            (Ok(port), true) => Ok(ConnectionDraft {
                name: self.name,
                kind: self.kind,
                host: self.host,
                port,
                share_name: self.share_name,
                username: self.username,
                password: self.password,
                path_prefix: self.path_prefix,
                scope: self.scope.into(),
                access_mode: self.access_mode.into(),
            }),
            (Ok(_), false) => Err(errors),
            (Err(error), _) => {
                errors.push(error);
                Err(errors)
            }
        }
    }
}

/// Changes to a connection, or to be tried with one. What is absent stays, and so does what is `null`, except for
/// `path_prefix`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConnectionUpdateBody {
    /// Display name.
    pub name: Option<String>,
    /// Host name or address.
    pub host: Option<String>,
    /// TCP port; 0 keeps the stored one.
    #[schemars(range(min = 0, max = 65_535))]
    pub port: Option<i64>,
    /// Share on the host.
    pub share_name: Option<String>,
    /// User name on the host.
    pub username: Option<String>,
    /// Password; an empty one keeps the stored one.
    pub password: Option<String>,
    /// Directory on the share that is to be the connection's root; `null` is the share's own root.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub path_prefix: Option<Option<String>>,
    /// Who is to see it.
    pub scope: Option<ScopeChoice>,
    /// Whether it may be written to.
    pub access_mode: Option<AccessModeChoice>,
}

impl ConnectionUpdateBody {
    /// Checks what a type cannot say.
    pub fn into_patch(self) -> Result<ConnectionPatch, Vec<FieldError>> {
        let port = match self.port {
            None | Some(0) => None,
            Some(number) => Some(port(number).map_err(|error| vec![error])?),
        };
        Ok(ConnectionPatch {
            name: self.name,
            host: self.host,
            port,
            share_name: self.share_name,
            username: self.username,
            password: self.password,
            path_prefix: self.path_prefix,
            scope: self.scope.map(Into::into),
            access_mode: self.access_mode.map(Into::into),
        })
    }
}

/// A field that is there is `Some`, whatever its value.
#[expect(clippy::option_option, reason = "absent, null and a value are three things to an update")]
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn blank(field: &str, value: &str) -> FieldError {
    let mut error =
        FieldError::new("value_error", &["body", field], "Value error, Field cannot be empty", value.into());
    error.ctx = Some(json!({ "error": {} }));
    error
}

#[cfg_attr(
    not(target_family = "wasm"),
    expect(clippy::result_large_err, reason = "a mistake is made once in a request, and shown")
)]
fn port(number: i64) -> Result<u16, FieldError> {
    let loc = ["body", "port"];
    let refusal = |kind, text, ctx: Value| {
        let mut error = FieldError::new(kind, &loc, text, number.into());
        error.ctx = Some(ctx);
        error
    };
    if number < FIRST_PORT {
        let text = format!("Input should be greater than or equal to {FIRST_PORT}");
        return Err(refusal("greater_than_equal", text, json!({ "ge": FIRST_PORT })));
    }
    u16::try_from(number).map_err(|_| {
        let text = format!("Input should be less than or equal to {LAST_PORT}");
        refusal("less_than_equal", text, json!({ "le": LAST_PORT }))
    })
}

#[cfg(test)]
mod tests;
