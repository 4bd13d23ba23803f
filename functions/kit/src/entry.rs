//! From a request of the host to its response.

use causeway_api::{Auth, Endpoint, Found, Method, PathParameters, find};
use spin_sdk::wasip3::http::types::{self, ErrorCode, Method as WasiMethod};
use uuid::Uuid;

use crate::authentication::authenticate;
use crate::companion::{companion_bearer, proves_lock};
use crate::{Answer, ClientBody, Headers, Problem, Query, Request, settings};

/// A function: the operations that it has, and what each does.
pub trait Function {
    /// The operations.
    type Operation: Copy + 'static;

    /// Its name in the log.
    const NAME: &'static str;

    /// Its routes.
    fn endpoints() -> &'static [Endpoint<Self::Operation>];

    /// Performs an operation. On routes that need a token the caller is known.
    fn perform(operation: Self::Operation, request: Request)
    -> impl Future<Output = Result<Answer, Problem>>;

    /// Answers what no route of the function names.
    fn otherwise(_request: Request) -> impl Future<Output = Result<Answer, Problem>> {
        async { Err(Problem::not_found("Not Found")) }
    }
}

/// Serves a request. Never fails: what goes wrong becomes an answer.
pub async fn handle<F: Function>(request: types::Request) -> Result<types::Response, ErrorCode> {
    let id = Uuid::new_v4();
    let method_name = method_name(request.get_method());
    let method = Method::parse(&method_name);
    let is_head = method == Some(Method::Head);
    let target = request.get_path_with_query().unwrap_or_else(|| "/".to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));

    let answer = serve::<F>(id, method, path, query, request).await.unwrap_or_else(|problem| {
        // The query is left out: it may name files.
        if let Some(cause) = problem.cause() {
            eprintln!("{id} {} {method_name} {path}: {} {cause}", F::NAME, problem.status());
        }
        problem.into()
    });
    Ok(answer.into_response(id, is_head))
}

async fn serve<F: Function>(
    id: Uuid,
    method: Option<Method>,
    path: &str,
    query: &str,
    request: types::Request,
) -> Result<Answer, Problem> {
    let headers = Headers::new(request.get_headers().copy_all());
    let body = ClientBody {
        length: headers.get("content-length").and_then(|length| length.trim().parse().ok()),
        content_type: headers.get("content-type").map(str::to_owned),
        request,
    };
    let mut request = Request {
        id,
        method,
        path: path.to_owned(),
        query: Query::default(),
        headers,
        parameters: PathParameters::default(),
        principal: None,
        operation: None,
        settings: None,
        body: Some(body),
    };
    match find(F::endpoints(), method, path) {
        Found::Operation { operation, route, parameters } => {
            let settings = settings().await?;
            request.settings = Some(settings);
            request.parameters = parameters;
            let query = Query::parse(query);
            let proves_lock =
                || query.as_ref().is_ok_and(|query| proves_lock(query, &request.headers, settings));
            match route.auth {
                Auth::Public => {}
                Auth::Companion => drop(companion_bearer(&request.headers)?),
                Auth::BrowserOrOperation if proves_lock() => {
                    request.query = query?;
                    request.authenticate_operation()?;
                    return F::perform(operation, request).await;
                }
                Auth::Browser | Auth::BrowserOrOperation => {
                    request.principal = Some(authenticate(&request.headers, &settings.token_key)?);
                }
            }
            request.query = query?;
            F::perform(operation, request).await
        }
        Found::WrongMethod { allowed } => Err(Problem::wrong_method(&allowed)),
        Found::Nothing => F::otherwise(request).await,
    }
}

fn method_name(method: WasiMethod) -> String {
    match method {
        WasiMethod::Get => "GET".into(),
        WasiMethod::Head => "HEAD".into(),
        WasiMethod::Post => "POST".into(),
        WasiMethod::Put => "PUT".into(),
        WasiMethod::Delete => "DELETE".into(),
        WasiMethod::Connect => "CONNECT".into(),
        WasiMethod::Options => "OPTIONS".into(),
        WasiMethod::Trace => "TRACE".into(),
        WasiMethod::Patch => "PATCH".into(),
        WasiMethod::Other(name) => name,
    }
}
