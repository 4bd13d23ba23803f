//! The auth function: `/api/auth/…` and `/api/admin/…`.

mod account;
mod file_search;
mod oidc;
mod sign_in;
mod user_settings;
mod users;

use causeway_api::Endpoint;
use causeway_api::routes::auth::{ENDPOINTS, Operation};
use causeway_function_kit::{Answer, Function, Problem, Request, export_function};

struct Auth;

impl Function for Auth {
    type Operation = Operation;

    const NAME: &'static str = "auth";

    fn endpoints() -> &'static [Endpoint<Operation>] {
        ENDPOINTS
    }

    async fn perform(operation: Operation, request: Request) -> Result<Answer, Problem> {
        match operation {
            Operation::GetAuthConfig => sign_in::config(),
            Operation::SignIn => sign_in::sign_in(request).await,
            Operation::GetMe => account::me(&request).await,
            Operation::GetAccount => account::account(&request).await,
            Operation::GetSettings => user_settings::get(&request).await,
            Operation::ChangeSettings => user_settings::change(request).await,
            Operation::ChangePassword => account::change_password(request).await,
            Operation::RefreshOidc => Err(oidc::refresh()),
            Operation::LogOutOidc => Ok(oidc::log_out()),
            Operation::ListUsers => users::list(&request).await,
            Operation::CreateUser => users::create(request).await,
            Operation::ChangeUser => users::change(request).await,
            Operation::DeleteUser => users::delete(&request).await,
            Operation::ResetPassword => users::reset_password(request).await,
            Operation::GetOidcAdministration => oidc::administration(&request).await,
            Operation::GetFileSearchSettings => file_search::get(&request).await,
            Operation::ChangeFileSearchSettings => file_search::change(request).await,
        }
    }
}

export_function!(Auth);
