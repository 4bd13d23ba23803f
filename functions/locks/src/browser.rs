//! Locks of the editors in the browser.

use causeway_api::locks::{Done, EditLock, LockControl};
use causeway_function_kit::{Answer, Problem, Request};
use causeway_internal::locks::{AcquireLock, CheckLock, FindLock, LockProof, ReleaseLock};
use causeway_paths::SharePath;
use uuid::Uuid;

use crate::wording::{file_to_edit, not_granted, not_proved};

pub(crate) async fn lock(request: &Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?;
    let path = file_to_edit(text)?;
    let grant = request.sidecar()?.call(&AcquireLock { connection, path }).await;
    let grant = grant.map_err(|refusal| refusal.or_else(|fault| not_granted(text, fault)))?;
    Answer::json(200, &EditLock::granted(text, &grant))
}

pub(crate) async fn heartbeat(mut request: Request) -> Result<Answer, Problem> {
    let Shown { connection, text, path, proof } = shown(&mut request).await?;
    let call = CheckLock { connection, path, proof, refresh: true };
    let taken = request.sidecar()?.call(&call).await;
    taken.map_err(|refusal| refusal.or_else(|fault| not_proved(&text, fault)))?;
    Answer::json(200, &Done::OK)
}

pub(crate) async fn unlock(mut request: Request) -> Result<Answer, Problem> {
    let Shown { connection, text, path, proof } = shown(&mut request).await?;
    let gone = request.sidecar()?.call(&ReleaseLock { connection, path, proof }).await;
    gone.map_err(|refusal| refusal.or_else(|fault| not_proved(&text, fault)))?;
    Answer::json(200, &Done::OK)
}

/// What a browser shows of a lock.
struct Shown {
    connection: Uuid,
    /// The file as the browser spelled it.
    text: String,
    path: SharePath,
    proof: LockProof,
}

async fn shown(request: &mut Request) -> Result<Shown, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?.to_owned();
    let control: LockControl = request.json().await?;
    let path = file_to_edit(&text)?;
    let proof = LockProof {
        find: FindLock::ByPath,
        lock_id: control.lock_id(),
        operation_id: control.operation_id,
        capability: Some(control.lock_capability),
        fence: None,
    };
    Ok(Shown { connection, text, path, proof })
}
