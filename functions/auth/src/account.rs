//! The caller's own account.

use causeway_api::auth::{AccountDetails, Me, Message, PasswordChange};
use causeway_function_kit::{Answer, Problem, Query, Request};
use causeway_internal::FaultCode;
use causeway_internal::accounts::{ChangePassword, WhoAmI};

/// The caller.
pub(crate) async fn me(request: &Request) -> Result<Answer, Problem> {
    let account = request.sidecar()?.call(&WhoAmI {}).await?;
    Answer::json(200, &Me::from(&account))
}

/// The caller and what he can do about his sign-in.
pub(crate) async fn account(request: &Request) -> Result<Answer, Problem> {
    let account = request.sidecar()?.call(&WhoAmI {}).await?;
    Answer::json(200, &AccountDetails::from(&account))
}

/// Changes the caller's password; his tokens end with the old one.
pub(crate) async fn change_password(mut request: Request) -> Result<Answer, Problem> {
    let body = request.optional_json::<PasswordChange>().await?;
    let call = passwords(body, request.query())?;
    request.sidecar()?.call(&call).await.map_err(|refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::BadCredentials => Some(Problem::bad_request("Current password is incorrect")),
            FaultCode::Conflict => {
                Some(Problem::bad_request("Password changes require an existing local password"))
            }
            _ => None,
        })
    })?;
    Answer::json(200, &Message { message: "Password changed successfully. Please sign in again.".to_owned() })
}

/// Both passwords, out of the body or, without one, out of the query.
fn passwords(body: Option<PasswordChange>, query: &Query) -> Result<ChangePassword, Problem> {
    let of_query = |name| query.text(name).map(str::to_owned);
    let (current, new) = match body {
        Some(PasswordChange { current_password, new_password }) => (current_password, new_password),
        None => (of_query("current_password"), of_query("new_password")),
    };
    let given = |password: Option<String>| password.filter(|password| !password.trim().is_empty());
    match (given(current), given(new)) {
        (Some(current), Some(new)) => Ok(ChangePassword { current, new }),
        _ => Err(Problem::new(422, "Current and new passwords are required")),
    }
}

#[cfg(test)]
mod tests {
    use causeway_api::auth::PasswordChange;
    use causeway_function_kit::Query;

    use super::passwords;

    #[test]
    fn the_body_goes_before_the_query_and_blank_is_none() {
        let query = Query::parse("current_password=a&new_password=b").unwrap();
        let of_query = passwords(None, &query).unwrap();
        assert_eq!((of_query.current.as_str(), of_query.new.as_str()), ("a", "b"));
        let body = PasswordChange { current_password: Some("x".into()), new_password: Some(" ".into()) };
        assert_eq!(passwords(Some(body), &query).unwrap_err().status(), 422);
        assert!(passwords(None, &Query::default()).is_err());
    }
}
