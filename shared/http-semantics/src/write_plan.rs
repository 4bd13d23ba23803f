//! [`plan_write`]: whether a file may be replaced.

use crate::{Representation, RequestConditions};

/// The answer to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteVerdict {
    /// Write.
    Proceed,
    /// 412: the file is not what the client expects, and stays as it is.
    PreconditionFailed,
}

/// Decides whether `PUT` or another change may go on, in the order of RFC 9110 13.2.2; `current` is `None` when there is
/// no file yet. Ask twice: before the content is taken in, and at the last moment before it replaces the file.
///
/// A condition that cannot be read fails: to ignore it could destroy what the client meant to protect. Dates are the
/// exception, which the standard wants ignored.
pub fn plan_write(conditions: &RequestConditions, current: Option<&Representation>) -> WriteVerdict {
    let none_match = conditions.if_none_match.is_none() || conditions.none_match(current) == Some(true);
    if conditions.state_is_as_expected(current) && none_match {
        WriteVerdict::Proceed
    } else {
        WriteVerdict::PreconditionFailed
    }
}
