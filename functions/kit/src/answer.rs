//! Answers, and how they become responses of `wasi:http`.

use std::borrow::Cow;
use std::pin::Pin;

use causeway_http_semantics::{Surface, security_headers};
use serde::Serialize;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response};
use spin_sdk::wasip3::wit_bindgen::StreamWriter;
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};
use uuid::Uuid;

use crate::body::RawBody;
use crate::{Content, Problem, Refusal};

/// What a function answers.
pub struct Answer {
    status: u16,
    headers: Vec<(Cow<'static, str>, String)>,
    body: Body,
    length: Option<u64>,
    surface: Surface,
}

type Writing = Pin<Box<dyn Future<Output = Result<(), Interrupted>>>>;

enum Body {
    Nothing,
    Bytes(Cow<'static, [u8]>),
    Handed(Content),
    Written(Box<dyn FnOnce(BodyWriter) -> Writing>),
}

/// Writes a body piece by piece.
pub struct BodyWriter(StreamWriter<u8>);

impl BodyWriter {
    /// Writes a piece, and waits until the client has taken it. A few dozen KiB at a time serve best.
    ///
    /// # Errors
    ///
    /// When the client is gone; there is no use in going on.
    pub async fn write(&mut self, piece: Vec<u8>) -> Result<(), Interrupted> {
        let rest = self.0.write_all(piece).await;
        if rest.is_empty() { Ok(()) } else { Err(Interrupted("the client is gone".to_owned())) }
    }
}

/// Why a body could not be written to its end. The client sees its connection break, which tells it from a whole one.
#[derive(Debug, Clone)]
pub struct Interrupted(String);

impl Interrupted {
    /// The reason, for the log.
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl From<Refusal> for Interrupted {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl Answer {
    fn new(status: u16, surface: Surface, body: Body) -> Self {
        Self { status, headers: Vec::new(), body, length: None, surface }
    }

    /// JSON. Fails only on types that JSON cannot express, which is a fault of ours (500).
    pub fn json<T: Serialize>(status: u16, value: &T) -> Result<Self, Problem> {
        let bytes = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self::bytes(status, "application/json", bytes))
    }

    /// Nothing but the status.
    pub fn empty(status: u16) -> Self {
        Self::new(status, Surface::ApiJson, Body::Nothing)
    }

    /// Bytes of a media type.
    pub fn bytes(status: u16, content_type: &'static str, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::new(status, Surface::ApiJson, Body::Bytes(bytes.into())).header("content-type", content_type)
    }

    /// Content of a share as the sidecar sends it, handed on without entering the guest.
    pub fn content(status: u16, content: Content) -> Self {
        Self::new(status, Surface::ShareContent, Body::Handed(content))
    }

    /// A body of a media type that is written while it is sent. The writing begins once the head is on its way.
    pub fn written<W>(status: u16, content_type: &'static str, write: W) -> Self
    where
        W: AsyncFnOnce(BodyWriter) -> Result<(), Interrupted> + 'static,
    {
        Self::streamed(status, write).header("content-type", content_type)
    }

    /// The same without a media type: its headers come from elsewhere.
    pub fn streamed<W>(status: u16, write: W) -> Self
    where
        W: AsyncFnOnce(BodyWriter) -> Result<(), Interrupted> + 'static,
    {
        let body = Body::Written(Box::new(move |writer| Box::pin(write(writer)) as Writing));
        Self::new(status, Surface::ApiJson, body)
    }

    /// The same with a header (name in lower-case), which stands instead of one that answers of this surface have.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with more headers (names in lower-case).
    #[must_use]
    pub fn headers(mut self, headers: impl IntoIterator<Item = (Cow<'static, str>, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same with the length of its body in bytes, for bodies that are handed on or written. It must be exact.
    #[must_use]
    pub fn length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// The same as part of another surface, with other security headers.
    #[must_use]
    pub fn surface(mut self, surface: Surface) -> Self {
        self.surface = surface;
        self
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// All headers of the response, in lower-case.
    fn all_headers(&self, request_id: Uuid) -> Vec<(Cow<'static, str>, String)> {
        let mut all = self.headers.clone();
        let is_set = |name: &str| self.headers.iter().any(|(known, _)| known == name);
        for (name, value) in security_headers(self.surface) {
            if !is_set(name) {
                all.push(((*name).into(), (*value).to_owned()));
            }
        }
        let length = match &self.body {
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            // 204 and 304 carry no length of their own (RFC 9110 8.6).
            Body::Nothing if matches!(self.status, 204 | 304) => None,
            Body::Nothing => Some(self.length.unwrap_or(0)),
            Body::Handed(_) | Body::Written(_) => self.length,
        };
        if let Some(length) = length.filter(|_| !is_set("content-length")) {
            all.push(("content-length".into(), length.to_string()));
        }
        all.push(("x-request-id".into(), request_id.to_string()));
        all
    }

    /// The response. For `HEAD` the body stays behind, its length does not.
    pub(crate) fn into_response(self, request_id: Uuid, is_head: bool) -> Response {
        let fields = Fields::new();
        for (name, value) in self.all_headers(request_id) {
            // A value that HTTP cannot carry is left out rather than failing the request.
            if let Err(error) = fields.append(&name, value.as_bytes()) {
                eprintln!("{request_id} header {name} left out: {error:?}");
            }
        }
        let is_bare = is_head || matches!(self.status, 204 | 304);
        let response = match self.body {
            Body::Nothing => bare(fields),
            _ if is_bare => bare(fields),
            Body::Bytes(bytes) => {
                let bytes = bytes.into_owned();
                written(
                    fields,
                    request_id,
                    Box::new(|mut out| Box::pin(async move { out.write(bytes).await })),
                )
            }
            Body::Written(write) => written(fields, request_id, write),
            Body::Handed(content) => {
                let RawBody { bytes, trailers } = RawBody::of_response(content.into_response());
                Response::new(fields, Some(bytes), trailers).0
            }
        };
        if response.set_status_code(self.status).is_err() {
            eprintln!("{request_id} status {} is none", self.status);
        }
        response
    }
}

fn bare(fields: Fields) -> Response {
    // Dropping the writer says "no trailers".
    let (_no_trailers, trailers) = wit_future::new(|| Ok(None));
    Response::new(fields, None, trailers).0
}

fn written(fields: Fields, request_id: Uuid, write: Box<dyn FnOnce(BodyWriter) -> Writing>) -> Response {
    let (writer, bytes) = wit_stream::new();
    // A body whose writing is dropped half-way must not look whole.
    let (end, trailers) = wit_future::new(|| Err(ErrorCode::HttpResponseIncomplete));
    let (response, _sent) = Response::new(fields, Some(bytes), trailers);
    spawn(async move {
        let result = write(BodyWriter(writer)).await;
        let end_of_body = match result {
            Ok(()) => Ok(None),
            Err(Interrupted(reason)) => {
                eprintln!("{request_id} body not finished: {reason}");
                Err(ErrorCode::HttpResponseIncomplete)
            }
        };
        // The client may be gone by now, and nobody else wants to know.
        let _ = end.write(end_of_body).await;
    });
    response
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let status = problem.status();
        let body = serde_json::to_vec(&problem.body()).unwrap_or_default();
        let mut answer = Self::bytes(status, "application/json", body);
        for (name, value) in problem.into_headers() {
            answer = answer.header(name, value);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use causeway_http_semantics::Surface;
    use uuid::Uuid;

    use super::Answer;
    use crate::Problem;

    fn header<'a>(headers: &'a [(std::borrow::Cow<'static, str>, String)], name: &str) -> Vec<&'a str> {
        headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn every_answer_has_an_id_a_length_and_the_headers_of_its_surface() {
        let id = Uuid::from_u128(1);
        let json = Answer::json(200, &[1, 2]).unwrap().all_headers(id);
        assert_eq!(header(&json, "x-request-id"), [id.to_string()]);
        assert_eq!(header(&json, "content-length"), ["5"]);
        assert_eq!(header(&json, "cache-control"), ["no-store"]);
        assert_eq!(header(&json, "x-content-type-options"), ["nosniff"]);

        let own = Answer::empty(200)
            .surface(Surface::WebApp)
            .header("content-security-policy", "x")
            .all_headers(id);
        assert_eq!(header(&own, "content-security-policy"), ["x"]);
        assert_eq!(header(&own, "content-length"), ["0"]);
        assert_eq!(header(&Answer::empty(204).all_headers(id), "content-length"), [""; 0]);

        let refused = Answer::from(Problem::not_authenticated()).all_headers(id);
        assert_eq!(header(&refused, "www-authenticate"), ["Bearer"]);
    }
}
