//! Callers with a token of the desktop companion.
//!
//! Its routes speak to a program that stands behind whatever proxy there is: a challenge (`WWW-Authenticate`) or a page
//! would look to it as if the proxy had answered. So every refusal is JSON and says in `detail` what to do next.

mod save;

use causeway_api::OPERATION_PARAMETERS;
use causeway_api::companion::{EditProblem, EditProblemCode as Code, RENEWAL_REQUIRED_SECONDS};
use causeway_internal::locks::{Edit, FindLock, LockProof};
use causeway_internal::{Fault, FaultCode, Principal};
use causeway_tokens::{CompanionScope, HeldLock, Operation, TokenRefused};
use serde_json::json;
use uuid::Uuid;

pub use self::save::ProofPlace;
use crate::authentication::{bearer, unix_seconds};
use crate::{Headers, Problem, Query, Request, Settings};

/// An edit whose operation token is genuine and holds. What the token says of connection and lock has been, or is to be,
/// compared with the request; whether there is such a lock is for the sidecar to say.
#[derive(Debug, Clone)]
pub struct OperationSession {
    operation: Operation,
    /// When it was looked at, in seconds since 1970.
    now: u64,
    /// The lock's secret, where the request shows it outside its body.
    capability: Option<String>,
}

impl OperationSession {
    /// Whose file it is about, and which.
    pub fn scope(&self) -> &CompanionScope {
        &self.operation.scope
    }

    /// The lock that the token names.
    pub fn lock(&self) -> &HeldLock {
        &self.operation.lock
    }

    /// Seconds that are left of the token, at least one.
    pub fn remaining(&self) -> u64 {
        self.operation.expires_at.saturating_sub(self.now)
    }

    /// The path of the request has to be the token's, to the letter.
    pub fn is_about(&self, path: &str) -> Result<(), Problem> {
        if self.scope().path == path { Ok(()) } else { Err(mismatch()) }
    }

    /// The ids of edit and lock have to be the token's.
    pub fn is_under(&self, operation_id: &str, lock_id: &str) -> Result<(), Problem> {
        if self.lock().operation_id != operation_id {
            return Err(mismatch());
        }
        if Uuid::parse_str(lock_id) != Ok(self.lock().lock_id) {
            return Err(lost());
        }
        Ok(())
    }

    /// There has to be enough left of the token for whatever begins now.
    pub fn is_not_ending(&self) -> Result<(), Problem> {
        if self.remaining() > RENEWAL_REQUIRED_SECONDS {
            return Ok(());
        }
        Err(refusal(409, Code::RenewalRequired, "This edit session must be renewed before retrying."))
    }

    /// The same with the lock's secret.
    #[must_use]
    pub fn showing(mut self, capability: &str) -> Self {
        self.capability = Some(capability.to_owned());
        self
    }

    /// What proves the lock.
    pub fn proof(&self) -> LockProof {
        let HeldLock { lock_id, operation_id, fence, session: _ } = self.lock().clone();
        LockProof {
            find: FindLock::ById,
            lock_id,
            operation_id,
            capability: self.capability.clone(),
            fence: Some(fence),
        }
    }

    /// The edit for which something is read or written.
    pub fn edit(&self) -> Edit {
        Edit { proof: self.proof(), session: self.lock().session }
    }

    /// The refusal for a fault of the edit itself.
    pub fn refuse(&self, fault: &Fault) -> Option<Problem> {
        Some(match fault.code {
            FaultCode::PrincipalRefused => unauthorized(),
            FaultCode::LockLost => lost(),
            FaultCode::LockMismatch => mismatch(),
            FaultCode::LockForeign => {
                refusal(403, Code::LockLost, "The edit lock is no longer owned by this user.")
            }
            FaultCode::CapabilityMismatch => refusal(
                403,
                Code::CapabilityMismatch,
                "The supplied lock capability is no longer valid for this edit session.",
            ),
            _ => return None,
        })
    }
}

impl Request {
    /// Lets a bootstrap token in that is for this file, and makes its user the caller.
    pub fn authenticate_bootstrap(
        &mut self,
        connection: Uuid,
        path: &str,
    ) -> Result<CompanionScope, Problem> {
        let token = companion_bearer(&self.headers)?;
        let scope = self
            .settings()?
            .token_key
            .verify_bootstrap(token, unix_seconds())
            .map_err(|refused| Self::bootstrap_refused().because(refused))?;
        if Uuid::parse_str(&scope.connection) != Ok(connection) || scope.path != path {
            return Err(Problem::forbidden("Companion bootstrap token scope mismatch"));
        }
        self.principal = Some(principal(&scope));
        Ok(scope)
    }

    /// 401 of a bootstrap token, also for one whose user may not call any more.
    pub fn bootstrap_refused() -> Problem {
        Problem::new(401, "Invalid or expired companion bootstrap token")
    }

    /// Lets an operation token in that is for this connection, and makes its user the caller.
    pub fn authenticate_session(&mut self, connection: Uuid) -> Result<OperationSession, Problem> {
        let token = companion_bearer(&self.headers)?;
        let now = unix_seconds();
        let operation =
            self.settings()?.token_key.verify_operation(token, now).map_err(|refused| match refused {
                TokenRefused::Expired => refusal(
                    401,
                    Code::RecoveryRequired,
                    "This edit session has expired and can no longer be resumed.",
                ),
                other => unauthorized().because(other),
            })?;
        if operation.scope.path.is_empty() {
            return Err(unauthorized());
        }
        if Uuid::parse_str(&operation.scope.connection) != Ok(connection) {
            return Err(mismatch());
        }
        self.principal = Some(principal(&operation.scope));
        Ok(OperationSession { operation, now, capability: None })
    }

    /// The edit under whose operation token a request is made that could be a browser's as well.
    pub fn operation(&self) -> Option<&OperationSession> {
        self.operation.as_ref()
    }

    /// Lets a request in that [proves a lock](proves_lock).
    pub(crate) fn authenticate_operation(&mut self) -> Result<(), Problem> {
        let connection = self.path_uuid("connection_id")?;
        let session = self.authenticate_session(connection)?;
        let [operation_id, lock_id, capability] =
            OPERATION_PARAMETERS.map(|name| self.query.text(name).unwrap_or_default());
        // A path that is missing is the route's own business.
        if let Some(path) = self.query.text("path") {
            session.is_about(path)?;
        }
        session.is_under(operation_id, lock_id)?;
        session.is_not_ending()?;
        self.operation = Some(session.showing(capability));
        Ok(())
    }
}

/// Whether a request to a route for browsers is an edit's: it has all of [`OPERATION_PARAMETERS`], and a token that is
/// not a browser's.
pub(crate) fn proves_lock(query: &Query, headers: &Headers, settings: &Settings) -> bool {
    let Some(token) = bearer(headers) else { return false };
    OPERATION_PARAMETERS.iter().all(|name| query.text(name).is_some())
        && settings.token_key.verify(token, unix_seconds()).is_err()
}

/// The token of a request to a route of the companion: without the challenge that browsers get.
pub(crate) fn companion_bearer(headers: &Headers) -> Result<&str, Problem> {
    bearer(headers).ok_or_else(|| Problem::new(401, "Not authenticated"))
}

fn principal(scope: &CompanionScope) -> Principal {
    Principal { user_id: scope.user_id, token_version: scope.token_version }
}

fn refusal(status: u16, code: Code, what: &str) -> Problem {
    Problem::object(status, json!(EditProblem::new(code, what)))
}

fn unauthorized() -> Problem {
    refusal(401, Code::AuthFailed, "This edit session is no longer authorized.")
}

fn mismatch() -> Problem {
    refusal(403, Code::LockLost, "The edit lock no longer matches this edit session.")
}

fn lost() -> Problem {
    refusal(404, Code::LockLost, "The edit lock is no longer active for this file.")
}

#[cfg(test)]
mod tests;
