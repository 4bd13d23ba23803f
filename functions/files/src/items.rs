//! One item: look, make, rename, delete.

use causeway_api::files::{CreateBody, CreateRequest, FileInfo, RenameBody, RenameRequest, item_to_delete};
use causeway_function_kit::{Answer, Problem, Request, Wording};
use causeway_internal::files::{CreateItem, DeleteItem, GetInfo, RenameItem};
use causeway_internal::locks::GetEditInfo;
use causeway_paths::SharePath;

use crate::refusal::{refused_item, refused_path, worded};

pub(crate) async fn info(request: &Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?;
    let path = SharePath::parse(text).map_err(refused_path)?;
    let wording = Wording::info(text);
    let sidecar = request.sidecar()?;
    if let Some(operation) = request.operation() {
        let call = GetEditInfo { connection, path, edit: operation.edit() };
        let info = sidecar.call(&call).await;
        let info = info.map_err(|refusal| {
            refusal.or_else(|fault| operation.refuse(fault).or_else(|| wording.refuse(fault)))
        })?;
        return Answer::json(200, &FileInfo::single(&call.path, &info));
    }
    let call = GetInfo { connection, path };
    let info = sidecar.call(&call).await.map_err(worded(wording))?;
    Answer::json(200, &FileInfo::single(&call.path, &info))
}

pub(crate) async fn create(mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let body: CreateBody = request.json().await?;
    let CreateRequest { parent, name, path, kind } = CreateRequest::new(&body).map_err(refused_item)?;
    let call = CreateItem { connection, parent, name, kind };
    let wording = Wording::create(path.as_str(), &body.name);
    let info = request.sidecar()?.call(&call).await.map_err(worded(wording))?;
    Answer::json(200, &FileInfo::single(&path, &info))
}

pub(crate) async fn rename(mut request: Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let body: RenameBody = request.json().await?;
    let RenameRequest { path, new_name, new_path } = RenameRequest::new(&body).map_err(refused_item)?;
    let call = RenameItem { connection, path, new_name };
    let wording = Wording::rename(&body.path, &body.new_name);
    let info = request.sidecar()?.call(&call).await.map_err(worded(wording))?;
    Answer::json(200, &FileInfo::single(&new_path, &info))
}

pub(crate) async fn delete(request: &Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?;
    let path = item_to_delete(text).map_err(refused_item)?;
    // A tree takes its time.
    let gone = request.sidecar()?.call_patiently(&DeleteItem { connection, path }).await;
    gone.map_err(worded(Wording::delete(text)))?;
    Ok(Answer::empty(204))
}
