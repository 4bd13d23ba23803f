//! Answers: the host's own, and what accompanies a component's to its last byte.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::admission::Permit;
use crate::exchange::ExchangeGuard;

/// An answer of the host itself, in the shape of the API's errors. The details are constants without quotes.
pub(crate) fn failure(status: StatusCode, detail: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!(r#"{{"detail":"{detail}"}}"#)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to a request for which there is no room now.
pub(crate) fn busy(retry_after: u64) -> Response<Body> {
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, "The server is busy, try again shortly");
    response.headers_mut().insert(RETRY_AFTER, retry_after.into());
    response
}

/// One line of the access log, written when the exchange is over.
pub(crate) struct AccessRecord {
    method: Method,
    path: String,
    started: Instant,
    component: Option<std::sync::Arc<str>>,
    status: u16,
    request_id: Option<HeaderValue>,
    bytes: u64,
    /// Announced length of the body.
    length: Option<u64>,
    complete: bool,
}

impl AccessRecord {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            started: Instant::now(),
            component: None,
            // What is logged if the client goes before there is a head.
            status: 499,
            request_id: None,
            bytes: 0,
            length: None,
            complete: false,
        }
    }

    pub(crate) fn component(&mut self, id: &std::sync::Arc<str>) {
        self.component = Some(std::sync::Arc::clone(id));
    }

    pub(crate) fn head(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = status.as_u16();
        self.request_id = headers.get("x-request-id").cloned();
        let bodiless = self.method == Method::HEAD || matches!(self.status, 204 | 304);
        self.length = if bodiless {
            Some(0)
        } else {
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
        };
    }
}

impl Drop for AccessRecord {
    fn drop(&mut self) {
        tracing::info!(
            target: "causeway_host::access",
            method = %self.method,
            path = self.path,
            status = self.status,
            ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes = self.bytes,
            complete = self.complete,
            component = self.component.as_deref(),
            request_id = self.request_id.as_ref().and_then(|id| id.to_str().ok()),
        );
    }
}

/// A response's body with everything that must live as long as it does.
pub(crate) struct TrackedBody {
    inner: WasiBody,
    record: AccessRecord,
    /// Tells the instance that nobody waits any more.
    _exchange: Option<ExchangeGuard>,
    /// The place among the running requests.
    _permit: Option<Permit>,
}

impl TrackedBody {
    pub(crate) fn new(
        inner: WasiBody,
        record: AccessRecord,
        exchange: Option<ExchangeGuard>,
        permit: Option<Permit>,
    ) -> Self {
        Self { inner, record, _exchange: exchange, _permit: permit }
    }
}

impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, path = self.record.path, "a response broke off");
            }
            Poll::Ready(None) => self.record.complete = true,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        // The connection stops asking once it has what was announced.
        let all = self.record.length.is_some_and(|length| self.record.bytes >= length);
        self.record.complete |= all || self.inner.is_end_stream();
    }
}
