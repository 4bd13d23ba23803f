//! A file's content, as it is stored.

mod wording;

use causeway_api::files::{PdfVariant, ViewQuery};
use causeway_filetypes::{UNKNOWN, content_type, extension};
use causeway_function_kit::{Answer, OperationSession, Problem, Query, Request};
use causeway_http_semantics::{Disposition, ReadPlan, ReadStatus, RequestConditions, content_disposition};
use causeway_internal::transfer::ReadHead;
use causeway_paths::SharePath;
use serde_json::json;

use wording::Wording;

/// What becomes of the content at the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    View,
    Keep,
}

pub(crate) async fn view(request: &Request) -> Result<Answer, Problem> {
    let variant =
        view_query(request.query()).parse().map_err(|errors| Problem::object(422, json!(errors)))?;
    serve(request, Purpose::View, variant).await
}

pub(crate) async fn download(request: &Request) -> Result<Answer, Problem> {
    serve(request, Purpose::Keep, PdfVariant::Original).await
}

async fn serve(request: &Request, purpose: Purpose, variant: PdfVariant) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let text = request.query().required("path")?;
    let path = SharePath::parse(text).map_err(|error| Problem::bad_request(error.to_string()))?;
    let name = path.name().unwrap_or_default().to_owned();
    let content_type = match purpose {
        Purpose::View => content_type(&name).into_owned(),
        // What is to be kept is nothing that a browser could show.
        Purpose::Keep => UNKNOWN.to_owned(),
    };
    let conditions = RequestConditions::from_headers(request.headers().iter());
    // Ranges are defined for GET only (RFC 9110 14.2).
    let conditions = if request.is_head() { conditions.without_range() } else { conditions };
    let with_content = !request.is_head();
    let operation = request.operation();
    let edit = operation.map(OperationSession::edit);
    let head = ReadHead { connection, path, conditions, content_type, with_content, edit };
    let wording = Wording { path: text, is_view: purpose == Purpose::View };
    let read = request.sidecar()?.read_through(&head).await;
    let (read, content) = read.map_err(|refusal| {
        refusal.or_else(|fault| {
            let of_operation = operation.and_then(|operation| operation.refuse(fault));
            of_operation.or_else(|| wording.word(fault).map(|(status, detail)| Problem::new(status, detail)))
        })
    })?;

    if variant == PdfVariant::Normalized && !is_pdf(&name) {
        return Err(Problem::bad_request("PDF compatibility processing requires a PDF file"));
    }
    refused_by_plan(&read.plan)?;
    let disposition = match purpose {
        Purpose::View => Disposition::Inline,
        Purpose::Keep => Disposition::Attachment,
    };
    let status = read.plan.status;
    let mut answer = Answer::content(status.code(), content).headers(read.plan.headers);
    if status.has_content() {
        answer = answer
            .header("content-disposition", content_disposition(disposition, &name))
            .length(read.plan.content_length);
    }
    Ok(answer)
}

/// The statuses of a plan that are refusals: their bodies are ours.
fn refused_by_plan(plan: &ReadPlan) -> Result<(), Problem> {
    let detail = match plan.status {
        ReadStatus::Ok | ReadStatus::PartialContent | ReadStatus::NotModified => return Ok(()),
        ReadStatus::PreconditionFailed => "The file is not in the state that the request expects",
        ReadStatus::RangeNotSatisfiable => "The file has no such bytes",
    };
    let mut problem = Problem::new(plan.status.code(), detail);
    for name in ["accept-ranges", "content-range"] {
        if let Some((_, text)) = plan.headers.iter().find(|(known, _)| known == name) {
            problem = problem.header(name, text.clone());
        }
    }
    Err(problem)
}

fn is_pdf(name: &str) -> bool {
    extension(name).is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"))
}

fn view_query(query: &Query) -> ViewQuery<'_> {
    ViewQuery {
        pdf_variant: query.text("pdf_variant"),
        screen_width: query.text("screen_width"),
        screen_height: query.text("screen_height"),
        screen_zoom_percent: query.text("screen_zoom_percent"),
        viewport_width: query.text("viewport_width"),
        viewport_height: query.text("viewport_height"),
        no_resizing: query.text("no_resizing"),
    }
}
