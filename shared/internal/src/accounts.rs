//! Sign-in, users and their settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Call, UnixMicros};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, users and shared connections included.
    Admin,
    /// Reads and writes.
    Editor,
    /// Reads only.
    Viewer,
}

/// A user as the sidecar knows him; his password hash never leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Id, never reused.
    pub id: Uuid,
    /// Sign-in name, compared exactly.
    pub username: String,
    /// Full name.
    pub name: Option<String>,
    /// Mail address, lower-case.
    pub email: Option<String>,
    /// What he may do.
    pub role: Role,
    /// Whether he may sign in.
    pub is_active: bool,
    /// Whether he is asked to choose another password.
    pub must_change_password: bool,
    /// Tokens of an older version are refused.
    pub token_version: u32,
    /// When the account ends.
    pub expires_at: Option<UnixMicros>,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When it was last changed.
    pub updated_at: UnixMicros,
    /// Whether there is a password to sign in with.
    pub has_local_password: bool,
}

/// Checks a password. Public: carries no principal.
///
/// Faults: `BadCredentials`, `RateLimited`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// Sign-in name as typed.
    pub username: String,
    /// Password as typed.
    pub password: String,
    /// Address of the peer that the host saw, without port.
    pub peer: Option<String>,
    /// `X-Forwarded-For` as it came; believed only from trusted proxies.
    pub forwarded_for: Option<String>,
}

impl Call for SignIn {
    const NAME: &'static str = "sign-in";
    type Answer = Account;
}

/// The caller's own account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct WhoAmI {}

impl Call for WhoAmI {
    const NAME: &'static str = "who-am-i";
    type Answer = Account;
}

/// The caller's settings: dotted keys (`appearance.theme_id`) to JSON values; what was never set is absent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GetSettings {}

impl Call for GetSettings {
    const NAME: &'static str = "get-settings";
    type Answer = BTreeMap<String, Value>;
}

/// Changes the caller's settings, all or nothing; answered with all that are set afterwards.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ChangeSettings {
    /// Keys to set. The function has validated the values.
    pub set: BTreeMap<String, Value>,
    /// Keys to clear.
    pub clear: Vec<String>,
}

impl Call for ChangeSettings {
    const NAME: &'static str = "change-settings";
    type Answer = BTreeMap<String, Value>;
}

/// Replaces the caller's own password and revokes all his tokens.
///
/// Faults: `BadCredentials` (current password), `Conflict` (no local password).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangePassword {
    /// Current password.
    pub current: String,
    /// New password.
    pub new: String,
}

impl Call for ChangePassword {
    const NAME: &'static str = "change-password";
    type Answer = ();
}

/// All users, for administrators (`NotPermitted` otherwise). The function filters, sorts and pages.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListUsers {}

impl Call for ListUsers {
    const NAME: &'static str = "list-users";
    type Answer = Vec<Account>;
}

/// Makes a user. Faults: `NotPermitted`, `Conflict` with [`DUPLICATE_USERNAME`] or [`DUPLICATE_EMAIL`] as the message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateUser {
    /// Sign-in name, trimmed, not blank.
    pub username: String,
    /// Full name.
    pub name: Option<String>,
    /// Mail address, trimmed and lower-case.
    pub email: Option<String>,
    /// Role.
    pub role: Role,
    /// Password; without one a temporary password is made and returned once.
    pub password: Option<String>,
    /// Whether he is asked to choose another password.
    pub must_change_password: bool,
    /// When the account ends.
    pub expires_at: Option<UnixMicros>,
}

/// Message of the fault when the user name is taken.
pub const DUPLICATE_USERNAME: &str = "A user with that username already exists";
/// Message of the fault when the mail address is taken.
pub const DUPLICATE_EMAIL: &str = "A user with that email address already exists";
/// Message of the fault when somebody would end his own administration.
pub const OWN_ADMIN_ACCESS: &str = "You cannot remove your own admin access";
/// Message of the fault when no administrator would be left.
pub const LAST_ADMIN: &str = "Cannot remove the last active admin";
/// Message of the fault when somebody would delete himself.
pub const OWN_ACCOUNT: &str = "You cannot delete your own account";

/// A new user and, when none was given, his temporary password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreatedUser {
    /// The user.
    pub account: Account,
    /// Shown once, kept nowhere.
    pub temporary_password: Option<String>,
}

impl Call for CreateUser {
    const NAME: &'static str = "create-user";
    type Answer = CreatedUser;
}

/// Changes a user; absent fields stay. Faults: `NotPermitted`, `UserNotFound`, `Conflict` (messages above).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeUser {
    /// Whom.
    pub id: Uuid,
    /// New sign-in name.
    pub username: Option<String>,
    /// New full name; `""` clears it.
    pub name: Option<String>,
    /// New mail address; `""` clears it.
    pub email: Option<String>,
    /// New role.
    pub role: Option<Role>,
    /// Whether he may sign in.
    pub is_active: Option<bool>,
    /// New end of the account.
    pub expires_at: Option<UnixMicros>,
}

impl Call for ChangeUser {
    const NAME: &'static str = "change-user";
    type Answer = Account;
}

/// Sets another user's password and revokes his tokens. Faults: `NotPermitted`, `UserNotFound`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResetPassword {
    /// Whose.
    pub id: Uuid,
    /// New password.
    pub new_password: String,
    /// Whether he is asked to choose another one.
    pub must_change_password: bool,
}

impl Call for ResetPassword {
    const NAME: &'static str = "reset-password";
    type Answer = ();
}

/// Deletes a user with his settings and private connections. Faults: `NotPermitted`, `UserNotFound`, `Conflict`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DeleteUser {
    /// Whom.
    pub id: Uuid,
}

impl Call for DeleteUser {
    const NAME: &'static str = "delete-user";
    type Answer = ();
}

/// What the browser may log, for the caller.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GetLogSettings {}

impl Call for GetLogSettings {
    const NAME: &'static str = "get-log-settings";
    type Answer = LogSettings;
}

/// What the browser may log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSettings {
    /// Console logging.
    pub logging_enabled: bool,
    /// Its level: `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    pub logging_level: String,
    /// Sending of logs to the server.
    pub tracing_enabled: bool,
    /// Its level.
    pub tracing_level: String,
    /// Components to trace; empty means all.
    pub tracing_components: Vec<String>,
}
