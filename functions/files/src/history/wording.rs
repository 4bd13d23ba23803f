//! What the routes of the histories say when they refuse. Clients show the sentences, and decide by the codes.

use causeway_api::history::{FileProblem, FileProblemCode};
use causeway_function_kit::{NO_SHARE_NAME, Problem, Refusal};
use causeway_history::PlaceError;
use causeway_internal::history::HistoryKind;
use causeway_internal::{Fault, FaultCode};
use serde_json::json;

/// Why a place cannot stand in a history.
pub(super) fn refused_place(kind: HistoryKind, error: PlaceError) -> Problem {
    match (kind, error) {
        // What clients of this route have always been told.
        (HistoryKind::Directories, PlaceError::NoConnection) => {
            Problem::bad_request("badly formed hexadecimal UUID string")
        }
        (_, error) => Problem::bad_request(error.to_string()),
    }
}

/// Why a visit is not recorded.
pub(super) fn not_verified(kind: HistoryKind, refusal: Refusal) -> Problem {
    refusal.or_else(|fault| word_record(kind, fault).map(|(status, text)| Problem::new(status, text)))
}

fn word_record(kind: HistoryKind, fault: &Fault) -> Option<(u16, String)> {
    let thing = match kind {
        HistoryKind::Directories => "directory",
        HistoryKind::Files => "file",
    };
    Some(match fault.code {
        FaultCode::NotFound | FaultCode::ParentNotFound => (404, format!("The {thing} no longer exists")),
        FaultCode::NotADirectory | FaultCode::IsADirectory => {
            let rule = match kind {
                HistoryKind::Directories => "Only directories can be recorded in recent-directory history",
                HistoryKind::Files => "Only regular files can be recorded in recent-file history",
            };
            (400, rule.to_owned())
        }
        FaultCode::AccessDenied => (403, format!("Access to the {thing} is denied")),
        FaultCode::ConnectionIncomplete => (400, NO_SHARE_NAME.to_owned()),
        FaultCode::TimedOut => (504, timed_out(thing)),
        code if is_of_the_server(code) => (503, unavailable(thing)),
        _ => return None,
    })
}

/// Why a record is not forgotten.
pub(super) fn not_forgotten(kind: HistoryKind, refusal: Refusal) -> Problem {
    refusal.or_else(|fault| {
        (fault.code == FaultCode::RecordNotFound).then(|| {
            Problem::not_found(match kind {
                HistoryKind::Directories => "Recent directory not found",
                HistoryKind::Files => "Recent file not found",
            })
        })
    })
}

/// Why a recorded file cannot be opened again.
pub(super) fn not_reopened(refusal: Refusal) -> Problem {
    refusal.or_else(|fault| match fault.code {
        FaultCode::RecordNotFound => Some(Problem::not_found("Recent file not found")),
        _ => word_target(fault).map(|(status, problem)| Problem::object(status, json!(problem))),
    })
}

fn word_target(fault: &Fault) -> Option<(u16, FileProblem)> {
    use FileProblemCode as Code;
    let (status, code, message) = match fault.code {
        FaultCode::Invalid | FaultCode::NameRefused => {
            (400, Code::InvalidPath, "The file's place is not one that can be opened".to_owned())
        }
        FaultCode::ConnectionNotFound => {
            (404, Code::ConnectionRemoved, "The file's connection no longer exists".to_owned())
        }
        FaultCode::AccessDenied => (403, Code::AccessDenied, "Access to the file is denied".to_owned()),
        FaultCode::NotFound | FaultCode::ParentNotFound => {
            (404, Code::Missing, "The file no longer exists".to_owned())
        }
        FaultCode::IsADirectory => (409, Code::NotFile, "It is no longer a regular file".to_owned()),
        FaultCode::Conflict => {
            (409, Code::Transient, "Local-drive targets must be validated by Companion.".to_owned())
        }
        FaultCode::TimedOut => (504, Code::Transient, timed_out("file")),
        FaultCode::ConnectionIncomplete => (503, Code::Transient, NO_SHARE_NAME.to_owned()),
        code if is_of_the_server(code) => (503, Code::Transient, unavailable("file")),
        _ => return None,
    };
    Some((status, FileProblem::new(code, message)))
}

fn timed_out(thing: &str) -> String {
    format!("The {thing} could not be verified because the connection timed out")
}

fn unavailable(thing: &str) -> String {
    format!("The {thing} could not be verified because the connection is unavailable")
}

/// Whether nothing was found out because of the server behind, or on the way to it.
fn is_of_the_server(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::Unreachable
            | FaultCode::LogonRefused
            | FaultCode::ShareNotFound
            | FaultCode::EncryptionRequired
            | FaultCode::ServerFault
            | FaultCode::InUse
            | FaultCode::Busy
    )
}

#[cfg(test)]
mod tests;
