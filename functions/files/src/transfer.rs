//! Copy and move.

use causeway_api::files::{TransferBody, TransferConflict, TransferRequest};
use causeway_function_kit::{Answer, Problem, Refusal, Request, Wording};
use causeway_internal::files::{TransferItem, TransferKind};
use causeway_internal::{Fault, FaultCode};
use serde_json::json;

use crate::refusal::refused_item;

pub(crate) async fn transfer(kind: TransferKind, mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let body: TransferBody = request.json().await?;
    let checked = TransferRequest::new(kind, connection, &body).map_err(refused_item)?;
    let call = TransferItem {
        kind,
        source_connection: checked.source_connection,
        source: checked.source,
        dest_connection: checked.dest_connection,
        dest: checked.dest,
        overwrite: checked.overwrite,
    };
    let wording = match kind {
        TransferKind::Copy => Wording::copy(&body.source_path, &body.dest_path),
        TransferKind::Move => Wording::r#move(&body.source_path, &body.dest_path),
    };
    // Terabytes may have to be moved while the client waits.
    let done = request.sidecar()?.call_patiently(&call).await;
    done.map_err(|refusal: Refusal| {
        refusal.or_else(|fault| conflict(&call, fault).or_else(|| wording.refuse(fault)))
    })?;
    Ok(Answer::empty(204))
}

/// The 409 that a person is to decide about.
fn conflict(call: &TransferItem, fault: &Fault) -> Option<Problem> {
    let conflict = fault.conflict.as_deref().filter(|_| fault.code == FaultCode::DestinationExists)?;
    Some(Problem::object(409, json!(TransferConflict::between(&call.source, &call.dest, conflict))))
}
