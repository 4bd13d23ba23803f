//! Reading a document from somewhere else than the sidecar. The manifest says where a component may go.

use http::Uri;
use http::uri::{Authority, PathAndQuery};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Scheme};
use spin_sdk::wasip3::wit_future;

use crate::body::{BodyError, RawBody};

/// A document as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// HTTP status; redirections are not followed.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no document. The texts are for people, and name nothing of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// It was not there in time.
    TimedOut,
    /// It is larger than allowed.
    TooLarge,
    /// It could not be had: why, in a few words.
    Unreachable(&'static str),
}

/// Reads what is at an absolute URL, at most `limit` bytes. Connecting, the first byte, and every pause may take `patience`
/// nanoseconds each.
pub async fn fetch(
    url: &str,
    headers: &[(&str, &str)],
    limit: usize,
    patience: u64,
) -> Result<Fetched, FetchError> {
    let request = request(url, headers, patience).ok_or(FetchError::Unreachable("the address is wrong"))?;
    let response = client::send(request).await.map_err(|error| failure(&error))?;
    let status = response.get_status_code();
    let body = RawBody::of_response(response).collect(limit).await.map_err(|error| match error {
        BodyError::TooLarge => FetchError::TooLarge,
        BodyError::Broken(_) => FetchError::Unreachable("the answer broke off"),
    })?;
    Ok(Fetched { status, body })
}

fn request(url: &str, headers: &[(&str, &str)], patience: u64) -> Option<Request> {
    let uri: Uri = url.parse().ok()?;
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let fields = Fields::new();
    for (name, value) in headers {
        fields.set(name, &[value.as_bytes().to_vec()]).ok()?;
    }
    let options = RequestOptions::new();
    let results = [
        options.set_connect_timeout(Some(patience)),
        options.set_first_byte_timeout(Some(patience)),
        options.set_between_bytes_timeout(Some(patience)),
    ];
    if results.iter().any(Result::is_err) {
        eprintln!("the host takes no deadlines for requests");
    }
    // Dropping the writer says "no trailers".
    let (_none, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(fields, None, trailers, Some(options));
    request
        .set_method(&Method::Get)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(uri.authority().map(Authority::as_str)))
        .and_then(|()| request.set_path_with_query(uri.path_and_query().map(PathAndQuery::as_str)))
        .ok()?;
    Some(request)
}

fn failure(error: &ErrorCode) -> FetchError {
    let why = match error {
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout => return FetchError::TimedOut,
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => "its name is not known",
        ErrorCode::ConnectionRefused | ErrorCode::DestinationUnavailable => "the connection was refused",
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            "the connection cannot be trusted"
        }
        ErrorCode::HttpRequestDenied => "the host does not allow it",
        _ => "the connection failed",
    };
    eprintln!("a document cannot be fetched: {error}");
    FetchError::Unreachable(why)
}
