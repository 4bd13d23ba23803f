//! Signing in with a password.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_api::Timestamp;
use causeway_api::auth::{AuthConfig, AuthToken, SignInMode};
use causeway_function_kit::{Answer, BodyError, Form, Headers, Origin, Problem, Refusal, Request, variable};
use causeway_internal::accounts::{Account, SignIn};
use causeway_internal::{FaultCode, UnixMicros};
use causeway_tokens::Minted;

/// The largest sign-in form, in bytes. Nobody has yet shown who he is, so that it is small.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// How long a token holds unless the deployment says otherwise: a day, in minutes.
const DEFAULT_TOKEN_MINUTES: u64 = 1440;

/// The one text for all failures: it does not say whether the user exists.
const WRONG: &str = "Incorrect username or password";

/// How people sign in.
pub(crate) fn config() -> Result<Answer, Problem> {
    Answer::json(200, &AuthConfig { sign_in_mode: SignInMode::PasswordOnly, oidc: None })
}

/// Takes a form, gives a token.
pub(crate) async fn sign_in(mut request: Request) -> Result<Answer, Problem> {
    let body = request.take_body()?.collect(MAX_FORM_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => Problem::body_too_large(),
        broken @ BodyError::Broken(_) => broken.into(),
    })?;
    let (username, password) = credentials(request.headers(), &body)?;
    let Origin { peer, forwarded_for } = request.origin();
    let call = SignIn { username, password, peer, forwarded_for };
    let account = request.sidecar()?.call(&call).await.map_err(refusal)?;
    let settings = request.settings()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let minted = settings
        .token_key
        .mint(account.id, account.token_version, token_minutes().await? * 60, now)
        .map_err(Problem::internal)?;
    Ok(Answer::json(200, &token(account, minted))?.header("pragma", "no-cache"))
}

/// User name and password out of the form; a body that is no form lacks them too.
fn credentials(headers: &Headers, body: &[u8]) -> Result<(String, String), Problem> {
    let form = Form::parse(headers.get("content-type").unwrap_or_default(), body).unwrap_or_default();
    match (form.get("username"), form.get("password")) {
        (Some(username), Some(password)) if !username.is_empty() && !password.is_empty() => {
            Ok((username.to_owned(), password.to_owned()))
        }
        _ => Err(Problem::new(422, "Username and password are required")),
    }
}

fn refusal(refusal: Refusal) -> Problem {
    refusal.or_else(|fault| match fault.code {
        FaultCode::BadCredentials => Some(Problem::new(401, WRONG).header("www-authenticate", "Bearer")),
        FaultCode::RateLimited => {
            let seconds = fault.retry_after_seconds.unwrap_or(1).max(1);
            Some(Problem::new(429, WRONG).header("retry-after", seconds.to_string()))
        }
        _ => None,
    })
}

async fn token_minutes() -> Result<u64, Problem> {
    let Some(text) = variable("access_token_minutes").await? else { return Ok(DEFAULT_TOKEN_MINUTES) };
    // A year at most: a longer one is a mistake, and none of ours may overflow.
    let minutes = text.trim().parse().ok().filter(|minutes| (1..=525_600).contains(minutes));
    minutes.ok_or_else(|| Problem::internal(format!("access_token_minutes is {text:?}")))
}

fn token(account: Account, minted: Minted) -> AuthToken {
    let micros = i64::try_from(minted.expires_at).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    AuthToken {
        access_token: minted.token,
        token_type: "bearer".to_owned(),
        user_id: account.id,
        username: account.username,
        name: account.name,
        email: account.email,
        role: account.role.into(),
        expires_at: account.expires_at.map(Timestamp::from),
        must_change_password: account.must_change_password,
        access_token_expires_at: Timestamp(UnixMicros(micros)).to_offset_form(),
    }
}

#[cfg(test)]
mod tests {
    use causeway_function_kit::{Headers, Refusal};
    use causeway_internal::{Fault, FaultCode};

    use super::{credentials, refusal};

    fn form(content_type: &str, body: &str) -> Option<(String, String)> {
        let headers = Headers::new(vec![("content-type".into(), content_type.into())]);
        credentials(&headers, body.as_bytes()).ok()
    }

    #[test]
    fn a_form_needs_both_fields_and_json_is_no_form() {
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(form(kind, "username=admin&password=x"), Some(("admin".into(), "x".into())));
        assert_eq!(form(kind, "username=%20a%20&password=%20"), Some((" a ".into(), " ".into())));
        for lacking in ["username=admin", "username=admin&password=", "password=x", ""] {
            assert_eq!(form(kind, lacking), None, "{lacking}");
        }
        assert_eq!(form("application/json", r#"{"username":"admin","password":"x"}"#), None);
    }

    #[test]
    fn all_failures_read_the_same() {
        let of = |fault| refusal(Refusal::Fault(fault));
        let wrong = of(Fault::new(FaultCode::BadCredentials, "no such user"));
        let often = of(Fault::new(FaultCode::RateLimited, "slow down").retry_after(90));
        assert_eq!((wrong.status(), often.status()), (401, 429));
        assert_eq!(wrong.body(), often.body());
    }
}
