//! The system function: the server itself, its documentation, and the page or browser app at `/`.

mod api;
mod explorer;
mod static_path;
mod web_root;

use causeway_api::Endpoint;
use causeway_api::Method;
use causeway_api::routes::system::{ENDPOINTS, Operation};
use causeway_function_kit::{Answer, Function, Problem, Request, export_function};

use self::static_path::Target;
use self::web_root::WebRoot;

struct System;

impl Function for System {
    type Operation = Operation;

    const NAME: &'static str = "system";

    fn endpoints() -> &'static [Endpoint<Operation>] {
        ENDPOINTS
    }

    async fn perform(operation: Operation, request: Request) -> Result<Answer, Problem> {
        match operation {
            Operation::GetHealth => api::health(),
            Operation::GetVersion => api::version().await,
            Operation::GetLogConfig => api::log_config(&request).await,
            Operation::GetOpenApi => api::openapi(),
        }
    }

    /// The browser app, or our own page. What is below `/api` and no route is nothing, whatever the method.
    async fn otherwise(request: Request) -> Result<Answer, Problem> {
        let target = Target::of(request.path());
        if target == Target::Api {
            return Err(Problem::not_found("Not Found"));
        }
        if !matches!(request.method(), Some(Method::Get | Method::Head)) {
            return Err(Problem::wrong_method(&[Method::Get, Method::Head]));
        }
        match WebRoot::find() {
            Some(root) => root.serve(&target, &request),
            None => explorer::serve(request.path()),
        }
    }
}

export_function!(System);
