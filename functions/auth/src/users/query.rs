//! Which users are asked for.

use causeway_api::FieldError;
use causeway_api::auth::UserRole;
use causeway_api::users::{
    Expiration, OidcState, RoleSource, SortDirection, UserSignIn, UserSort, UserState,
};
use causeway_function_kit::{Problem, Query};
use serde_json::Value;

/// The longest search text, in characters.
const MAX_SEARCH_CHARACTERS: usize = 200;
const MAX_PAGE_SIZE: u32 = 100;
const DEFAULT_PAGE_SIZE: u32 = 25;

/// Filters, order and page. An empty filter lets everybody through; values of one filter are alternatives.
pub(super) struct UserQuery {
    /// Part of user name, name or mail address, in lower-case.
    pub(super) search: String,
    pub(super) roles: Vec<UserRole>,
    pub(super) states: Vec<UserState>,
    pub(super) sign_ins: Vec<UserSignIn>,
    pub(super) oidc_states: Vec<OidcState>,
    pub(super) role_sources: Vec<RoleSource>,
    pub(super) expiration: Option<Expiration>,
    pub(super) sort: UserSort,
    pub(super) direction: SortDirection,
    /// From 1.
    pub(super) page: u32,
    pub(super) page_size: u32,
}

impl UserQuery {
    /// Reads the parameters; 422 for what is out of bounds.
    pub(super) fn parse(query: &Query) -> Result<Self, Problem> {
        let search = query.text("q").unwrap_or_default();
        if search.chars().count() > MAX_SEARCH_CHARACTERS {
            let message = format!("String should have at most {MAX_SEARCH_CHARACTERS} characters");
            return Err(mistake("string_too_long", "q", message, search));
        }
        Ok(Self {
            search: search.to_lowercase(),
            roles: query.choices("role")?,
            states: query.choices("state")?,
            sign_ins: query.choices("auth")?,
            oidc_states: query.choices("oidc_state")?,
            role_sources: query.choices("role_source")?,
            expiration: query.choice("expiration")?,
            sort: query.choice("sort")?.unwrap_or(UserSort::Username),
            direction: query.choice("direction")?.unwrap_or(SortDirection::Asc),
            page: bounded(query, "page", 1, u32::MAX)?.unwrap_or(1),
            page_size: bounded(query, "page_size", 1, MAX_PAGE_SIZE)?.unwrap_or(DEFAULT_PAGE_SIZE),
        })
    }
}

fn bounded(query: &Query, name: &str, least: u32, most: u32) -> Result<Option<u32>, Problem> {
    let Some(number) = query.number::<i64>(name)? else { return Ok(None) };
    let text = query.text(name).unwrap_or_default();
    if number < i64::from(least) {
        let message = format!("Input should be greater than or equal to {least}");
        return Err(mistake("greater_than_equal", name, message, text));
    }
    match u32::try_from(number) {
        Ok(number) if number <= most => Ok(Some(number)),
        _ => Err(mistake(
            "less_than_equal",
            name,
            format!("Input should be less than or equal to {most}"),
            text,
        )),
    }
}

fn mistake(kind: &str, name: &str, message: String, input: &str) -> Problem {
    Problem::invalid(FieldError::new(kind, &["query", name], message, Value::from(input)))
}
