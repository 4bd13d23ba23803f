//! What a token says.

use serde::Serialize;
use serde_json::{Map, Value};
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

/// Whether a token was made for the desktop companion, which has routes of its own. Whatever type a foreign claim has.
pub(crate) fn is_for_companion(claims: &Map<String, Value>) -> bool {
    let is_set = |name: &str| claims.get(name).is_some_and(is_set);
    let class = claims.get("token_class").and_then(Value::as_str);
    is_set("companion_uri") || is_set("companion_session") || class == Some("companion_session")
}

/// When a token ends. NumericDate (RFC 7519 2) may have a fraction, which is cut off.
pub(crate) fn expires_at(claims: &Map<String, Value>) -> Option<u64> {
    let Value::Number(number) = claims.get("exp")? else { return None };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is meant"
    )]
    let cut = |seconds: f64| seconds as u64;
    number.as_u64().or_else(|| number.as_f64().map(cut))
}

/// Whether a claim says anything: neither absent, null, false, zero nor empty.
fn is_set(claim: &Value) -> bool {
    match claim {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}
