//! The file of an edit: what is known about it, its content, and what was made of it.

use causeway_api::FieldError;
use causeway_api::files::FileInfo;
use causeway_filetypes::UNKNOWN;
use causeway_function_kit::{Answer, Problem, ProofPlace, Query, Refusal, Request, Wording};
use causeway_http_semantics::{Disposition, RequestConditions, content_disposition};
use causeway_internal::FaultCode;
use causeway_internal::files::GetInfo;
use causeway_internal::locks::GetEditInfo;
use causeway_internal::transfer::ReadHead;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::wording::{file_to_edit, item};

/// `GET …/file-info`: before the lock with a bootstrap token, under it with an operation token.
pub(crate) async fn info(mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let query = request.query();
    let text = query.required("path")?.to_owned();
    let shown = (query.text("operation_id").map(str::to_owned), query.text("lock_id").map(str::to_owned));
    match shown {
        (None, None) => initial_info(request, connection, &text).await,
        (Some(operation_id), Some(lock_id)) => {
            let session = request.authenticate_session(connection)?;
            session.is_about(&text)?;
            session.is_under(&operation_id, &lock_id)?;
            session.is_not_ending()?;
            let path = file_to_edit(&text)?;
            let call = GetEditInfo { connection, path, edit: session.edit() };
            let info = request.sidecar()?.call(&call).await;
            let info = info.map_err(|refusal| {
                refusal.or_else(|fault| session.refuse(fault).or_else(|| Wording::info(&text).refuse(fault)))
            })?;
            Answer::json(200, &FileInfo::single(&call.path, &info))
        }
        _ => Err(Problem::bad_request("Missing companion operation context")),
    }
}

async fn initial_info(mut request: Request, connection: Uuid, text: &str) -> Result<Answer, Problem> {
    request.authenticate_bootstrap(connection, text)?;
    let call = GetInfo { connection, path: item(text)? };
    let info = request.sidecar()?.call(&call).await;
    let info = info.map_err(|refusal: Refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::PrincipalRefused => Some(Request::bootstrap_refused()),
            _ => Wording::info(text).refuse(fault),
        })
    })?;
    Answer::json(200, &FileInfo::single(&call.path, &info))
}

/// `GET …/download`: the whole content, as nothing that could be taken for a page, and with its length.
pub(crate) async fn download(mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let [text, operation_id, lock_id] = all_of(request.query(), ["path", "operation_id", "lock_id"])?;
    let session = request.authenticate_session(connection)?;
    session.is_about(&text)?;
    session.is_under(&operation_id, &lock_id)?;
    session.is_not_ending()?;
    let path = file_to_edit(&text)?;
    let name = path.name().unwrap_or_default().to_owned();
    let head = ReadHead {
        connection,
        path,
        conditions: RequestConditions::default(),
        content_type: UNKNOWN.to_owned(),
        with_content: !request.is_head(),
        edit: Some(session.edit()),
    };
    let read = request.sidecar()?.read_through(&head).await;
    let (read, content) = read.map_err(|refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::IsADirectory => Some(Problem::bad_request("Path is not a file")),
            _ => session.refuse(fault).or_else(|| Wording::download(&text).refuse(fault)),
        })
    })?;
    // Parts are not served here.
    let headers = read.plan.headers.into_iter().filter(|(name, _)| name != "accept-ranges");
    let answer = Answer::content(read.plan.status.code(), content).headers(headers);
    Ok(answer
        .header("content-disposition", content_disposition(Disposition::Attachment, &name))
        .length(read.plan.content_length))
}

/// `POST …/upload`: what was made of it. The form repeats what proves the lock; the sidecar compares it.
pub(crate) async fn upload(mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let session = request.authenticate_session(connection)?;
    session.is_not_ending()?;
    request.save_edit(session, connection, ProofPlace::Form).await
}

/// Parameters that must all be there (422, one entry for each that is not).
fn all_of<const N: usize>(query: &Query, names: [&str; N]) -> Result<[String; N], Problem> {
    let absent = names.iter().filter(|name| query.text(name).is_none());
    let missing: Vec<_> = absent.map(|name| FieldError::missing(&["query", name], Value::Null)).collect();
    if missing.is_empty() {
        Ok(names.map(|name| query.text(name).unwrap_or_default().to_owned()))
    } else {
        Err(Problem::object(422, json!(missing)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parameters_that_are_missing_are_named() {
        let names = ["path", "operation_id", "lock_id"];
        let query = Query::parse("path=tr%2Fup.txt").unwrap();
        let problem = all_of(&query, names).unwrap_err();
        let missing = |name| json!({ "type": "missing", "loc": ["query", name], "msg": "Field required", "input": null });
        assert_eq!(
            (problem.status(), problem.body().detail),
            (422, json!([missing("operation_id"), missing("lock_id")]))
        );
        let query = Query::parse("path=a&operation_id=b&lock_id=c").unwrap();
        assert_eq!(all_of(&query, names).unwrap(), ["a", "b", "c"]);
    }
}
