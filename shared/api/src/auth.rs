//! Sign-in and the caller's own account.

use causeway_internal::accounts::{Account, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Everything, users and shared connections included.
    Admin,
    /// Reads and writes.
    Editor,
    /// Reads only.
    Viewer,
}

impl From<Role> for UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Editor => Self::Editor,
            Role::Viewer => Self::Viewer,
        }
    }
}

impl From<UserRole> for Role {
    fn from(role: UserRole) -> Self {
        match role {
            UserRole::Admin => Self::Admin,
            UserRole::Editor => Self::Editor,
            UserRole::Viewer => Self::Viewer,
        }
    }
}

/// How people sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInMode {
    /// Nobody is asked.
    None,
    /// With a password.
    PasswordOnly,
    /// With a password or at an identity provider.
    OidcOrPassword,
    /// At an identity provider.
    OidcOnly,
}

/// The identity provider that the sign-in page offers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OidcOffer {
    /// Text of the button.
    pub display_name: String,
    /// Where the browser goes.
    pub authorization_path: String,
}

/// How people sign in to this server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuthConfig {
    /// The mode.
    pub sign_in_mode: SignInMode,
    /// The identity provider, in the modes that have one.
    pub oidc: Option<OidcOffer>,
}

/// A sign-in form.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SignInForm {
    /// Sign-in name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// A new access token and whose it is.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuthToken {
    /// The token, for `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: String,
    /// Id of the user.
    pub user_id: Uuid,
    /// Sign-in name.
    pub username: String,
    /// Full name.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// What he may do.
    pub role: UserRole,
    /// When the account ends.
    pub expires_at: Option<Timestamp>,
    /// Whether he is asked to choose another password.
    pub must_change_password: bool,
    /// When the token ends, written with `+00:00`.
    pub access_token_expires_at: String,
}

/// The caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// Id.
    pub id: Uuid,
    /// Sign-in name.
    pub username: String,
    /// Full name.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// What he may do.
    pub role: UserRole,
    /// Whether he may sign in.
    pub is_active: bool,
    /// Whether he is asked to choose another password.
    pub must_change_password: bool,
    /// When the account ends.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<&Account> for Me {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            username: account.username.clone(),
            name: account.name.clone(),
            email: account.email.clone(),
            role: account.role.into(),
            is_active: account.is_active,
            must_change_password: account.must_change_password,
            expires_at: account.expires_at.map(Timestamp::from),
            created_at: account.created_at.into(),
        }
    }
}

/// Where an identity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentitySource {
    /// This server.
    Local,
    /// An identity provider.
    Oidc,
}

/// How the current session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// With a password.
    Password,
    /// At an identity provider.
    Oidc,
}

/// The session of the token in use. A password session is not recorded, so that all but its kind is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentSession {
    /// How it began.
    pub kind: SessionKind,
    /// Id.
    pub id: Option<Uuid>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was last used.
    pub last_active_at: Option<Timestamp>,
    /// Browser.
    pub browser_name: Option<String>,
    /// Operating system.
    pub operating_system: Option<String>,
}

impl CurrentSession {
    /// A session that began with a password.
    pub const PASSWORD: Self = Self {
        kind: SessionKind::Password,
        id: None,
        started_at: None,
        last_active_at: None,
        browser_name: None,
        operating_system: None,
    };
}

/// The caller and what he can do about his sign-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountDetails {
    /// The caller.
    #[serde(flatten)]
    pub me: Me,
    /// Whether there is a password to sign in with.
    pub has_local_password: bool,
    /// Where his identity comes from.
    pub identity_source: IdentitySource,
    /// Whether he can change his password here.
    pub password_change_available: bool,
    /// Whether he can see and end his sessions here.
    pub browser_session_management_available: bool,
    /// Name of the identity provider.
    pub oidc_provider_name: Option<String>,
    /// The session of the token in use.
    pub current_session: Option<CurrentSession>,
}

impl From<&Account> for AccountDetails {
    fn from(account: &Account) -> Self {
        Self {
            me: account.into(),
            has_local_password: account.has_local_password,
            identity_source: IdentitySource::Local,
            password_change_available: account.has_local_password,
            browser_session_management_available: false,
            oidc_provider_name: None,
            current_session: Some(CurrentSession::PASSWORD),
        }
    }
}

/// Asks for another password.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChange {
    /// The password of now.
    #[serde(default)]
    pub current_password: Option<String>,
    /// The new one.
    #[serde(default)]
    pub new_password: Option<String>,
}

/// That something was done, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// What was done.
    pub message: String,
}
