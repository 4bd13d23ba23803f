//! Connections to shares.

use causeway_api::connections::{
    ConnectionBody, ConnectionCreateBody, ConnectionUpdateBody, DeletedAnswer, TestAnswer, visibility_options,
};
use causeway_function_kit::{Answer, NO_SHARE_NAME, Problem, Refusal, Request};
use causeway_internal::accounts::{Role, WhoAmI};
use causeway_internal::connections::{
    ChangeConnection, ConnectionDraft, CreateConnection, DeleteConnection, ListConnections, TestConnection,
    TestDraft,
};
use causeway_internal::{Fault, FaultCode};

use crate::refusal::invalid;

const TIMED_OUT: &str = "Connection test timed out. The remote share did not respond in time.";

pub(crate) async fn list(request: &Request) -> Result<Answer, Problem> {
    let connections = request.sidecar()?.call(&ListConnections {}).await?;
    let bodies: Vec<_> = connections.into_iter().map(ConnectionBody::from).collect();
    Answer::json(200, &bodies)
}

pub(crate) async fn visibility(request: &Request) -> Result<Answer, Problem> {
    let account = request.sidecar()?.call(&WhoAmI {}).await?;
    Answer::json(200, &visibility_options(account.role == Role::Admin))
}

pub(crate) async fn test_draft(mut request: Request) -> Result<Answer, Problem> {
    let draft = draft(&mut request).await?;
    let tried = request.sidecar()?.call_patiently(&TestDraft { draft }).await;
    tried.map_err(|refusal| refused(refusal, ""))?;
    Answer::json(200, &TestAnswer::draft_works())
}

pub(crate) async fn create(mut request: Request) -> Result<Answer, Problem> {
    let draft = draft(&mut request).await?;
    let created = request.sidecar()?.call_patiently(&CreateConnection { draft }).await;
    let created = created.map_err(|refusal| refused(refusal, "Failed to save connection to database"))?;
    Answer::json(200, &ConnectionBody::from(created))
}

pub(crate) async fn change(mut request: Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("connection_id")?;
    let body: ConnectionUpdateBody = request.json().await?;
    let patch = body.into_patch().map_err(invalid)?;
    let changed = request.sidecar()?.call_patiently(&ChangeConnection { id, patch }).await;
    let changed = changed.map_err(|refusal| refused(refusal, "Failed to update connection in database"))?;
    Answer::json(200, &ConnectionBody::from(changed))
}

pub(crate) async fn delete(request: &Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("connection_id")?;
    request.sidecar()?.call(&DeleteConnection { id }).await?;
    Answer::json(200, &DeletedAnswer::default())
}

pub(crate) async fn test(mut request: Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("connection_id")?;
    let body: Option<ConnectionUpdateBody> = request.optional_json().await?;
    let patch = body.unwrap_or_default().into_patch().map_err(invalid)?;
    let answer = match request.sidecar()?.call_patiently(&TestConnection { id, patch }).await {
        Ok(report) => TestAnswer::connection_works(report),
        Err(Refusal::Fault(fault)) if is_verdict(fault.code) => TestAnswer::failed(fault.message),
        Err(refusal) => return Err(refused(refusal, "")),
    };
    Answer::json(200, &answer)
}

/// The connection that a body describes, all mistakes in it reported at once.
async fn draft(request: &mut Request) -> Result<ConnectionDraft, Problem> {
    let body: ConnectionCreateBody = request.json().await?;
    body.into_draft().map_err(invalid)
}

/// The words for a try that failed, or for a database (`not_stored`) that did.
fn refused(refusal: Refusal, not_stored: &'static str) -> Problem {
    refusal.or_else(|fault: &Fault| {
        Some(match fault.code {
            FaultCode::TimedOut => Problem::new(504, TIMED_OUT),
            FaultCode::ConnectionIncomplete => Problem::bad_request(NO_SHARE_NAME),
            FaultCode::Internal if !not_stored.is_empty() => Problem::new(500, not_stored),
            code if is_of_the_share(code) => {
                Problem::bad_request(format!("Failed to connect to SMB share: {}", fault.message))
            }
            _ => return None,
        })
    })
}

/// Whether the try of a stored connection is answered with this rather than refused: a field that cannot be and a stored
/// password that cannot be read are reasons as good as the share's own.
fn is_verdict(code: FaultCode) -> bool {
    is_of_the_share(code) || matches!(code, FaultCode::Invalid | FaultCode::Internal)
}

/// Whether a try reached this verdict about the share itself, its host or the directory that is to be the root.
fn is_of_the_share(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::Unreachable
            | FaultCode::LogonRefused
            | FaultCode::ShareNotFound
            | FaultCode::EncryptionRequired
            | FaultCode::AccessDenied
            | FaultCode::NotFound
            | FaultCode::ParentNotFound
            | FaultCode::NotADirectory
            | FaultCode::NameRefused
            | FaultCode::ServerFault
    )
}
