//! Deeds that call out. `to` is an address without its scheme: `sidecar.internal/large`.

use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Method, Request, Response, Scheme};
use spin_sdk::wasip3::wit_future;

use crate::answer;

fn address(request: &Request, to: &str) -> Result<(), ErrorCode> {
    let (authority, path) = to.split_once('/').unwrap_or((to, ""));
    let wrong = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&Scheme::Http)).map_err(wrong)?;
    request.set_authority(Some(authority)).map_err(wrong)?;
    request.set_path_with_query(Some(&format!("/{path}"))).map_err(wrong)
}

fn get(to: &str) -> Result<Request, ErrorCode> {
    let (_trailers, trailers_read) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers_read, None);
    address(&request, to)?;
    Ok(request)
}

/// Hands a download on in a response of our own: the host recognises its own stream.
pub(crate) async fn download(to: &str) -> Result<Response, ErrorCode> {
    let upstream = client::send(get(to)?).await?;
    let status = upstream.get_status_code();
    let headers = upstream.get_headers().clone();
    headers
        .append("x-probe", b"relayed")
        .map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;
    let (_consumed, consumed_read) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(upstream, consumed_read);
    let (response, _sent) = Response::new(headers, Some(body), trailers);
    let _ = response.set_status_code(status);
    Ok(response)
}

/// Hands an upload on in a request of our own.
pub(crate) async fn upload(incoming: Request, to: &str) -> Result<Response, ErrorCode> {
    let length = incoming.get_headers().get("content-length");
    let headers = Fields::new();
    for value in length {
        headers
            .append("content-length", &value)
            .map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;
    }
    let (_consumed, consumed_read) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(incoming, consumed_read);
    let (request, _sent) = Request::new(headers, Some(body), trailers, None);
    request.set_method(&Method::Put).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    address(&request, to)?;
    client::send(request).await
}

/// Tells how a request went.
pub(crate) async fn fetch(to: &str) -> Response {
    let request = match get(to) {
        Ok(request) => request,
        Err(error) => return answer(400, format!("{error:?}")),
    };
    match client::send(request).await {
        Ok(response) => answer(200, response.get_status_code().to_string()),
        Err(error) => answer(502, format!("{error:?}")),
    }
}
