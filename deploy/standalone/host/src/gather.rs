//! The beginning of a request's body, which has to be there before the request takes up anything.
//!
//! A sign-in that sends its few bytes one at a time would otherwise hold one of its function's places meanwhile, and
//! some dozens of them all. Here it holds nothing but its connection.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;

use crate::config::Limits;
use crate::response::failure;

/// Bytes that are waited for, or the whole body: sign-ins and calls with JSON fit in.
const BEGINNING: usize = 16 << 10;

/// Bodies that are gathered at once; with [`BEGINNING`] and the frame that goes beyond it they hold some MiB. When all
/// are taken, by slow clients, requests go on as they are.
const AT_ONCE: usize = 512;

/// Waits for the beginnings of bodies.
pub(crate) struct Gathering {
    places: Arc<Semaphore>,
    time: Duration,
}

impl Gathering {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), time: limits.body_start_timeout }
    }

    /// The request with the beginning of its body at hand; `Err` is the refusal.
    pub(crate) async fn gather(&self, request: Request<Body>) -> Result<Request<Body>, Response<Body>> {
        // Who waits for leave to send a large body (RFC 9110 10.1.1) wants to hear first whether it is welcome.
        let asks =
            request.headers().contains_key(EXPECT) && request.body().size_hint().lower() > BEGINNING as u64;
        if request.body().is_end_stream() || asks {
            return Ok(request);
        }
        let Ok(_place) = self.places.try_acquire() else { return Ok(request) };
        let (parts, body) = request.into_parts();
        match tokio::time::timeout(self.time, begin(body)).await {
            Ok(Ok(body)) => Ok(Request::from_parts(parts, Body::new(body))),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a body broke off");
                Err(failure(StatusCode::BAD_REQUEST, "The request body broke off"))
            }
            Err(_) => Err(failure(StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time")),
        }
    }
}

async fn begin(mut body: Body) -> Result<BegunBody, axum::Error> {
    let (mut frames, mut bytes) = (VecDeque::new(), 0);
    while bytes < BEGINNING
        && let Some(frame) = body.frame().await
    {
        let frame = frame?;
        bytes += frame.data_ref().map_or(0, Bytes::len);
        frames.push_back(frame);
    }
    Ok(BegunBody { frames, rest: body })
}

/// A body of which the first frames are here.
struct BegunBody {
    frames: VecDeque<Frame<Bytes>>,
    rest: Body,
}

impl http_body::Body for BegunBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let here: u64 = self.frames.iter().filter_map(|frame| Some(frame.data_ref()?.len() as u64)).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(here));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(here));
        }
        hint
    }
}
