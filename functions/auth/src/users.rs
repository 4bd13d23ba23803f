//! Users, for administrators. Whether the caller is one is for the sidecar to check.

mod page;
mod query;

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_api::FieldError;
use causeway_api::auth::Message;
use causeway_api::users::{AdminUser, PasswordReset, UserCreate, UserCreated, UserPatch};
use causeway_function_kit::{Answer, Problem, Refusal, Request};
use causeway_internal::accounts::{ChangeUser, CreateUser, DeleteUser, ListUsers, ResetPassword};
use causeway_internal::{FaultCode, UnixMicros};
use serde_json::Value;

use self::page::page;
use self::query::UserQuery;

/// A page of the users that match.
pub(crate) async fn list(request: &Request) -> Result<Answer, Problem> {
    let query = UserQuery::parse(request.query())?;
    let accounts = request.sidecar()?.call(&ListUsers {}).await?;
    Answer::json(200, &page(&accounts, &query, now()))
}

/// Makes a user.
pub(crate) async fn create(mut request: Request) -> Result<Answer, Problem> {
    let UserCreate { username, name, email, role, password, must_change_password, expires_at } =
        request.json().await?;
    let call = CreateUser {
        username: filled_username(&username)?,
        name: name.as_deref().map(trimmed).filter(|name| !name.is_empty()),
        email: email.as_deref().map(mail_address).filter(|email| !email.is_empty()),
        role: role.into(),
        password: password.filter(|password| !password.trim().is_empty()),
        must_change_password,
        expires_at: expires_at.map(|moment| moment.0),
    };
    let created = request.sidecar()?.call(&call).await.map_err(refusal)?;
    Answer::json(201, &UserCreated::from(created))
}

/// Changes a user.
pub(crate) async fn change(mut request: Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("user_id")?;
    let UserPatch { username, name, email, role, is_active, expires_at, oidc_role_assignment } =
        request.json().await?;
    if oidc_role_assignment.is_some() {
        let refused = "The inherited OIDC role is unavailable until the user signs in with OIDC";
        return Err(Problem::conflict(refused));
    }
    let call = ChangeUser {
        id,
        username: username.as_deref().map(filled_username).transpose()?,
        name: name.as_deref().map(trimmed),
        email: email.as_deref().map(mail_address),
        role: role.map(Into::into),
        is_active,
        expires_at: expires_at.map(|moment| moment.0),
    };
    let account = request.sidecar()?.call(&call).await.map_err(refusal)?;
    Answer::json(200, &AdminUser::from(&account))
}

/// Deletes a user.
pub(crate) async fn delete(request: &Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("user_id")?;
    request.sidecar()?.call(&DeleteUser { id }).await.map_err(refusal)?;
    Answer::json(200, &Message { message: "User deleted successfully".to_owned() })
}

/// Sets a user's password.
pub(crate) async fn reset_password(mut request: Request) -> Result<Answer, Problem> {
    let id = request.path_uuid("user_id")?;
    let PasswordReset { new_password, must_change_password } = request.json().await?;
    let call = ResetPassword { id, new_password, must_change_password };
    request.sidecar()?.call(&call).await.map_err(refusal)?;
    Answer::json(200, &Message { message: "Password reset successfully".to_owned() })
}

/// On these routes a rule that forbids something is the request's fault (400), in the sidecar's words.
fn refusal(refusal: Refusal) -> Problem {
    refusal.or_else(|fault| match fault.code {
        FaultCode::Conflict => Some(Problem::bad_request(fault.message.clone())),
        FaultCode::UserNotFound => Some(Problem::not_found("User not found")),
        _ => None,
    })
}

fn filled_username(username: &str) -> Result<String, Problem> {
    let trimmed = username.trim();
    if trimmed.is_empty() {
        let message = "Value error, Field cannot be empty";
        let mistake = FieldError::new("value_error", &["body", "username"], message, Value::from(username));
        return Err(Problem::invalid(mistake));
    }
    Ok(trimmed.to_owned())
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn mail_address(text: &str) -> String {
    text.trim().to_lowercase()
}

fn now() -> UnixMicros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
