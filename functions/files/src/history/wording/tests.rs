use causeway_function_kit::Refusal;
use causeway_history::PlaceError;
use causeway_internal::history::HistoryKind::{Directories, Files};
use causeway_internal::{Fault, FaultCode};
use serde_json::json;

use super::{not_forgotten, not_reopened, not_verified, refused_place};

fn refusal(code: FaultCode) -> Refusal {
    Refusal::Fault(Fault::new(code, "as the sidecar says"))
}

#[test]
fn a_visit_that_cannot_be_recorded_says_why() {
    for (code, status, of_directories, of_files) in [
        (FaultCode::NotFound, 404, "The directory no longer exists", "The file no longer exists"),
        (
            FaultCode::NotADirectory,
            400,
            "Only directories can be recorded in recent-directory history",
            "Only regular files can be recorded in recent-file history",
        ),
        (
            FaultCode::TimedOut,
            504,
            "The directory could not be verified because the connection timed out",
            "The file could not be verified because the connection timed out",
        ),
        (
            FaultCode::LogonRefused,
            503,
            "The directory could not be verified because the connection is unavailable",
            "The file could not be verified because the connection is unavailable",
        ),
        (FaultCode::ConnectionNotFound, 404, "Connection not found", "Connection not found"),
    ] {
        for (kind, text) in [(Directories, of_directories), (Files, of_files)] {
            let problem = not_verified(kind, refusal(code));
            assert_eq!((problem.status(), problem.body().detail), (status, json!(text)), "{code:?}");
        }
    }
    let refused = |kind| refused_place(kind, PlaceError::NoConnection).body().detail;
    assert_eq!(refused(Directories), "badly formed hexadecimal UUID string");
    assert_eq!(refused(Files), "Connection ID must be a connection UUID or local-drive ID");
    assert_eq!(
        not_forgotten(Directories, refusal(FaultCode::RecordNotFound)).body().detail,
        "Recent directory not found"
    );
}

#[test]
fn a_file_that_cannot_be_opened_again_has_a_code() {
    for (code, status, word) in [
        (FaultCode::Invalid, 400, "invalid_path"),
        (FaultCode::ConnectionNotFound, 404, "connection_removed"),
        (FaultCode::AccessDenied, 403, "access_denied"),
        (FaultCode::NotFound, 404, "target_missing"),
        (FaultCode::IsADirectory, 409, "target_not_file"),
        (FaultCode::Conflict, 409, "validation_transient"),
        (FaultCode::TimedOut, 504, "validation_transient"),
        (FaultCode::Unreachable, 503, "validation_transient"),
        (FaultCode::Busy, 503, "validation_transient"),
        (FaultCode::ServerFault, 503, "validation_transient"),
    ] {
        let problem = not_reopened(refusal(code));
        let detail = problem.body().detail;
        assert_eq!((problem.status(), &detail["code"]), (status, &json!(format!("recent_file_{word}"))));
        assert!(detail["message"].as_str().is_some_and(|message| !message.is_empty()), "{code:?}");
    }
    let local = not_reopened(refusal(FaultCode::Conflict)).body().detail;
    assert_eq!(local["message"], "Local-drive targets must be validated by Companion.");
    let unknown = not_reopened(refusal(FaultCode::RecordNotFound));
    assert_eq!((unknown.status(), unknown.body().detail), (404, json!("Recent file not found")));
    assert_eq!(not_reopened(refusal(FaultCode::PrincipalRefused)).status(), 401);
}
