//! What is said about locks when the sidecar refuses.

use causeway_api::files::{ItemRequestError, file_to_write};
use causeway_function_kit::{Problem, Wording};
use causeway_internal::{Fault, FaultCode};
use causeway_paths::{PathError, SharePath};

/// The file that a client wants to edit; it need not exist.
pub(crate) fn file_to_edit(text: &str) -> Result<SharePath, Problem> {
    file_to_write(text).map_err(|error: ItemRequestError| Problem::bad_request(error.to_string()))
}

/// An item that a client asks about.
pub(crate) fn item(text: &str) -> Result<SharePath, Problem> {
    SharePath::parse(text).map_err(|error: PathError| Problem::bad_request(error.to_string()))
}

/// A lock that is not granted.
pub(crate) fn not_granted(path: &str, fault: &Fault) -> Option<Problem> {
    Some(match fault.code {
        FaultCode::Locked => {
            let name = fault.holder.as_deref().map_or("another user", |holder| holder.name.as_str());
            Problem::conflict(format!("File is locked for editing by {name}"))
        }
        // The sidecar says by whom, where the file tells.
        FaultCode::InUse => Problem::conflict(fault.message.clone()),
        FaultCode::IsADirectory => Problem::bad_request("Path is not a file"),
        _ => return Wording::lock(path).refuse(fault),
    })
}

/// A lock that a browser does not prove to be its own.
pub(crate) fn not_proved(path: &str, fault: &Fault) -> Option<Problem> {
    Some(match fault.code {
        FaultCode::LockLost => Problem::not_found("Lock not found or expired"),
        FaultCode::LockMismatch | FaultCode::CapabilityMismatch => {
            Problem::forbidden("Edit lock context mismatch")
        }
        FaultCode::LockForeign => Problem::forbidden("Lock is held by another user"),
        _ => return Wording::lock(path).refuse(fault),
    })
}

#[cfg(test)]
mod tests {
    use causeway_internal::{Holder, UnixMicros};

    use super::*;

    fn said(problem: Option<Problem>) -> (u16, String) {
        let problem = problem.expect("a sentence of its own");
        (problem.status(), problem.body().detail.as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn whoever_has_the_file_is_named() {
        let holder = Holder { name: "admin".into(), since: UnixMicros(0) };
        let locked = Fault::new(FaultCode::Locked, "").held_by(holder);
        assert_eq!(said(not_granted("a", &locked)), (409, "File is locked for editing by admin".to_owned()));
        let in_use = Fault::new(FaultCode::InUse, "File is open in another program by Ada");
        assert_eq!(
            said(not_granted("a", &in_use)),
            (409, "File is open in another program by Ada".to_owned())
        );
        let directory = Fault::new(FaultCode::IsADirectory, "");
        assert_eq!(said(not_granted("a", &directory)), (400, "Path is not a file".to_owned()));
        assert!(not_granted("a", &Fault::new(FaultCode::RoleReadOnly, "")).is_none());
    }

    #[test]
    fn a_browser_is_told_what_of_its_proof_is_wrong() {
        for (code, status, text) in [
            (FaultCode::LockLost, 404, "Lock not found or expired"),
            (FaultCode::LockMismatch, 403, "Edit lock context mismatch"),
            (FaultCode::CapabilityMismatch, 403, "Edit lock context mismatch"),
            (FaultCode::LockForeign, 403, "Lock is held by another user"),
        ] {
            assert_eq!(said(not_proved("a", &Fault::new(code, ""))), (status, text.to_owned()));
        }
        assert!(not_proved("a", &Fault::new(FaultCode::PrincipalRefused, "")).is_none());
    }

    #[test]
    fn a_connection_itself_is_nothing_to_edit() {
        assert_eq!(said(file_to_edit("//").err()), (400, "Path is not a file".to_owned()));
        assert_eq!(said(file_to_edit("../a").err()).0, 400);
        assert!(file_to_edit("a//b").is_ok());
    }
}
