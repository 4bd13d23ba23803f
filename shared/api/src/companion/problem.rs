//! Why an edit cannot go on.

use schemars::JsonSchema;
use serde::Serialize;

/// For programs: what a companion does next depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditProblemCode {
    /// The operation token is about to end: it is to be renewed first.
    RenewalRequired,
    /// The operation token has ended.
    RecoveryRequired,
    /// The operation token is none, or its user may not edit any more.
    AuthFailed,
    /// The lock is gone, or not of this edit.
    LockLost,
    /// The lock's secret is wrong.
    CapabilityMismatch,
}

/// `detail` of a refusal to go on with an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EditProblem {
    /// For programs.
    pub code: EditProblemCode,
    /// For people.
    pub message: String,
}

impl EditProblem {
    /// A problem with what is wrong; what to do about it is the same for all.
    pub fn new(code: EditProblemCode, what: &str) -> Self {
        Self { code, message: format!("{what} Open the file from the browser once more and try again.") }
    }
}
