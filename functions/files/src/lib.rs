//! The files function: connections to shares, and the items on them.
//!
//! Each handler reads what the request asks for, makes one internal call, and puts the answer into its public shape.
//! What the sidecar refuses is worded by the route ([`Wording`](causeway_function_kit::Wording)).

mod connections;
mod directories;
mod history;
mod items;
mod list;
mod refusal;
mod transfer;
mod upload;

use causeway_api::Endpoint;
use causeway_api::routes::files::{ENDPOINTS, Operation};
use causeway_function_kit::{Answer, Function, Problem, Request, export_function};
use causeway_internal::files::TransferKind;
use causeway_internal::history::HistoryKind;

struct Files;

impl Function for Files {
    type Operation = Operation;
    const NAME: &'static str = "files";

    fn endpoints() -> &'static [Endpoint<Operation>] {
        ENDPOINTS
    }

    async fn perform(operation: Operation, request: Request) -> Result<Answer, Problem> {
        match operation {
            Operation::ListConnections => connections::list(&request).await,
            Operation::VisibilityOptions => connections::visibility(&request).await,
            Operation::TestDraft => connections::test_draft(request).await,
            Operation::CreateConnection => connections::create(request).await,
            Operation::ChangeConnection => connections::change(request).await,
            Operation::DeleteConnection => connections::delete(&request).await,
            Operation::TestConnection => connections::test(request).await,
            Operation::List => list::list(&request).await,
            Operation::SearchDirectories => directories::search(&request).await,
            Operation::Info => items::info(&request).await,
            Operation::Create => items::create(request).await,
            Operation::Rename => items::rename(request).await,
            Operation::Delete => items::delete(&request).await,
            Operation::Copy => transfer::transfer(TransferKind::Copy, request).await,
            Operation::Move => transfer::transfer(TransferKind::Move, request).await,
            Operation::Upload => upload::from_form(request).await,
            Operation::PutContent => upload::from_body(request).await,
            Operation::RecordDirectory => history::record_directory(request).await,
            Operation::RecentDirectories => history::directories(&request).await,
            Operation::ForgetDirectory => history::forget(HistoryKind::Directories, &request).await,
            Operation::ClearDirectories => history::clear(HistoryKind::Directories, &request).await,
            Operation::RecordFile => history::record_file(request).await,
            Operation::RecentFiles => history::files(&request).await,
            Operation::RecentFileTarget => history::target(&request).await,
            Operation::ForgetFile => history::forget(HistoryKind::Files, &request).await,
            Operation::ClearFiles => history::clear(HistoryKind::Files, &request).await,
        }
    }
}

export_function!(Files);
