//! `/api/health` and what else is about the server itself.

use std::sync::OnceLock;

use causeway_api::system::{Health, LogConfig, Version};
use causeway_function_kit::{Answer, Problem, Request, variable};
use causeway_internal::accounts::GetLogSettings;

use crate::web_root::WebRoot;

/// That the server answers.
pub(crate) fn health() -> Result<Answer, Problem> {
    Answer::json(200, &Health { status: "healthy".to_owned() })
}

/// What the browser may log.
pub(crate) async fn log_config(request: &Request) -> Result<Answer, Problem> {
    let settings = request.sidecar()?.call(&GetLogSettings {}).await?;
    Answer::json(200, &LogConfig::from(settings))
}

/// The documentation of the API.
pub(crate) fn openapi() -> Result<Answer, Problem> {
    // The same for everybody, and some work to make.
    static DOCUMENT: OnceLock<Vec<u8>> = OnceLock::new();
    let document = if let Some(document) = DOCUMENT.get() {
        document
    } else {
        let made = serde_json::to_vec_pretty(&causeway_api::openapi()).map_err(Problem::internal)?;
        DOCUMENT.get_or_init(|| made)
    };
    Ok(Answer::bytes(200, "application/json", document.as_slice()))
}

/// What a browser app takes as "no idea, do not compare".
const UNKNOWN: &str = "unknown";

/// The version of the browser app that is served: a browser that runs another one offers to reload. Ours is of no
/// interest to it, and a wrong one would make it offer that for ever.
pub(crate) async fn version() -> Result<Answer, Problem> {
    let root = WebRoot::find();
    let version = Version {
        version: stated("app_version", root.as_ref(), "VERSION").await?,
        build_time: stated("app_build_time", root.as_ref(), "BUILD_TIME").await?,
        git_commit: stated("app_git_commit", root.as_ref(), "GIT_COMMIT").await?,
    };
    Answer::json(200, &version)
}

/// What the deployment states by a variable, else the web root by a file.
async fn stated(name: &str, root: Option<&WebRoot>, file: &str) -> Result<String, Problem> {
    let stated = variable(name).await?.filter(|value| value != UNKNOWN);
    Ok(stated.or_else(|| root?.first_line(file)).unwrap_or_else(|| UNKNOWN.to_owned()))
}
