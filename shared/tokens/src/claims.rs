//! What a token says.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a checked token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is.
    pub user_id: Uuid,
    /// The generation of his tokens that it belongs to.
    pub token_version: u32,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

/// What we write.
#[derive(Debug, Serialize)]
pub(crate) struct WrittenClaims {
    pub(crate) sub: Uuid,
    pub(crate) tv: u32,
    pub(crate) exp: u64,
}

/// What we read: more than we write, to tell tokens that are not for browsers. Whatever type a foreign claim has.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadClaims {
    pub(crate) sub: Option<String>,
    #[serde(default)]
    pub(crate) tv: u32,
    pub(crate) exp: Option<serde_json::Number>,
    #[serde(default)]
    companion_uri: serde_json::Value,
    #[serde(default)]
    companion_session: serde_json::Value,
    #[serde(default)]
    token_class: serde_json::Value,
}

impl ReadClaims {
    /// Whether it was made for the desktop companion, which has routes of its own.
    pub(crate) fn is_for_companion(&self) -> bool {
        is_set(&self.companion_uri)
            || is_set(&self.companion_session)
            || self.token_class.as_str() == Some("companion_session")
    }
}

/// Whether a claim says anything: neither absent, null, false, zero nor empty.
fn is_set(claim: &serde_json::Value) -> bool {
    use serde_json::Value;
    match claim {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}
