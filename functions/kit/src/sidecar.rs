//! Speaking to the sidecar.

mod listing;
mod refusal;
mod wire;

use causeway_internal::files::{LIST_DIRECTORY, ListDirectory};
use causeway_internal::locks::{SAVE_EDIT, SaveAnswer, SaveHead};
use causeway_internal::transfer::{READ_FILE, ReadAnswer, ReadHead, WRITE_FILE, WriteAnswer, WriteHead};
use causeway_internal::{Call, HEAD_HEADER, Principal, decode_head, encode_head};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spin_sdk::wasip3::http::types::Response;
use uuid::Uuid;

pub use self::listing::Listing;
pub use self::refusal::Refusal;
use self::wire::{Outgoing, Patience};
use crate::body::RawBody;
use crate::{ClientBody, Origin, Settings};

/// The largest JSON answer that is read into the guest, in bytes: some ten thousand users.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The sidecar, spoken to for one caller.
#[derive(Debug, Clone)]
pub struct Sidecar {
    settings: &'static Settings,
    principal: Option<Principal>,
    request_id: Uuid,
    origin: Origin,
}

/// Content of a share on its way from the sidecar to the client. It has not entered the guest, and does not.
pub struct Content(Response);

impl Content {
    pub(crate) fn into_response(self) -> Response {
        self.0
    }
}

impl Sidecar {
    pub(crate) fn new(
        settings: &'static Settings,
        principal: Option<Principal>,
        request_id: Uuid,
        origin: Origin,
    ) -> Self {
        Self { settings, principal, request_id, origin }
    }

    /// Makes a call that is answered soon: within [`wire::SOON`].
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Answer, Refusal> {
        self.plain(C::NAME, call, Patience::Soon).await
    }

    /// Makes a call that may take as long as a large tree takes: within [`wire::EVENTUALLY`].
    pub async fn call_patiently<C: Call>(&self, call: &C) -> Result<C::Answer, Refusal> {
        self.plain(C::NAME, call, Patience::Eventually).await
    }

    /// Asks for a file's content.
    pub async fn read_through(&self, head: &ReadHead) -> Result<(ReadAnswer, Content), Refusal> {
        let head = encode_head(head).map_err(Refusal::unavailable)?;
        let response = self.send(READ_FILE, Some(head), Outgoing::Nothing, Patience::Soon).await?;
        let said = response.get_headers().get(HEAD_HEADER);
        let said = said.first().map(|value| String::from_utf8_lossy(value));
        let answer = said.ok_or_else(|| Refusal::unavailable("the answer to a read has no head"))?;
        let answer = decode_head(&answer).map_err(Refusal::unavailable)?;
        Ok((answer, Content(response)))
    }

    /// Hands a client's body on as the content of a file, however it is wrapped, without reading it.
    pub async fn write_through(&self, head: &WriteHead, body: ClientBody) -> Result<WriteAnswer, Refusal> {
        let head = encode_head(head).map_err(Refusal::unavailable)?;
        let response =
            self.send(WRITE_FILE, Some(head), Outgoing::Handed(body), Patience::Eventually).await?;
        read_json(response).await
    }

    /// Hands a client's body on as what was edited, however it is wrapped, without reading it.
    pub async fn save_through(&self, head: &SaveHead, body: ClientBody) -> Result<SaveAnswer, Refusal> {
        let head = encode_head(head).map_err(Refusal::unavailable)?;
        let response = self.send(SAVE_EDIT, Some(head), Outgoing::Handed(body), Patience::Eventually).await?;
        read_json(response).await
    }

    /// Lists a directory.
    pub async fn list(&self, list: &ListDirectory) -> Result<Listing, Refusal> {
        let body = Outgoing::Json(to_json(list)?);
        let response = self.send(LIST_DIRECTORY, None, body, Patience::Soon).await?;
        Listing::begin(RawBody::of_response(response)).await
    }

    async fn plain<Q: Serialize, A: DeserializeOwned>(
        &self,
        name: &str,
        call: &Q,
        patience: Patience,
    ) -> Result<A, Refusal> {
        let response = self.send(name, None, Outgoing::Json(to_json(call)?), patience).await?;
        read_json(response).await
    }
}

fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(value).map_err(Refusal::unavailable)
}

async fn read_json<T: DeserializeOwned>(response: Response) -> Result<T, Refusal> {
    let bytes = RawBody::of_response(response).collect(MAX_ANSWER_BYTES).await;
    let bytes = bytes.map_err(|error| Refusal::unavailable(format!("{error:?}")))?;
    serde_json::from_slice(&bytes).map_err(Refusal::unavailable)
}
