//! `/api/auth/…` and `/api/admin/…`

use crate::auth::{AccountDetails, AuthConfig, AuthToken, Me, Message, PasswordChange, SignInForm, UserRole};
use crate::history::{FileSearchSettings, FileSearchSettingsChange};
use crate::settings::{UserSettings, UserSettingsPatch};
use crate::users::{
    AdminUser, Expiration, OidcAdministration, OidcState, PasswordReset, RoleSource, SortDirection,
    UserCreate, UserCreated, UserPage, UserPatch, UserSignIn, UserSort, UserState,
};
use crate::{Answer, Component, Endpoint, Method, Parameter, RequestBody, Route};

/// What the `auth` function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has its summary in the table below")]
pub enum Operation {
    GetAuthConfig,
    SignIn,
    GetMe,
    GetAccount,
    GetSettings,
    ChangeSettings,
    ChangePassword,
    RefreshOidc,
    LogOutOidc,
    ListUsers,
    CreateUser,
    ChangeUser,
    DeleteUser,
    ResetPassword,
    GetOidcAdministration,
    GetFileSearchSettings,
    ChangeFileSearchSettings,
}

const fn route(method: Method, path: &'static str, id: &'static str) -> Route {
    Route::new(Component::Auth, method, path, id)
}

/// Its routes.
pub static ENDPOINTS: &[Endpoint<Operation>] = &[
    Endpoint {
        operation: Operation::GetAuthConfig,
        route: route(Method::Get, "/api/auth/config", "get_auth_config")
            .about("How people sign in")
            .public()
            .answers(&[Answer::json::<AuthConfig>(200, "The sign-in mode")]),
    },
    Endpoint {
        operation: Operation::SignIn,
        route: route(Method::Post, "/api/auth/token", "sign_in")
            .about("Signs in with a password")
            .public()
            .body(RequestBody::form::<SignInForm>())
            .answers(&[Answer::json::<AuthToken>(200, "An access token")])
            .refuses(&[401, 413, 422, 429]),
    },
    Endpoint {
        operation: Operation::GetMe,
        route: route(Method::Get, "/api/auth/me", "get_me")
            .about("The caller")
            .answers(&[Answer::json::<Me>(200, "The caller")]),
    },
    Endpoint {
        operation: Operation::GetAccount,
        route: route(Method::Get, "/api/auth/account", "get_account")
            .about("The caller and what he can do about his sign-in")
            .answers(&[Answer::json::<AccountDetails>(200, "The account")]),
    },
    Endpoint {
        operation: Operation::GetSettings,
        route: route(Method::Get, "/api/auth/me/settings", "get_settings")
            .about("The caller's settings")
            .answers(&[Answer::json::<UserSettings>(200, "All settings, defaults filled in")]),
    },
    Endpoint {
        operation: Operation::ChangeSettings,
        route: route(Method::Put, "/api/auth/me/settings", "change_settings")
            .about("Changes some of the caller's settings")
            .body(RequestBody::json::<UserSettingsPatch>())
            .answers(&[Answer::json::<UserSettings>(200, "All settings afterwards")])
            .refuses(&[400, 413]),
    },
    Endpoint {
        operation: Operation::ChangePassword,
        route: route(Method::Post, "/api/auth/change-password", "change_password")
            .about("Changes the caller's password and ends all his tokens")
            .takes(&[
                Parameter::optional::<String>(
                    "current_password",
                    "The password of now, when there is no body",
                ),
                Parameter::optional::<String>("new_password", "The new one, when there is no body"),
            ])
            .body(RequestBody::optional_json::<PasswordChange>())
            .answers(&[Answer::json::<Message>(200, "Changed")])
            .refuses(&[400]),
    },
    Endpoint {
        operation: Operation::RefreshOidc,
        route: route(Method::Post, "/api/auth/oidc/refresh", "refresh_oidc_session")
            .about("Renews the token of a session at an identity provider; there is none, so that it refuses")
            .public()
            .refuses(&[401]),
    },
    Endpoint {
        operation: Operation::LogOutOidc,
        route: route(Method::Post, "/api/auth/oidc/logout", "log_out")
            .about("Ends the browser's session at an identity provider, if it has one")
            .public()
            .answers(&[Answer::empty(204, "Nothing of the session is left")]),
    },
    Endpoint {
        operation: Operation::ListUsers,
        route: route(Method::Get, "/api/admin/users", "list_users")
            .about("Users, filtered, sorted and paged")
            .takes(&[
                Parameter::optional::<String>(
                    "q",
                    "Part of the user name, name or mail address, at most 200 characters",
                ),
                Parameter::optional::<Vec<UserRole>>("role", "Roles"),
                Parameter::optional::<Vec<UserState>>("state", "States"),
                Parameter::optional::<Vec<UserSignIn>>("auth", "Ways to sign in"),
                Parameter::optional::<Vec<OidcState>>("oidc_state", "States at the identity provider"),
                Parameter::optional::<Vec<RoleSource>>("role_source", "Where the role comes from"),
                Parameter::optional::<Expiration>("expiration", "Whether the account ends"),
                Parameter::optional::<UserSort>("sort", "Order, by user name when absent"),
                Parameter::optional::<SortDirection>("direction", "Direction, ascending when absent"),
                Parameter::optional::<u32>("page", "Number of the page, from 1"),
                Parameter::optional::<u32>("page_size", "Users on a page, 1 to 100, 25 when absent"),
            ])
            .answers(&[Answer::json::<UserPage>(200, "A page")])
            .refuses(&[403]),
    },
    Endpoint {
        operation: Operation::CreateUser,
        route: route(Method::Post, "/api/admin/users", "create_user")
            .about("Makes a user")
            .body(RequestBody::json::<UserCreate>())
            .answers(&[Answer::json::<UserCreated>(201, "Made")])
            .refuses(&[400, 403]),
    },
    Endpoint {
        operation: Operation::ChangeUser,
        route: route(Method::Patch, "/api/admin/users/{user_id}", "change_user")
            .about("Changes a user")
            .body(RequestBody::json::<UserPatch>())
            .answers(&[Answer::json::<AdminUser>(200, "Changed")])
            .refuses(&[400, 403, 404, 409]),
    },
    Endpoint {
        operation: Operation::DeleteUser,
        route: route(Method::Delete, "/api/admin/users/{user_id}", "delete_user")
            .about("Deletes a user with his settings and private connections")
            .answers(&[Answer::json::<Message>(200, "Deleted")])
            .refuses(&[400, 403, 404]),
    },
    Endpoint {
        operation: Operation::ResetPassword,
        route: route(Method::Post, "/api/admin/users/{user_id}/reset-password", "reset_password")
            .about("Sets another user's password and ends all his tokens")
            .body(RequestBody::json::<PasswordReset>())
            .answers(&[Answer::json::<Message>(200, "Set")])
            .refuses(&[400, 403, 404]),
    },
    Endpoint {
        operation: Operation::GetOidcAdministration,
        route: route(Method::Get, "/api/admin/auth/oidc", "get_oidc_administration")
            .about("Whether an identity provider is in use")
            .answers(&[Answer::json::<OidcAdministration>(200, "None is")])
            .refuses(&[403]),
    },
    Endpoint {
        operation: Operation::GetFileSearchSettings,
        route: route(Method::Get, "/api/admin/settings/file-search", "get_file_search_settings")
            .about("What the histories of opened files keep")
            .answers(&[Answer::json::<FileSearchSettings>(200, "The settings")])
            .refuses(&[403]),
    },
    Endpoint {
        operation: Operation::ChangeFileSearchSettings,
        route: route(Method::Put, "/api/admin/settings/file-search", "change_file_search_settings")
            .about("Changes what the histories of opened files keep, for all users and at once")
            .body(RequestBody::json::<FileSearchSettingsChange>())
            .answers(&[Answer::json::<FileSearchSettings>(200, "The settings afterwards")])
            .refuses(&[403]),
    },
];
