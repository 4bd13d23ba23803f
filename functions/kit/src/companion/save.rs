//! Saving what was edited, from every route that takes it.

use causeway_api::FieldError;
use causeway_api::companion::{ConflictChoice, SaveConflict, SavedAnswer};
use causeway_internal::FaultCode;
use causeway_internal::locks::{PROOF_PARTS, SaveHead};
use causeway_internal::transfer::BodyForm;
use causeway_paths::SharePath;
use serde_json::{Value, json};
use uuid::Uuid;

use super::OperationSession;
use crate::{Answer, Problem, Refusal, Request, Wording};

/// The part of the form that holds the content.
const FIELD: &str = "file";

/// Where a save proves its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofPlace {
    /// In parts of the form; the sidecar compares them.
    Form,
    /// In the query; compared already.
    Query,
}

impl Request {
    /// Hands the content on, which is the part `file` of a form, to take the place of the file of the operation token.
    pub async fn save_edit(
        mut self,
        session: OperationSession,
        connection: Uuid,
        place: ProofPlace,
    ) -> Result<Answer, Problem> {
        let keep_copy = self.query.choice::<ConflictChoice>("on_conflict")?.unwrap_or_default().into();
        let proof_in_form = place == ProofPlace::Form;
        let text = &session.scope().path;
        let path = SharePath::parse(text).map_err(|error| Problem::bad_request(error.to_string()))?;
        if self.headers.media_type().as_deref() != Some("multipart/form-data") {
            let proof: &[&str] = if proof_in_form { &PROOF_PARTS } else { &[] };
            return Err(missing_parts(proof.iter().copied().chain([FIELD])));
        }
        let head = SaveHead {
            connection,
            path,
            form: BodyForm::Multipart { field: FIELD.to_owned() },
            edit: session.edit(),
            proof_in_form,
            content_length: None,
            keep_copy,
        };
        let body = self.take_body()?;
        let saved = self.sidecar()?.save_through(&head, body).await;
        let saved = saved.map_err(|refusal| not_saved(&session, refusal))?;
        Answer::json(200, &SavedAnswer::new(text, &saved))
    }
}

fn not_saved(session: &OperationSession, refusal: Refusal) -> Problem {
    let path = &session.scope().path;
    refusal.or_else(|fault| match fault.code {
        FaultCode::PartMissing if fault.missing_parts.is_empty() => Some(missing_parts([FIELD])),
        FaultCode::PartMissing => Some(missing_parts(fault.missing_parts.iter().map(String::as_str))),
        FaultCode::VersionConflict => {
            Some(Problem::object(409, json!(SaveConflict::at(path, fault.divergence.as_deref()))))
        }
        _ => session.refuse(fault).or_else(|| Wording::upload(path).refuse(fault)),
    })
}

/// 422 for parts that a form lacks, one entry for each.
fn missing_parts<'a>(names: impl IntoIterator<Item = &'a str>) -> Problem {
    let missing = names.into_iter().map(|name| FieldError::missing(&["body", name], Value::Null));
    Problem::object(422, json!(missing.collect::<Vec<_>>()))
}
