//! One exchange with the sidecar, on the raw types of `wasi:http`: only these let a body pass on unread.

use causeway_internal::{
    FORWARDED_FOR_HEADER, Fault, HEAD_HEADER, PEER_HEADER, Principal, REQUEST_ID_HEADER,
    TOKEN_VERSION_HEADER, USER_HEADER, call_path,
};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{Fields, Method, Request, RequestOptions, Response, Scheme};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};

use super::{MAX_ANSWER_BYTES, Refusal, Sidecar};
use crate::ClientBody;
use crate::body::RawBody;

const SECOND: u64 = 1_000_000_000;

/// How long a connection to the sidecar may take, in nanoseconds. It is in the same process or the same network.
const CONNECT: u64 = 5 * SECOND;

/// How long most answers may take, in nanoseconds. The sidecar has deadlines of its own towards the server behind and
/// says so; this one is for a sidecar that says nothing.
pub(super) const SOON: u64 = 90 * SECOND;

/// How long a large tree or upload may take, in nanoseconds: a day of copying is an order, not a mistake.
pub(super) const EVENTUALLY: u64 = 24 * 3600 * SECOND;

/// How long the sidecar may pause within an answer, in nanoseconds.
const BETWEEN_BYTES: u64 = 120 * SECOND;

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    Soon,
    Eventually,
}

/// What a request to the sidecar carries.
pub(super) enum Outgoing {
    Nothing,
    Json(Vec<u8>),
    Handed(ClientBody),
}

impl Sidecar {
    /// Sends a request and waits for the head of its answer; what is no success becomes a refusal.
    pub(super) async fn send(
        &self,
        name: &str,
        head: Option<String>,
        body: Outgoing,
        patience: Patience,
    ) -> Result<Response, Refusal> {
        let request = self.request(name, head, body, patience)?;
        let response = client::send(request).await.map_err(|error| Refusal::of_transport(&error))?;
        let status = response.get_status_code();
        if (200..300).contains(&status) { Ok(response) } else { Err(refusal(status, response).await) }
    }

    fn request(
        &self,
        name: &str,
        head: Option<String>,
        body: Outgoing,
        patience: Patience,
    ) -> Result<Request, Refusal> {
        let fields = Fields::new();
        let set = |name: &str, value: &[u8]| {
            fields
                .set(name, &[value.to_vec()])
                .map_err(|error| Refusal::unavailable(format!("{name}: {error:?}")))
        };
        set("authorization", self.settings.authorization.as_bytes())?;
        set(REQUEST_ID_HEADER, self.request_id.to_string().as_bytes())?;
        if let Some(Principal { user_id, token_version }) = self.principal {
            set(USER_HEADER, user_id.to_string().as_bytes())?;
            set(TOKEN_VERSION_HEADER, token_version.to_string().as_bytes())?;
        }
        for (name, value) in
            [(PEER_HEADER, &self.origin.peer), (FORWARDED_FOR_HEADER, &self.origin.forwarded_for)]
        {
            if let Some(value) = value {
                set(name, value.as_bytes())?;
            }
        }
        if let Some(head) = head {
            set(HEAD_HEADER, head.as_bytes())?;
        }
        let (content, trailers) = match body {
            Outgoing::Nothing => {
                set("content-length", b"0")?;
                (None, no_trailers())
            }
            Outgoing::Json(bytes) => {
                set("content-type", b"application/json")?;
                set("content-length", bytes.len().to_string().as_bytes())?;
                let (mut writer, reader) = wit_stream::new();
                // What is not taken was not wanted: the answer says why.
                spawn(async move { drop(writer.write_all(bytes).await) });
                (Some(reader), no_trailers())
            }
            Outgoing::Handed(ClientBody { request, length, content_type }) => {
                if let Some(content_type) = content_type {
                    set("content-type", content_type.as_bytes())?;
                }
                if let Some(length) = length {
                    set("content-length", length.to_string().as_bytes())?;
                }
                let RawBody { bytes, trailers } = RawBody::of_request(request);
                (Some(bytes), trailers)
            }
        };
        let (request, _sent) = Request::new(fields, content, trailers, Some(options(patience)));
        let at = &self.settings.sidecar;
        let scheme = if at.is_https { Scheme::Https } else { Scheme::Http };
        let path = format!("{}{}", at.base_path, call_path(name));
        request
            .set_method(&Method::Post)
            .and_then(|()| request.set_scheme(Some(&scheme)))
            .and_then(|()| request.set_authority(Some(&at.authority)))
            .and_then(|()| request.set_path_with_query(Some(&path)))
            .map_err(|()| Refusal::unavailable("sidecar_url makes no request"))?;
        Ok(request)
    }
}

type TrailersReader = spin_sdk::wasip3::wit_bindgen::FutureReader<
    Result<Option<spin_sdk::wasip3::http::types::Trailers>, spin_sdk::wasip3::http::types::ErrorCode>,
>;

fn no_trailers() -> TrailersReader {
    // Dropping the writer says "no trailers".
    let (_none, trailers) = wit_future::new(|| Ok(None));
    trailers
}

/// Deadlines, for hosts that keep them; one that does not has its own.
fn options(patience: Patience) -> RequestOptions {
    let options = RequestOptions::new();
    let first_byte = match patience {
        Patience::Soon => SOON,
        Patience::Eventually => EVENTUALLY,
    };
    let results = [
        options.set_connect_timeout(Some(CONNECT)),
        options.set_first_byte_timeout(Some(first_byte)),
        options.set_between_bytes_timeout(Some(BETWEEN_BYTES)),
    ];
    if results.iter().any(Result::is_err) {
        eprintln!("the host takes no deadlines for requests");
    }
    options
}

/// Reads the fault that stands in a refusal.
async fn refusal(status: u16, response: Response) -> Refusal {
    let body = RawBody::of_response(response).collect(MAX_ANSWER_BYTES).await.unwrap_or_default();
    match serde_json::from_slice::<Fault>(&body) {
        Ok(fault) => Refusal::Fault(fault),
        Err(_) => Refusal::unavailable(format!("status {status} without a fault")),
    }
}
