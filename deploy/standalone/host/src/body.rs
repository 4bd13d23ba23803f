//! Bodies that end when nothing moves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::exchange::Exchange;
use crate::progress::Progress;

/// Who is told when a frame passes.
#[derive(Debug, Clone)]
pub(crate) enum Observer {
    /// The exchange that the body belongs to.
    Exchange(Arc<Exchange>),
    /// An outbound call that waits for its answer.
    Call(Arc<Progress>),
    /// Nobody.
    None,
}

/// Passes frames on unchanged and fails when the next one does not come in time.
pub(crate) struct IdleBody<B> {
    inner: B,
    idle: Duration,
    last: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    observer: Observer,
}

impl<B> IdleBody<B> {
    pub(crate) fn new(inner: B, idle: Duration, observer: Observer) -> Self {
        Self { inner, idle, last: Instant::now(), timer: None, observer }
    }
}

impl<B> Body for IdleBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.last = Instant::now();
            match &this.observer {
                Observer::Exchange(exchange) => exchange.touch(),
                Observer::Call(progress) => progress.touch(),
                Observer::None => {}
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        // The timer is set once and moved only when it fires, so that a frame costs no timer operation.
        let deadline = this.last + this.idle;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body as wasmtime's HTTP wants it, with an idle limit.
pub(crate) fn guarded<B>(body: B, idle: Duration, observer: Observer) -> WasiBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Error>,
{
    IdleBody::new(body, idle, observer).boxed_unsync()
}

/// An axum body whose errors are wasmtime's.
pub(crate) struct AxumBody(pub(crate) axum::body::Body);

impl Body for AxumBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.0).poll_frame(cx).map(|frame| {
            frame.map(|frame| {
                frame.map_err(|error| {
                    tracing::debug!(%error, "a body broke off");
                    Error::ConnectionTerminated
                })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
