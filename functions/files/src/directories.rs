//! Directories by name.

use causeway_api::directories::DirectoryMatches;
use causeway_function_kit::{Answer, Problem, Request, Wording};
use causeway_internal::directories::SearchDirectories;

use crate::refusal::worded;

pub(crate) async fn search(request: &Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let query = request.query();
    let include_dot_directories = query.flag("include_dot_directories", false)?;
    let query = query.text("q").unwrap_or_default().to_owned();
    let call = SearchDirectories { connection, query, include_dot_directories };
    let found = request.sidecar()?.call(&call).await.map_err(worded(Wording::directories()))?;
    Answer::json(200, &DirectoryMatches::from(found))
}
