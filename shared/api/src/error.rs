//! The body of every refusal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a refusal carries. Browsers show `detail` when it is a string.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A sentence for people, an object for programs, or for status 422 a list of [`FieldError`]s.
    pub detail: Value,
}

/// One thing that is wrong with a request (status 422).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// What kind of mistake: `missing`, `uuid_parsing`, `value_error`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Where: `body`, `query` or `path`, then the names and indices that lead to the field.
    pub loc: Vec<Value>,
    /// A sentence for people.
    pub msg: String,
    /// What was there instead.
    pub input: Value,
    /// Further facts about the mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

impl FieldError {
    /// A mistake at a place.
    pub fn new(kind: &str, loc: &[&str], msg: impl Into<String>, input: Value) -> Self {
        let loc = loc.iter().map(|step| Value::from(*step)).collect();
        Self { kind: kind.to_owned(), loc, msg: msg.into(), input, ctx: None }
    }

    /// A field that is not there.
    pub fn missing(loc: &[&str], input: Value) -> Self {
        Self::new("missing", loc, "Field required", input)
    }
}
