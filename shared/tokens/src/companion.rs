//! Tokens of the desktop companion: what they say, and of which kind they are.
//!
//! A **link** goes through the operating system as part of a deep link, and is exchanged once for a **bootstrap** token,
//! with which the companion looks at the file and takes its lock. An **operation** token belongs to that lock; it is
//! renewed while the file is open. All of them are about one file of one connection and of no use elsewhere.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::TokenRefused;

/// How long a link holds, in seconds: from the click in the browser to the companion's first request.
pub const LINK_SECONDS: u64 = 300;

/// How long a bootstrap token holds, in seconds. It may be used several times, and is not renewed.
pub const BOOTSTRAP_SECONDS: u64 = 300;

/// How long an operation token holds, in seconds.
pub const OPERATION_SECONDS: u64 = 900;

/// The longest path that a link may name, in bytes as the client spelled it. The token travels in the header section of
/// every request, and in a deep link that the operating system hands on.
pub const MAX_COMPANION_PATH_BYTES: usize = 4096;

/// Longest companion token that is looked at, in bytes: the longest path with each character escaped, and the rest.
pub(crate) const MAX_COMPANION_TOKEN_BYTES: usize = 16 * 1024;

/// Whose file a companion token is about, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanionScope {
    /// The user who opened the file.
    #[serde(rename = "sub")]
    pub user_id: Uuid,
    /// The generation of his tokens.
    #[serde(rename = "tv")]
    pub token_version: u32,
    /// The connection, as the browser spelled its id.
    #[serde(rename = "conn_id")]
    pub connection: String,
    /// The file, as the browser spelled its path. Compared to the letter.
    pub path: String,
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which file.
    pub scope: CompanionScope,
    /// Its id, by which it is used up.
    pub id: Uuid,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

/// The lock that an operation token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLock {
    /// Id of the lock.
    pub lock_id: Uuid,
    /// Id of the edit, 32 hexadecimal digits.
    #[serde(rename = "op_id")]
    pub operation_id: String,
    /// The fencing number of its grant.
    pub fence: u64,
    /// The acquisition: one of several by the same user.
    pub session: Uuid,
}

/// What an operation token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Which file.
    pub scope: CompanionScope,
    /// Under which lock.
    pub lock: HeldLock,
    /// When the token ends, in seconds since 1970.
    pub expires_at: u64,
}

/// The kinds of companion tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Link,
    Bootstrap,
    Operation,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Link => "uri_bootstrap",
            Self::Bootstrap | Self::Operation => "companion_session",
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Link => "open_in_companion",
            Self::Bootstrap => "bootstrap",
            Self::Operation => "edit_operation",
        }
    }

    /// Whether these claims are of a token of this kind.
    fn is_of(self, claims: &Map<String, Value>) -> bool {
        let says = |name: &str, wanted: &str| claims.get(name).and_then(Value::as_str) == Some(wanted);
        let marker = claims.get(self.marker()).and_then(Value::as_bool);
        marker == Some(true) && says("token_class", self.class()) && says("purpose", self.purpose())
    }

    fn marker(self) -> &'static str {
        match self {
            Self::Link => "companion_uri",
            Self::Bootstrap | Self::Operation => "companion_session",
        }
    }
}

/// What we write. The marker tells every route for browsers that the token is not for it.
#[derive(Debug, Serialize)]
pub(crate) struct Written<'a> {
    #[serde(flatten)]
    scope: &'a CompanionScope,
    #[serde(skip_serializing_if = "Option::is_none")]
    companion_uri: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    companion_session: Option<bool>,
    token_class: &'static str,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    lock: Option<&'a HeldLock>,
    exp: u64,
}

impl<'a> Written<'a> {
    pub(crate) fn new(kind: Kind, scope: &'a CompanionScope, expires_at: u64) -> Self {
        let is_link = kind == Kind::Link;
        Self {
            scope,
            companion_uri: is_link.then_some(true),
            companion_session: (!is_link).then_some(true),
            token_class: kind.class(),
            purpose: kind.purpose(),
            jti: None,
            lock: None,
            exp: expires_at,
        }
    }

    /// The same with an id.
    pub(crate) fn named(self, id: Uuid) -> Self {
        Self { jti: Some(id.simple().to_string()), ..self }
    }

    /// The same for a lock.
    pub(crate) fn holding(self, lock: &'a HeldLock) -> Self {
        Self { lock: Some(lock), ..self }
    }
}

/// The claims of a token of a kind, read as `T`: those that it does not have are passed over.
pub(crate) fn read<T: DeserializeOwned>(kind: Kind, claims: &Map<String, Value>) -> Result<T, TokenRefused> {
    if !kind.is_of(claims) {
        return Err(TokenRefused::Foreign);
    }
    T::deserialize(claims).map_err(|_| TokenRefused::Malformed)
}

/// The id of a link.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadId {
    pub(crate) jti: Uuid,
}
