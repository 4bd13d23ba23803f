//! What viewing and downloading say when the sidecar refuses.

use causeway_internal::{Fault, FaultCode};

/// The words for one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wording<'a> {
    /// The file, as the client spelled it.
    pub(super) path: &'a str,
    /// Whether it was to be viewed, not kept.
    pub(super) is_view: bool,
}

impl Wording<'_> {
    /// The sentence for a fault that these routes word themselves, with its status.
    pub(super) fn word(&self, fault: &Fault) -> Option<(u16, String)> {
        let Self { path, is_view } = self;
        Some(match fault.code {
            FaultCode::ConnectionIncomplete => (400, "Connection has no share name configured".to_owned()),
            FaultCode::IsADirectory if *is_view => (400, "Cannot view a directory".to_owned()),
            FaultCode::IsADirectory => (400, "Path is not a file".to_owned()),
            FaultCode::NotFound | FaultCode::ParentNotFound => (404, format!("File not found: {path}")),
            FaultCode::AccessDenied => (403, format!("Access denied: {path}")),
            FaultCode::InUse => (423, format!("File is in use by somebody else: {path}")),
            FaultCode::TimedOut => (504, "Timeout reading file from network share".to_owned()),
            FaultCode::Internal if *is_view => (500, format!("Failed to read file: {}", fault.message)),
            FaultCode::Internal => (500, format!("Failed to download file: {}", fault.message)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(is_view: bool, code: FaultCode) -> Option<(u16, String)> {
        Wording { path: "docs//none.txt", is_view }.word(&Fault::new(code, "a message"))
    }

    #[test]
    fn a_directory_is_not_shown_and_not_downloaded() {
        assert_eq!(said(true, FaultCode::IsADirectory), Some((400, "Cannot view a directory".to_owned())));
        assert_eq!(said(false, FaultCode::IsADirectory), Some((400, "Path is not a file".to_owned())));
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_forbidden() {
        assert_eq!(said(true, FaultCode::NotFound), Some((404, "File not found: docs//none.txt".to_owned())));
        assert_eq!(said(true, FaultCode::AccessDenied).map(|(status, _)| status), Some(403));
        let slow = Some((504, "Timeout reading file from network share".to_owned()));
        assert_eq!(said(false, FaultCode::TimedOut), slow);
    }

    #[test]
    fn the_rest_is_said_as_everywhere() {
        for code in [FaultCode::ConnectionNotFound, FaultCode::Unreachable, FaultCode::PrincipalRefused] {
            assert_eq!(said(true, code), None, "{code:?}");
        }
    }
}
