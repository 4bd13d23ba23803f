//! Locks of the companion: taken with a bootstrap token, kept and given back with operation tokens.

use causeway_api::companion::{
    CompanionLock, Heartbeat, RENEWAL_ACCEPTED_SECONDS, RENEWAL_SUGGESTED_SECONDS, Released, RenewedSession,
};
use causeway_api::locks::{EditLock, LockControl};
use causeway_function_kit::{Answer, OperationSession, Problem, Refusal, Request, Wording, unix_seconds};
use causeway_internal::FaultCode;
use causeway_internal::locks::{AcquireLock, CheckLock, ReleaseLock};
use causeway_tokens::{HeldLock, OPERATION_SECONDS};
use uuid::Uuid;

use crate::wording::{file_to_edit, not_granted};

pub(crate) async fn lock(mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?.to_owned();
    let scope = request.authenticate_bootstrap(connection, &text)?;
    let path = file_to_edit(&text)?;
    let grant = request.sidecar()?.call(&AcquireLock { connection, path }).await;
    let grant = grant.map_err(|refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::PrincipalRefused => Some(Request::bootstrap_refused()),
            _ => not_granted(&text, fault),
        })
    })?;
    let held = HeldLock {
        lock_id: grant.lock_id,
        operation_id: grant.operation_id.clone(),
        fence: grant.fence,
        session: grant.session,
    };
    let key = &request.settings()?.token_key;
    let operation = key.mint_operation(&scope, &held, Uuid::new_v4(), unix_seconds());
    let answer = CompanionLock {
        lock: EditLock::granted(&text, &grant),
        operation_token: operation.map_err(Problem::internal)?.token,
        operation_expires_in: OPERATION_SECONDS,
        renew_after_seconds: RENEWAL_SUGGESTED_SECONDS,
    };
    Answer::json(200, &answer)
}

pub(crate) async fn heartbeat(mut request: Request) -> Result<Answer, Problem> {
    let (connection, session) = controlled(&mut request).await?;
    session.is_not_ending()?;
    let taken = request.sidecar()?.call(&check(connection, &session, true)?).await;
    taken.map_err(|refusal| refused(&session, refusal))?;
    Answer::json(200, &Heartbeat::taken(session.remaining()))
}

/// In every window of the token: to refuse it in the last minutes would only leave the file locked.
pub(crate) async fn unlock(mut request: Request) -> Result<Answer, Problem> {
    let (connection, session) = controlled(&mut request).await?;
    let path = file_to_edit(&session.scope().path)?;
    let call = ReleaseLock { connection, path, proof: session.proof() };
    let gone = request.sidecar()?.call(&call).await;
    gone.map_err(|refusal| refused(&session, refusal))?;
    Answer::json(200, &Released { released: true })
}

pub(crate) async fn renew(mut request: Request) -> Result<Answer, Problem> {
    let (connection, session) = controlled(&mut request).await?;
    let checked = request.sidecar()?.call(&check(connection, &session, false)?).await;
    let is_users = !matches!(&checked, Err(refusal) if refusal.code() == Some(FaultCode::PrincipalRefused));
    // Whose token it is comes before how old it is, and that before what has become of the lock.
    if is_users && session.remaining() > RENEWAL_ACCEPTED_SECONDS {
        return Err(Problem::conflict("Operation session is not yet eligible for renewal"));
    }
    checked.map_err(|refusal| refused(&session, refusal))?;
    let key = &request.settings()?.token_key;
    let renewed = key.mint_operation(session.scope(), session.lock(), Uuid::new_v4(), unix_seconds());
    let answer = RenewedSession {
        token: renewed.map_err(Problem::internal)?.token,
        expires_in: OPERATION_SECONDS,
        renew_after_seconds: RENEWAL_SUGGESTED_SECONDS,
    };
    Answer::json(200, &answer)
}

/// The session of a request whose body shows the lock. The body's form is looked at before the token.
async fn controlled(request: &mut Request) -> Result<(Uuid, OperationSession), Problem> {
    let connection = request.path_uuid("connection_id")?;
    let control: LockControl = request.json().await?;
    let session = request.authenticate_session(connection)?;
    session.is_under(&control.operation_id, &control.lock_id)?;
    Ok((connection, session.showing(&control.lock_capability)))
}

/// Asks whether the lock is (still) the session's.
fn check(connection: Uuid, session: &OperationSession, refresh: bool) -> Result<CheckLock, Problem> {
    let path = file_to_edit(&session.scope().path)?;
    Ok(CheckLock { connection, path, proof: session.proof(), refresh })
}

fn refused(session: &OperationSession, refusal: Refusal) -> Problem {
    refusal
        .or_else(|fault| session.refuse(fault).or_else(|| Wording::lock(&session.scope().path).refuse(fault)))
}
