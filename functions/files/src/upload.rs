//! Files that clients send. Their content goes to the sidecar without passing through here.

use causeway_api::FieldError;
use causeway_api::files::{UploadAnswer, file_to_write};
use causeway_function_kit::{Answer, Problem, ProofPlace, Refusal, Request, Wording};
use causeway_http_semantics::RequestConditions;
use causeway_internal::FaultCode;
use causeway_internal::transfer::{BodyForm, WriteAnswer, WriteHead};
use serde_json::Value;

use crate::refusal::refused_item;

/// The part of the form that holds the content.
const FIELD: &str = "file";

/// `POST …/upload`: the part `file` of a form. Under an operation token it is a save.
pub(crate) async fn from_form(request: Request) -> Result<Answer, Problem> {
    if let Some(session) = request.operation().cloned() {
        let connection = request.path_uuid("connection_id")?;
        request.query().required("path")?;
        return request.save_edit(session, connection, ProofPlace::Query).await;
    }
    let is_form = request.headers().media_type().as_deref() == Some("multipart/form-data");
    let (head, written) = store(request, BodyForm::Multipart { field: FIELD.to_owned() }, is_form).await?;
    Answer::json(200, &UploadAnswer::stored(&head.path, &written.info))
}

/// `PUT …/content`: the body as it is.
///
/// A part of a file is refused: taken for the whole, it would replace all the rest (RFC 9110 14.5).
pub(crate) async fn from_body(request: Request) -> Result<Answer, Problem> {
    if request.headers().get("content-range").is_some() {
        return Err(Problem::new(400, "A part of a file cannot be put: Content-Range is not supported"));
    }
    let (head, written) = store(request, BodyForm::Raw, true).await?;
    let status = if written.created { 201 } else { 200 };
    let answer = Answer::json(status, &UploadAnswer::stored(&head.path, &written.info))?;
    Ok(answer.header("etag", written.info.version().etag()))
}

async fn store(
    mut request: Request,
    form: BodyForm,
    is_readable: bool,
) -> Result<(WriteHead, WriteAnswer), Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?.to_owned();
    let path = file_to_write(&text).map_err(refused_item)?;
    if !is_readable {
        return Err(no_file());
    }
    let conditions = RequestConditions::from_headers(request.headers().iter());
    let announced = request.headers().get("content-length").and_then(|length| length.trim().parse().ok());
    let content_length = announced.filter(|_| form == BodyForm::Raw);
    let head = WriteHead { connection, path, form, conditions, content_length };
    let body = request.take_body()?;
    let written = request.sidecar()?.write_through(&head, body).await;
    let written = written.map_err(|refusal: Refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::PartMissing => Some(no_file()),
            FaultCode::PreconditionFailed => {
                Some(Problem::new(412, "The file is not in the state that the request expects"))
            }
            _ => Wording::upload(&text).refuse(fault),
        })
    })?;
    Ok((head, written))
}

fn no_file() -> Problem {
    Problem::invalid(FieldError::missing(&["body", FIELD], Value::Null))
}
