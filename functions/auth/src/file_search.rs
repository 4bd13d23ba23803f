//! What the histories of opened files keep. Whether the caller is an administrator is for the sidecar to check.

use causeway_api::history::{FileSearchSettings, FileSearchSettingsChange, PolicyChange};
use causeway_function_kit::{Answer, Problem, Request};
use causeway_internal::history::{ChangeFileSearchPolicy, GetFileSearchPolicy};
use serde_json::json;

/// The settings.
pub(crate) async fn get(request: &Request) -> Result<Answer, Problem> {
    let stored = request.sidecar()?.call(&GetFileSearchPolicy {}).await?;
    Answer::json(200, &FileSearchSettings::from(stored))
}

/// Changes them.
pub(crate) async fn change(mut request: Request) -> Result<Answer, Problem> {
    let body: FileSearchSettingsChange = request.json().await?;
    let change = body.checked().map_err(|errors| Problem::object(422, json!(errors)))?;
    let policy = match change {
        PolicyChange::None => return get(&request).await,
        PolicyChange::Reset => None,
        PolicyChange::Set(policy) => Some(policy),
    };
    let stored = request.sidecar()?.call(&ChangeFileSearchPolicy { policy }).await?;
    Answer::json(200, &FileSearchSettings::from(stored))
}
