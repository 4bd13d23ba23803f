//! Recent directories and files.

mod wording;

use causeway_api::files::FileInfo;
use causeway_api::history::{
    ClearedHistory, HistorySearch, RecentDirectories, RecentDirectory, RecentFile, RecentFiles, Recorded,
    RecordedDirectory, RecordedFile,
};
use causeway_function_kit::{Answer, Problem, Request};
use causeway_internal::history::{
    CheckRecentFile, ClearHistory, ForgetVisit, FoundHistory, HistoryKind, HistoryRecord, RecordVisit,
    SearchHistory,
};

use self::wording::{not_forgotten, not_reopened, not_verified, refused_place};
use crate::refusal::invalid;

pub(crate) async fn record_directory(mut request: Request) -> Result<Answer, Problem> {
    let body: RecordedDirectory = request.json().await?;
    let recorded = body.checked().map_err(invalid)?;
    let record = record(&request, HistoryKind::Directories, &recorded).await?;
    Answer::json(200, &record.map(RecentDirectory::from))
}

pub(crate) async fn record_file(mut request: Request) -> Result<Answer, Problem> {
    let body: RecordedFile = request.json().await?;
    let recorded = body.checked().map_err(invalid)?;
    let record = record(&request, HistoryKind::Files, &recorded).await?;
    Answer::json(200, &record.map(RecentFile::from))
}

async fn record(
    request: &Request,
    kind: HistoryKind,
    recorded: &Recorded,
) -> Result<Option<HistoryRecord>, Problem> {
    let place = recorded.place().map_err(|error| refused_place(kind, error))?;
    let call = RecordVisit { kind, place };
    request.sidecar()?.call(&call).await.map_err(|refusal| not_verified(kind, refusal))
}

pub(crate) async fn directories(request: &Request) -> Result<Answer, Problem> {
    let found = search(request, HistoryKind::Directories).await?;
    Answer::json(200, &RecentDirectories::from(found))
}

pub(crate) async fn files(request: &Request) -> Result<Answer, Problem> {
    let found = search(request, HistoryKind::Files).await?;
    Answer::json(200, &RecentFiles::from(found))
}

async fn search(request: &Request, kind: HistoryKind) -> Result<FoundHistory, Problem> {
    let parameters = request.query();
    let HistorySearch { query, limit } =
        HistorySearch::parse(parameters.text("q"), parameters.text("limit")).map_err(invalid)?;
    Ok(request.sidecar()?.call(&SearchHistory { kind, query, limit }).await?)
}

pub(crate) async fn forget(kind: HistoryKind, request: &Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("record_id")?;
    let forgotten = request.sidecar()?.call(&ForgetVisit { kind, id }).await;
    forgotten.map_err(|refusal| not_forgotten(kind, refusal))?;
    Ok(Answer::empty(204))
}

pub(crate) async fn clear(kind: HistoryKind, request: &Request) -> Result<Answer, Problem> {
    let deleted_count = request.sidecar()?.call(&ClearHistory { kind }).await?;
    Answer::json(200, &ClearedHistory { deleted_count })
}

pub(crate) async fn target(request: &Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("record_id")?;
    let checked = request.sidecar()?.call(&CheckRecentFile { id }).await.map_err(not_reopened)?;
    Answer::json(200, &FileInfo::single(&checked.path, &checked.info))
}
