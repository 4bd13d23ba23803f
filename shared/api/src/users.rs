//! Users, for administrators.

use causeway_internal::accounts::{Account, CreatedUser};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::auth::{Me, SignInMode, UserRole};

/// A user as administrators see him.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdminUser {
    /// What he sees of himself.
    #[serde(flatten)]
    pub me: Me,
    /// When he was last changed.
    pub updated_at: Timestamp,
    /// Whether there is a password to sign in with.
    pub has_local_password: bool,
    /// The role set by hand against the identity provider's.
    pub oidc_role_assignment: Option<UserRole>,
    /// The identity at an identity provider.
    pub oidc: Option<OidcIdentity>,
    /// The identity that is expected at an identity provider.
    pub pending_oidc: Option<PendingOidcIdentity>,
}

impl From<&Account> for AdminUser {
    fn from(account: &Account) -> Self {
        Self {
            me: account.into(),
            updated_at: account.updated_at.into(),
            has_local_password: account.has_local_password,
            oidc_role_assignment: None,
            oidc: None,
            pending_oidc: None,
        }
    }
}

/// An identity at an identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OidcIdentity {
    /// Id of the identity.
    pub identity_id: uuid::Uuid,
    /// Id of the user.
    pub user_id: uuid::Uuid,
    /// Name of the provider.
    pub provider_display_name: String,
    /// Issuer.
    pub issuer: String,
    /// Subject.
    pub subject: String,
    /// User name at the last sign-in.
    pub last_seen_username: Option<String>,
    /// Groups at the last sign-in.
    pub last_groups: Vec<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_login_at: Option<Timestamp>,
    /// The role that follows from the groups.
    pub inherited_role: Option<UserRole>,
}

/// An identity that is expected at an identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PendingOidcIdentity {
    /// User name there.
    pub expected_username: String,
    /// Who expects it.
    pub created_by_username: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserPage {
    /// The users on it.
    pub items: Vec<AdminUser>,
    /// How many match in all.
    pub total: u64,
    /// Counts over all that match.
    pub summary: UserSummary,
}

/// Counts over the users that match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserSummary {
    /// All.
    pub total: u64,
    /// Administrators who can sign in.
    pub active_admins: u64,
    /// Disabled ones.
    pub disabled: u64,
    /// Those whose account ends within 30 days.
    pub expiring_soon: u64,
    /// Those who are expected at an identity provider.
    pub pending_oidc: u64,
    /// Those without any way to sign in.
    pub unavailable_sign_in: u64,
}

/// Whether and how a user can use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// He can.
    Active,
    /// An administrator has disabled him.
    Disabled,
    /// His account has ended.
    Expired,
    /// His account ends within 30 days.
    ExpiringSoon,
}

/// How a user signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserSignIn {
    /// With a password.
    Password,
    /// At an identity provider.
    Oidc,
    /// Both.
    PasswordAndOidc,
    /// Not at all.
    Unavailable,
}

/// Whether a user has an identity at an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OidcState {
    /// He has.
    Linked,
    /// One is expected.
    Pending,
    /// He has not.
    Unlinked,
}

/// Where a user's role comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleSource {
    /// An administrator.
    LocalAssignment,
    /// An administrator, against the identity provider.
    IndividualOverride,
    /// The role of all of the identity provider.
    OidcDefault,
    /// Groups at the identity provider.
    OidcGroups,
    /// The first sign-in there is to show.
    AwaitingOidcSignIn,
}

/// Whether an account ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expiration {
    /// It does.
    HasExpiration,
    /// It does not.
    NoExpiration,
}

/// What users are sorted by; then by user name, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub enum UserSort {
    Username,
    Role,
    Status,
    SignIn,
    LastSignIn,
    Expiration,
    Email,
    CreatedAt,
    UpdatedAt,
    OidcState,
    RoleSource,
    OidcProvider,
}

/// Direction of a sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// A user to be made.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct UserCreate {
    /// Sign-in name, not blank.
    pub username: String,
    /// Full name.
    #[serde(default)]
    pub name: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// What he may do; an editor when absent.
    #[serde(default = "editor")]
    pub role: UserRole,
    /// Password; without one a temporary password is made.
    #[serde(default)]
    pub password: Option<String>,
    /// Whether he is asked to choose another password.
    #[serde(default = "yes")]
    pub must_change_password: bool,
    /// When the account ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

fn editor() -> UserRole {
    UserRole::Editor
}

fn yes() -> bool {
    true
}

/// A new user.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct UserCreated {
    /// The user.
    #[serde(flatten)]
    pub user: AdminUser,
    /// His password when none was given; shown only here.
    pub temporary_password: Option<String>,
}

impl From<CreatedUser> for UserCreated {
    fn from(created: CreatedUser) -> Self {
        Self { user: (&created.account).into(), temporary_password: created.temporary_password }
    }
}

/// Changes to a user; what is absent or null stays, `""` empties name and mail address.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct UserPatch {
    /// Sign-in name, not blank.
    #[serde(default)]
    pub username: Option<String>,
    /// Full name.
    #[serde(default)]
    pub name: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// What he may do.
    #[serde(default)]
    pub role: Option<UserRole>,
    /// Whether he may sign in.
    #[serde(default)]
    pub is_active: Option<bool>,
    /// When the account ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The role set by hand against the identity provider's. There is no identity provider yet, so that only null is
    /// taken.
    #[serde(default)]
    pub oidc_role_assignment: Option<UserRole>,
}

/// Another password for a user.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasswordReset {
    /// The password.
    pub new_password: String,
    /// Whether he is asked to choose another one.
    #[serde(default = "yes")]
    pub must_change_password: bool,
}

/// Whether an identity provider is in use and well. None is, yet: the shape is there because the page of users asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OidcAdministration {
    /// How the provider is used.
    pub configuration: Option<serde_json::Map<String, serde_json::Value>>,
    /// What is amiss.
    pub health: OidcHealth,
    /// Active users without a password.
    pub active_passwordless_user_count: u64,
    /// How people sign in.
    pub auth_mode: SignInMode,
    /// Whether sign-in is switched off.
    pub auth_enforcement_disabled: bool,
}

/// What is amiss with the use of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcHealth {
    /// Whether the server knows its own address.
    pub public_url_configured: bool,
    /// Its address.
    pub public_url: Option<String>,
    /// Where the provider sends browsers back to.
    pub redirect_uri: Option<String>,
    /// `healthy` or `unhealthy`.
    pub status: String,
    /// Why.
    pub reasons: Vec<String>,
}
