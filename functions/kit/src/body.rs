//! The body of a client's request: read into the guest within a bound, or handed on unread.

use spin_sdk::wasip3::http::types::{self, ErrorCode, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::wit_future;

use crate::Problem;

/// How much of a body one read takes, in bytes: JSON of the API mostly fits.
const READ_BYTES: usize = 16 * 1024;

/// The two halves of a body of `wasi:http`: its bytes, and what is said at their end.
pub(crate) struct RawBody {
    pub(crate) bytes: StreamReader<u8>,
    pub(crate) trailers: FutureReader<Result<Option<Trailers>, ErrorCode>>,
}

/// A body that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// It ended too early; the reason is for the log.
    Broken(String),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::body_too_large(),
            BodyError::Broken(cause) => Self::bad_request("The request body ended too early").because(cause),
        }
    }
}

impl RawBody {
    /// The body of a request.
    pub(crate) fn of_request(request: types::Request) -> Self {
        let (_accepted, result) = wit_future::new(|| Ok(()));
        let (bytes, trailers) = types::Request::consume_body(request, result);
        Self { bytes, trailers }
    }

    /// The body of a response.
    pub(crate) fn of_response(response: types::Response) -> Self {
        let (_accepted, result) = wit_future::new(|| Ok(()));
        let (bytes, trailers) = types::Response::consume_body(response, result);
        Self { bytes, trailers }
    }

    /// The next piece, appended to `buffer`'s spare capacity (made when there is none); `None` at the end.
    pub(crate) async fn next_piece(&mut self, mut buffer: Vec<u8>, at_least: usize) -> Option<Vec<u8>> {
        loop {
            if buffer.capacity() == buffer.len() {
                buffer.reserve(at_least);
            }
            let before = buffer.len();
            let (result, filled) = self.bytes.read(buffer).await;
            buffer = filled;
            match result {
                StreamResult::Complete(_) if buffer.len() > before => return Some(buffer),
                StreamResult::Complete(_) => {}
                StreamResult::Dropped | StreamResult::Cancelled => return None,
            }
        }
    }

    /// Whether the body that has been read to its end was whole.
    pub(crate) async fn finish(self) -> Result<(), BodyError> {
        drop(self.bytes);
        self.trailers.await.map(drop).map_err(|error| BodyError::Broken(error.to_string()))
    }

    /// All of it.
    pub(crate) async fn collect(mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut all = Vec::new();
        loop {
            let length = all.len();
            // One byte more than allowed shows that there is more than allowed.
            let room = (limit - length).saturating_add(1).min(READ_BYTES);
            let piece = self.next_piece(Vec::new(), room).await;
            let Some(piece) = piece else { break };
            all.extend_from_slice(&piece);
            if all.len() > limit {
                return Err(BodyError::TooLarge);
            }
        }
        self.finish().await?;
        Ok(all)
    }
}

/// The body of a client's request, not read yet.
pub struct ClientBody {
    pub(crate) request: types::Request,
    /// What `content-length` says.
    pub(crate) length: Option<u64>,
    /// What `content-type` says, its parameters included.
    pub(crate) content_type: Option<String>,
}

impl ClientBody {
    /// Reads all of it, at most `limit` bytes.
    pub async fn collect(self, limit: usize) -> Result<Vec<u8>, BodyError> {
        if self.length.is_some_and(|length| length > limit as u64) {
            return Err(BodyError::TooLarge);
        }
        RawBody::of_request(self.request).collect(limit).await
    }
}
