//! What browsers ask about sessions at an identity provider. There is none, and they are told so at once.

use causeway_api::auth::SignInMode;
use causeway_api::users::{OidcAdministration, OidcHealth};
use causeway_function_kit::{Answer, Problem, Request};
use causeway_internal::accounts::ListUsers;
use serde_json::json;

/// No cookie, no session: the browser goes on without a token. It asks at every start and waits for the answer.
pub(crate) fn refresh() -> Problem {
    Problem::object(401, json!({ "code": "oidc_reauthentication_required" })).header("pragma", "no-cache")
}

/// Nothing is left of what there never was.
pub(crate) fn log_out() -> Answer {
    Answer::empty(204).header("pragma", "no-cache")
}

/// How an identity provider is used: not at all.
pub(crate) async fn administration(request: &Request) -> Result<Answer, Problem> {
    let accounts = request.sidecar()?.call(&ListUsers {}).await?;
    let passwordless =
        accounts.iter().filter(|account| account.is_active && !account.has_local_password).count();
    let health = OidcHealth {
        public_url_configured: false,
        public_url: None,
        redirect_uri: None,
        status: "unhealthy".to_owned(),
        reasons: vec!["public_url_missing".to_owned()],
    };
    let administration = OidcAdministration {
        configuration: None,
        health,
        active_passwordless_user_count: passwordless as u64,
        auth_mode: SignInMode::PasswordOnly,
        auth_enforcement_disabled: false,
    };
    Answer::json(200, &administration)
}
