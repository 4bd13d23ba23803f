//! Refusals, as the public sees them.

use std::borrow::Cow;

use causeway_api::{ErrorBody, FieldError, Method};
use causeway_internal::{Fault, FaultCode};
use serde_json::{Value, json};

/// A refusal: status, `detail`, headers, and for the log what really happened.
#[derive(Debug, Clone)]
pub struct Problem {
    status: u16,
    detail: Value,
    headers: Vec<(&'static str, String)>,
    cause: Option<String>,
}

impl Problem {
    /// A refusal with a sentence for people.
    pub fn new(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: Value::String(detail.into().into_owned()), headers: Vec::new(), cause: None }
    }

    /// A refusal with an object for programs.
    pub fn object(status: u16, detail: Value) -> Self {
        Self { status, detail, headers: Vec::new(), cause: None }
    }

    /// 400: what is asked for is wrong in itself.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, detail)
    }

    /// 401: no token. For routes that need one.
    pub fn not_authenticated() -> Self {
        Self::new(401, "Not authenticated").header("www-authenticate", "Bearer")
    }

    /// 401: the token is not, or no longer, good.
    pub fn bad_token() -> Self {
        Self::new(401, "Could not validate credentials").header("www-authenticate", "Bearer")
    }

    /// 403: the caller may not.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(403, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, detail)
    }

    /// 405: the path has other methods.
    pub fn wrong_method(allowed: &[Method]) -> Self {
        let allow: Vec<_> = allowed.iter().map(|method| method.as_str()).collect();
        Self::new(405, "Method Not Allowed").header("allow", allow.join(", "))
    }

    /// 409: it stands against the state of things.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(409, detail)
    }

    /// 413: the body is larger than the route takes.
    pub fn body_too_large() -> Self {
        Self::new(413, "Request body too large")
    }

    /// 422: one field of the request is missing or wrong.
    #[expect(clippy::needless_pass_by_value, reason = "a refusal takes over what it reports")]
    pub fn invalid(error: FieldError) -> Self {
        Self::object(422, json!([error]))
    }

    /// 500: a fault of our own. The cause is for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(500, "Internal server error").because(cause)
    }

    /// 502: the sidecar does not answer as it should. The cause is for the log.
    pub fn sidecar_unavailable(cause: impl std::fmt::Display) -> Self {
        Self::new(502, "The file service is not available").because(cause)
    }

    /// The same with a header (name in lower-case).
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with what really happened, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What it carries.
    pub fn body(&self) -> ErrorBody {
        ErrorBody { detail: self.detail.clone() }
    }

    /// Headers that belong to it.
    pub(crate) fn into_headers(self) -> Vec<(&'static str, String)> {
        self.headers
    }

    /// What really happened.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl From<Fault> for Problem {
    /// The usual public form of a refusal by the sidecar: its own status and message, but for what is nobody's business.
    fn from(fault: Fault) -> Self {
        let status = fault.code.status();
        let problem = match fault.code {
            FaultCode::PrincipalRefused => Self::bad_token(),
            FaultCode::NotPermitted => Self::forbidden("Not enough permissions"),
            FaultCode::RoleReadOnly => Self::forbidden("Your user role is read-only"),
            FaultCode::ConnectionReadOnly => Self::forbidden("Connection is read-only"),
            FaultCode::ConnectionNotFound => Self::not_found("Connection not found"),
            FaultCode::ServiceTokenRefused => {
                Self::sidecar_unavailable("the sidecar refuses the service token")
            }
            FaultCode::Internal => Self::internal("fault of the sidecar, see its log"),
            _ => Self::new(status, fault.message),
        };
        match fault.retry_after_seconds {
            Some(seconds) => problem.header("retry-after", seconds.to_string()),
            None => problem,
        }
    }
}
