use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::PATH_PREFIX;

/// One exchange with JSON both ways: the request type names the call and its answer.
pub trait Call: Serialize + DeserializeOwned {
    /// The last segment of the path.
    const NAME: &'static str;
    /// What a successful call is answered with.
    type Answer: Serialize + DeserializeOwned;
}

/// The path of the call of that name, for example `/internal/v1/info`.
pub fn call_path(name: &str) -> String {
    format!("{PATH_PREFIX}{name}")
}

/// A head that does not decode: the two sides are of different versions, or somebody else is talking.
#[derive(Debug, thiserror::Error)]
#[error("the head of a streamed call cannot be read: {0}")]
pub struct HeadError(String);

/// Writes the parameters or the answer of a streamed call for [`HEAD_HEADER`](crate::HEAD_HEADER).
///
/// Base64 because a header value cannot carry every character of a path.
pub fn encode_head<T: Serialize>(head: &T) -> Result<String, HeadError> {
    let json = serde_json::to_vec(head).map_err(|error| HeadError(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Reads what [`encode_head`] wrote.
pub fn decode_head<T: DeserializeOwned>(value: &str) -> Result<T, HeadError> {
    let json = URL_SAFE_NO_PAD.decode(value).map_err(|error| HeadError(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| HeadError(error.to_string()))
}
