//! From a route's words to its answers.

use causeway_api::FieldError;
use causeway_api::files::ItemRequestError;
use causeway_function_kit::{Problem, Refusal, Wording};
use causeway_paths::PathError;
use serde_json::json;

/// Gives the sidecar's refusals the words of a route.
pub(crate) fn worded(wording: Wording<'_>) -> impl FnOnce(Refusal) -> Problem {
    move |refusal| refusal.or_else(|fault| wording.refuse(fault))
}

/// A path or a name that breaks a rule.
pub(crate) fn refused_item(error: ItemRequestError) -> Problem {
    Problem::bad_request(error.to_string())
}

/// A path that breaks a rule.
pub(crate) fn refused_path(error: PathError) -> Problem {
    Problem::bad_request(error.to_string())
}

/// Fields that are missing or wrong, all of them.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`, which gives the list away")]
pub(crate) fn invalid(errors: Vec<FieldError>) -> Problem {
    Problem::object(422, json!(errors))
}
