//! Looking at locks, and taking them away.

use causeway_api::companion::CompanionLockStatus;
use causeway_api::locks::{Done, EditLockStatus};
use causeway_function_kit::{Answer, Problem, Request, Wording};
use causeway_internal::FaultCode;
use causeway_internal::locks::{ForceUnlock, GetLock, LockState};

use crate::wording::{file_to_edit, item};

/// `GET /api/browse/…/lock-status`: somebody who has the file open on the share counts too.
pub(crate) async fn status(request: &Request) -> Result<Answer, Problem> {
    Answer::json(200, &EditLockStatus::from(look(request, true).await?))
}

/// `GET /api/companion/…/lock-status`: our own locks only, which can be told by their ids.
pub(crate) async fn companion_status(request: &Request) -> Result<Answer, Problem> {
    Answer::json(200, &CompanionLockStatus::from(look(request, false).await?))
}

async fn look(request: &Request, with_others: bool) -> Result<LockState, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?;
    let call = GetLock { connection, path: item(text)?, with_others };
    let state = request.sidecar()?.call(&call).await;
    state.map_err(|refusal| refusal.or_else(|fault| Wording::lock(text).refuse(fault)))
}

pub(crate) async fn force_unlock(request: &Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?;
    let call = ForceUnlock { connection, path: file_to_edit(text)? };
    let gone = request.sidecar()?.call(&call).await;
    gone.map_err(|refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::NotPermitted => {
                Some(Problem::forbidden("Only admins and the lock holder can force-unlock"))
            }
            _ => Wording::lock(text).refuse(fault),
        })
    })?;
    Answer::json(200, &Done::OK)
}
