//! The internal API: what functions call. See `causeway-internal` for the shapes.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use causeway_internal::accounts::{
    Account, ChangePassword, ChangeSettings, ChangeUser, CreateUser, DeleteUser, GetLogSettings, GetSettings,
    ListUsers, ResetPassword, SignIn, WhoAmI,
};
use causeway_internal::connections::{
    ChangeConnection, CreateConnection, DeleteConnection, ListConnections, TestConnection, TestDraft,
};
use causeway_internal::directories::SearchDirectories;
use causeway_internal::files::{
    CreateItem, DeleteItem, GetInfo, LIST_DIRECTORY, ListDirectory, RenameItem, TransferItem,
};
use causeway_internal::history::{
    ChangeFileSearchPolicy, CheckRecentFile, ClearHistory, ForgetVisit, GetFileSearchPolicy, RecordVisit,
    SearchHistory,
};
use causeway_internal::locks::{
    AcquireLock, CheckLock, ForceUnlock, GetEditInfo, GetLock, PrepareEdit, RedeemLink, ReleaseLock,
    SAVE_EDIT,
};
use causeway_internal::transfer::{READ_FILE, WRITE_FILE};
use causeway_internal::{
    Call, FORWARDED_FOR_HEADER, Fault, FaultCode, HEAD_HEADER, MAX_JSON_BYTES, PEER_HEADER, Principal,
    REQUEST_ID_HEADER, TOKEN_VERSION_HEADER, USER_HEADER, call_path, decode_head, encode_head,
};
use subtle::ConstantTimeEq;
use tracing::Instrument;

use crate::{Sidecar, origin};

/// The router of the whole internal API.
pub(crate) fn router(sidecar: Arc<Sidecar>) -> Router {
    let router = Router::new();
    let router =
        public::<SignIn, _>(router, |sidecar, call| async move { sidecar.accounts.sign_in(call).await });
    let router = accounts(router);
    let router = connections(router);
    let router = files(router);
    let router = histories(router);
    let router = locks(router);
    router
        .fallback(|| async { Refusal(Fault::new(FaultCode::NotFound, "There is no such internal call")) })
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&sidecar), admit))
        .with_state(sidecar)
}

type Api = Router<Arc<Sidecar>>;

fn accounts(router: Api) -> Api {
    let router = for_user::<WhoAmI, _>(router, |_, account, _| async move { Ok((*account).clone()) });
    let router = for_user::<GetSettings, _>(router, |sidecar, account, _| async move {
        sidecar.accounts.settings(&account).await
    });
    let router = for_user::<ChangeSettings, _>(router, |sidecar, account, call| async move {
        sidecar.accounts.change_settings(&account, call).await
    });
    let router = for_user::<ChangePassword, _>(router, |sidecar, account, call| async move {
        sidecar.accounts.change_password(&account, call).await
    });
    let router = for_user::<ListUsers, _>(router, |sidecar, account, _| async move {
        sidecar.accounts.list_users(&account).await
    });
    let router = for_user::<CreateUser, _>(router, |sidecar, account, call| async move {
        sidecar.accounts.create_user(&account, call).await
    });
    let router = for_user::<ChangeUser, _>(router, |sidecar, account, call| async move {
        sidecar.accounts.change_user(&account, call).await
    });
    let router = for_user::<ResetPassword, _>(router, |sidecar, account, call| async move {
        sidecar.accounts.reset_password(&account, call).await
    });
    let router = for_user::<DeleteUser, _>(router, |sidecar, account, call| async move {
        sidecar.delete_user(account, call).await
    });
    for_user::<GetLogSettings, _>(router, |_, _, _| async move { Ok(Sidecar::log_settings()) })
}

fn connections(router: Api) -> Api {
    let router = for_user::<ListConnections, _>(router, |sidecar, account, _| async move {
        sidecar.connections.list(&account).await
    });
    let router = for_user::<CreateConnection, _>(router, |sidecar, account, call| async move {
        sidecar.connections.create(&account, call).await
    });
    let router = for_user::<ChangeConnection, _>(router, |sidecar, account, call| async move {
        sidecar.connections.change(&account, call).await
    });
    let router = for_user::<DeleteConnection, _>(router, |sidecar, account, call| async move {
        sidecar.delete_connection(account, call).await
    });
    let router = for_user::<TestDraft, _>(router, |sidecar, account, call| async move {
        sidecar.connections.test_draft(&account, call).await
    });
    for_user::<TestConnection, _>(router, |sidecar, account, call| async move {
        sidecar.connections.test_connection(&account, call).await
    })
}

fn files(router: Api) -> Api {
    let router = for_user::<GetInfo, _>(router, |sidecar, account, call| async move {
        sidecar.files.info(&account, call).await
    });
    let router = for_user::<SearchDirectories, _>(router, |sidecar, account, call| async move {
        sidecar.indexes.search(&account, call).await
    });
    let router = for_user::<CreateItem, _>(router, |sidecar, account, call| async move {
        sidecar.files.create(&account, call).await
    });
    let router = for_user::<RenameItem, _>(router, |sidecar, account, call| async move {
        sidecar.files.rename(&account, call).await
    });
    let router = for_user::<DeleteItem, _>(router, |sidecar, account, call| async move {
        sidecar.files.delete(&account, call).await
    });
    let router = for_user::<TransferItem, _>(router, |sidecar, account, call| async move {
        sidecar.files.transfer(&account, call).await
    });
    router
        .route(&call_path(LIST_DIRECTORY), post(list_directory))
        .route(&call_path(READ_FILE), post(read_file))
        .route(&call_path(WRITE_FILE), post(write_file).layer(DefaultBodyLimit::disable()))
}

fn histories(router: Api) -> Api {
    let router = for_user::<RecordVisit, _>(router, |sidecar, account, call| async move {
        sidecar.histories.record(&account, call).await
    });
    let router = for_user::<SearchHistory, _>(router, |sidecar, account, call| async move {
        sidecar.histories.search(&account, call).await
    });
    let router = for_user::<ForgetVisit, _>(router, |sidecar, account, call| async move {
        sidecar.histories.forget(&account, call).await
    });
    let router = for_user::<ClearHistory, _>(router, |sidecar, account, call| async move {
        sidecar.histories.clear(&account, call).await
    });
    let router = for_user::<CheckRecentFile, _>(router, |sidecar, account, call| async move {
        sidecar.histories.check_file(&account, call).await
    });
    let router = for_user::<GetFileSearchPolicy, _>(router, |sidecar, account, _| async move {
        sidecar.histories.policy(&account).await
    });
    for_user::<ChangeFileSearchPolicy, _>(router, |sidecar, account, call| async move {
        sidecar.histories.change_policy(&account, call).await
    })
}

fn locks(router: Api) -> Api {
    let router = for_user::<AcquireLock, _>(router, |sidecar, account, call| async move {
        sidecar.files.acquire_lock(&account, call).await
    });
    let router = for_user::<CheckLock, _>(router, |sidecar, account, call| async move {
        sidecar.locks.check(&account, call).await
    });
    let router = for_user::<ReleaseLock, _>(router, |sidecar, account, call| async move {
        sidecar.locks.release(&account, call).await
    });
    let router = for_user::<ForceUnlock, _>(router, |sidecar, account, call| async move {
        sidecar.files.force_unlock(&account, call).await
    });
    let router = for_user::<GetLock, _>(router, |sidecar, account, call| async move {
        sidecar.files.lock_state(&account, call).await
    });
    let router = for_user::<PrepareEdit, _>(router, |sidecar, account, call| async move {
        sidecar.files.prepare_edit(&account, call).await
    });
    let router =
        for_user::<RedeemLink, _>(router, |sidecar, _, call| async move { sidecar.locks.redeem(call).await });
    let router = for_user::<GetEditInfo, _>(router, |sidecar, account, call| async move {
        sidecar.files.edit_info(&account, call).await
    });
    router.route(&call_path(SAVE_EDIT), post(save_edit).layer(DefaultBodyLimit::disable()))
}

/// Mounts a call that acts for a user.
fn for_user<C, F>(router: Api, handler: fn(Arc<Sidecar>, Arc<Account>, C) -> F) -> Api
where
    C: Call + Send + 'static,
    F: Future<Output = Result<C::Answer, Fault>> + Send + 'static,
{
    router.route(
        &call_path(C::NAME),
        post(move |State(sidecar): State<Arc<Sidecar>>, headers: HeaderMap, body: Bytes| async move {
            let account = caller(&sidecar, &headers).await?;
            let call = parse::<C>(&body)?;
            answer(handler(sidecar, account, call).await?)
        }),
    )
}

/// Mounts a call that needs no user.
fn public<C, F>(router: Api, handler: fn(Arc<Sidecar>, C) -> F) -> Api
where
    C: Call + Send + 'static,
    F: Future<Output = Result<C::Answer, Fault>> + Send + 'static,
{
    router.route(
        &call_path(C::NAME),
        post(move |State(sidecar): State<Arc<Sidecar>>, body: Bytes| async move {
            let call = parse::<C>(&body)?;
            answer(handler(sidecar, call).await?)
        }),
    )
}

async fn list_directory(
    State(sidecar): State<Arc<Sidecar>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let account = caller(&sidecar, &headers).await?;
    let call = parse::<ListDirectory>(&body)?;
    let frames = sidecar.files.list(&account, call).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from_stream(frames)).into_response())
}

async fn read_file(State(sidecar): State<Arc<Sidecar>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let account = caller(&sidecar, &headers).await?;
    let head = head(&headers)?;
    let (answer, content) = sidecar.files.read(&account, head).await?;
    let length = answer.plan.content_length;
    let encoded = encode_head(&answer).map_err(|error| internal(&error))?;
    let mut response = Response::builder().header(HEAD_HEADER, encoded);
    if content.is_some() {
        response = response.header(header::CONTENT_LENGTH, length);
    }
    let body = content.map_or_else(Body::empty, Body::from_stream);
    response.body(body).map_err(|error| internal(&error).into())
}

async fn write_file(
    State(sidecar): State<Arc<Sidecar>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let account = caller(&sidecar, &headers).await?;
    let head = head(&headers)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let written = sidecar.files.write(&account, head, content_type, request.into_body()).await?;
    answer(written)
}

async fn save_edit(
    State(sidecar): State<Arc<Sidecar>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let account = caller(&sidecar, &headers).await?;
    let head = head(&headers)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let saved = Box::pin(sidecar.files.save(&account, head, content_type, request.into_body())).await?;
    answer(saved)
}

/// Lets only functions in, and tells in the log how each call went.
async fn admit(State(sidecar): State<Arc<Sidecar>>, request: Request, next: Next) -> Response {
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let known =
        presented.is_some_and(|token| token.as_bytes().ct_eq(sidecar.service_token().as_bytes()).into());
    if !known {
        return Refusal(Fault::new(FaultCode::ServiceTokenRefused, "The service token is missing or wrong"))
            .into_response();
    }
    let request_id =
        request.headers().get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).unwrap_or("-");
    let origin = origin_of(&sidecar, request.headers());
    let span = tracing::info_span!("call", request_id, path = request.uri().path());
    let started = Instant::now();
    async move {
        let response = origin::within(origin, next.run(request)).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(status = response.status().as_u16(), milliseconds, "answered");
        response
    }
    .instrument(span)
    .await
}

/// The address of the client for whom a function calls, where the function knows it.
fn origin_of(sidecar: &Sidecar, headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(PEER_HEADER).map(|peer| sidecar.accounts.source(Some(peer), text(FORWARDED_FOR_HEADER)))
}

/// The account that the principal's headers name, checked.
async fn caller(sidecar: &Sidecar, headers: &HeaderMap) -> Result<Arc<Account>, Fault> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let principal = text(USER_HEADER)
        .and_then(|id| id.parse().ok())
        .zip(text(TOKEN_VERSION_HEADER).and_then(|version| version.parse().ok()))
        .map(|(user_id, token_version)| Principal { user_id, token_version })
        .ok_or_else(|| Fault::new(FaultCode::PrincipalRefused, "The call names no user"))?;
    sidecar.accounts.authorize(principal).await
}

fn head<T: serde::de::DeserializeOwned>(headers: &HeaderMap) -> Result<T, Fault> {
    let value = headers
        .get(HEAD_HEADER)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Fault::new(FaultCode::Invalid, "The call has no head"))?;
    decode_head(value).map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))
}

fn parse<C: serde::de::DeserializeOwned>(body: &[u8]) -> Result<C, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::new(FaultCode::Invalid, format!("The call cannot be read: {error}")))
}

fn answer<A: serde::Serialize>(answer: A) -> Result<Response, Refusal> {
    let json = serde_json::to_vec(&answer).map_err(|error| internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

fn internal(error: &dyn std::error::Error) -> Fault {
    tracing::error!(%error, "an answer could not be made");
    Fault::new(FaultCode::Internal, "Internal error")
}

/// A fault on its way out.
struct Refusal(Fault);

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        tracing::debug!(code = ?self.0.code, message = self.0.message, "refused");
        (status, axum::Json(self.0)).into_response()
    }
}
