//! A request, once its operation is known.

mod mistake;

use causeway_api::{FieldError, Method, PathParameters};
use causeway_internal::Principal;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{ClientBody, Headers, OperationSession, Origin, Problem, Query, Settings, Sidecar};

/// The largest JSON body that a client may send, in bytes. Settings with themes of the user's own are the largest.
pub const MAX_JSON_BODY: usize = 1024 * 1024;

/// A request of a client.
pub struct Request {
    pub(crate) id: Uuid,
    /// `None` for a method that no route of the API has.
    pub(crate) method: Option<Method>,
    pub(crate) path: String,
    pub(crate) query: Query,
    pub(crate) headers: Headers,
    pub(crate) parameters: PathParameters,
    pub(crate) principal: Option<Principal>,
    /// The edit that the caller has proved to have, on routes that are for browsers too.
    pub(crate) operation: Option<OperationSession>,
    pub(crate) settings: Option<&'static Settings>,
    pub(crate) body: Option<ClientBody>,
}

impl Request {
    /// Its id: in the answer's `X-Request-ID` and in the logs of function and sidecar.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Its method; `None` for one that no route of the API has.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Whether only what is said about the content is wanted.
    pub fn is_head(&self) -> bool {
        self.method == Some(Method::Head)
    }

    /// Its path as the client sent it, percent-encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        Origin::of(&self.headers)
    }

    /// The value of a path parameter, decoded.
    ///
    /// # Errors
    ///
    /// 404 when it is not UTF-8: nothing has such a name.
    pub fn path_text(&self, name: &str) -> Result<String, Problem> {
        let raw = self.parameters.get(name).unwrap_or_default();
        let decoded = percent_decode_str(raw).decode_utf8();
        decoded.map(Into::into).map_err(|_| Problem::not_found("Not Found"))
    }

    /// The value of a path parameter that is an id. 422 when it is none; hyphens may be missing.
    pub fn path_uuid(&self, name: &str) -> Result<Uuid, Problem> {
        let text = self.path_text(name)?;
        Uuid::parse_str(&text).map_err(|error| {
            let message = format!("Input should be a valid UUID, {error}");
            let mut mistake = FieldError::new("uuid_parsing", &["path", name], message, Value::from(text));
            mistake.ctx = Some(json!({ "error": error.to_string() }));
            Problem::invalid(mistake)
        })
    }

    /// The caller. Only on routes that need a token; on others 401.
    pub fn principal(&self) -> Result<Principal, Problem> {
        self.principal.ok_or_else(Problem::not_authenticated)
    }

    /// The sidecar, spoken to for this request's caller. It does not borrow the request, and may be cloned into a
    /// body that is written later.
    pub fn sidecar(&self) -> Result<Sidecar, Problem> {
        let settings = self.settings.ok_or_else(|| Problem::internal("no settings on this route"))?;
        Ok(Sidecar::new(settings, self.principal, self.id, self.origin()))
    }

    /// The sidecar, spoken to for somebody whom the request names in another way than by its access token.
    pub fn sidecar_for(&self, principal: Principal) -> Result<Sidecar, Problem> {
        Ok(Sidecar::new(self.settings()?, Some(principal), self.id, self.origin()))
    }

    /// What the deployment says. Not on routes that the table does not have.
    pub fn settings(&self) -> Result<&'static Settings, Problem> {
        self.settings.ok_or_else(|| Problem::internal("no settings on this route"))
    }

    /// The body, to be handed on or read by other means. The second time there is none, which is a mistake of ours.
    pub fn take_body(&mut self) -> Result<ClientBody, Problem> {
        self.body.take().ok_or_else(|| Problem::internal("the body was taken twice"))
    }

    /// The body as JSON. 413 above [`MAX_JSON_BODY`], 422 when it is missing, no JSON, or not of the type.
    pub async fn json<T: DeserializeOwned + JsonSchema>(&mut self) -> Result<T, Problem> {
        let bytes = self.take_body()?.collect(MAX_JSON_BODY).await?;
        parse_json(&bytes)?.ok_or_else(|| Problem::invalid(FieldError::missing(&["body"], Value::Null)))
    }

    /// The body as JSON, if there is one.
    pub async fn optional_json<T: DeserializeOwned + JsonSchema>(&mut self) -> Result<Option<T>, Problem> {
        let bytes = self.take_body()?.collect(MAX_JSON_BODY).await?;
        parse_json(&bytes)
    }
}

/// Reads a body, which is an object; `None` when it is empty or null.
fn parse_json<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Result<Option<T>, Problem> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let mut mistake = FieldError::new("json_invalid", &["body"], "JSON decode error", json!({}));
        mistake.ctx = Some(json!({ "error": error.to_string() }));
        Problem::invalid(mistake)
    })?;
    match &value {
        Value::Null => Ok(None),
        // Serde would also take a list for an object, its fields in the order of their declaration.
        Value::Object(_) => serde_path_to_error::deserialize(&value).map(Some).map_err(|error| {
            let mistakes = mistake::mistakes::<T>(&error, &value);
            Problem::object(422, json!(mistakes))
        }),
        other => Err(Problem::invalid(mistake::no_object(other))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::parse_json;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the mistakes matter")]
    struct Outer {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the mistakes matter")]
    struct Inner {
        numbers: Vec<u8>,
    }

    fn mistake(body: &str) -> Value {
        let problem = parse_json::<Outer>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), 422);
        problem.body().detail[0].clone()
    }

    #[test]
    fn a_mistake_in_a_body_is_found_where_it_is() {
        assert_eq!(
            mistake(r#"{"x":1}"#),
            json!({ "type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": { "x": 1 } })
        );
        let deep = mistake(r#"{"name":"a","inner":{"numbers":[1,"x"]}}"#);
        assert_eq!(deep["loc"], json!(["body", "inner", "numbers", 1]));
        assert_eq!(deep["input"], json!("x"));
        assert_eq!(mistake(r#"{"name":"a","inner":{}}"#)["loc"], json!(["body", "inner", "numbers"]));
        assert_eq!(mistake("{")["type"], "json_invalid");
        assert_eq!(mistake("[]")["loc"], json!(["body"]));
        assert!(parse_json::<Outer>(b"").unwrap().is_none());
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_json::<Outer>(&body);
        }
    }
}
