//! What becomes of a request's body that nobody reads to its end.
//!
//! A refusal is often answered while the client is still sending. Closing the connection then would reset it, and the
//! client would see a broken pipe instead of the answer (RFC 9112 9.6), so the rest is read and thrown away for a while.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body as AnyBody;
use axum::extract::Request;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// How much of the rest is read at most: more is cheaper to lose than to receive.
const MAX_BYTES: u64 = 64 << 20;

/// How long the rest is read.
const MAX_TIME: Duration = Duration::from_secs(10);

/// A request whose body is read on for a while when it is dropped early, for servers that do not see to that themselves: what
/// is answered in the middle of a body then reaches who is still sending it.
pub fn lingering(request: Request) -> Request {
    request.map(|body| AnyBody::new(LingeringBody::new(body)))
}

/// A client's body; the rest of it is read when it is dropped early.
pub(crate) struct LingeringBody<B: Body<Data = Bytes> + Send + Unpin + 'static>(Option<B>);

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> LingeringBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self(Some(body))
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for LingeringBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.0 = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for LingeringBody<B> {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(MAX_TIME, discard(body)));
        }
    }
}

async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if bytes > MAX_BYTES {
            return;
        }
    }
}
