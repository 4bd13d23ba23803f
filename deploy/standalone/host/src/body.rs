//! Bodies that end when nothing moves, or too little.

use std::num::NonZeroU32;
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

/// How fast a body has to come. Only waiting counts, never the time in which nobody asks for the next frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The longest wait.
    limit: Duration,
    /// What waiting is still allowed.
    left: Duration,
    /// Bytes that earn a second of waiting. `None`: every frame earns all of `limit` anew.
    rate: Option<NonZeroU32>,
}

impl Pace {
    /// A frame must come within this time.
    pub(crate) fn idle(limit: Duration) -> Self {
        Self { limit, left: limit, rate: None }
    }

    /// So many bytes a second must come on the whole. `limit` is how far the sender may fall behind; being ahead of it
    /// earns no more than that.
    pub(crate) fn at_least(rate: u32, limit: Duration) -> Self {
        Self { limit, left: limit, rate: NonZeroU32::new(rate) }
    }

    fn came(&mut self, waited: Duration, bytes: usize) {
        self.left = match self.rate {
            None => self.limit,
            Some(rate) => {
                let micros = (bytes as u64).saturating_mul(1_000_000) / u64::from(rate.get());
                let earned = Duration::from_micros(micros);
                (self.left.saturating_sub(waited) + earned).min(self.limit)
            }
        };
    }
}

/// Passes frames on unchanged and fails when they do not come fast enough.
pub(crate) struct PacedBody<B> {
    inner: B,
    pace: Pace,
    /// Since when the next frame is waited for.
    waiting: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    observer: Observer,
}

impl<B> PacedBody<B> {
    pub(crate) fn new(inner: B, pace: Pace, observer: Observer) -> Self {
        Self { inner, pace, waiting: None, timer: None, observer }
    }
}

impl<B> Body for PacedBody<B>
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
            let waited = this.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            this.pace.came(waited, data.map_or(0, Bytes::len));
            match &this.observer {
                Observer::Exchange(exchange) => exchange.touch(),
                Observer::Call(progress) => progress.touch(),
                Observer::None => {}
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        // The timer is set once and moved only when it fires, so that a frame costs no timer operation: waiting longer
        // and earning time both put the deadline off, nothing brings it forward.
        let deadline = *this.waiting.get_or_insert_with(Instant::now) + this.pace.left;
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

/// A body as wasmtime's HTTP wants it, which has to keep its pace.
pub(crate) fn guarded<B>(body: B, pace: Pace, observer: Observer) -> WasiBody
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Error>,
{
    PacedBody::new(body, pace, observer).boxed_unsync()
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

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use futures::{StreamExt as _, stream};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How much of a body comes: each piece has so many bytes and is waited for so long.
    fn comes(mut pace: Pace, pieces: impl IntoIterator<Item = (usize, Duration)>) -> usize {
        let mut came = 0;
        for (bytes, waited) in pieces {
            if waited >= pace.left {
                break;
            }
            pace.came(waited, bytes);
            came += bytes;
        }
        came
    }

    fn usual() -> Pace {
        Pace::at_least(2048, 60 * SECOND)
    }

    #[test]
    fn a_trickle_is_given_up_and_an_honest_slow_body_is_not() {
        assert!(comes(usual(), repeat_n((1, SECOND), 1000)) <= 61);
        let six_hours = 6 * 3600;
        assert_eq!(comes(usual(), repeat_n((16_000, SECOND), six_hours)), 16_000 * six_hours);
        // The same rate with pauses.
        assert_eq!(comes(usual(), repeat_n((800_000, 50 * SECOND), 500)), 800_000 * 500);
        assert_eq!(comes(usual(), [(1, 60 * SECOND)]), 0);
    }

    #[test]
    fn what_came_fast_does_not_pay_for_a_trickle_for_hours() {
        let fast = std::iter::once((1 << 30, Duration::ZERO));
        assert!(comes(usual(), fast.chain(repeat_n((1, SECOND), 1000))) <= (1 << 30) + 61);
    }

    #[test]
    fn without_a_rate_any_frame_will_do() {
        assert_eq!(comes(Pace::idle(10 * SECOND), repeat_n((1, 9 * SECOND), 1000)), 1000);
        assert_eq!(comes(Pace::idle(10 * SECOND), [(1, 10 * SECOND)]), 0);
    }

    #[tokio::test]
    async fn time_in_which_nobody_asks_is_not_held_against_the_source() {
        let pieces = stream::iter(0..2).then(|_| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, std::convert::Infallible>(Bytes::from_static(b"piece"))
        });
        let pieces = AxumBody(axum::body::Body::from_stream(Box::pin(pieces)));
        let mut body = guarded(pieces, Pace::idle(2 * SECOND), Observer::None);
        while let Some(frame) = body.frame().await {
            assert!(frame.is_ok());
            // A slow reader.
            tokio::time::sleep(Duration::from_millis(2500)).await;
        }
    }

    #[tokio::test]
    async fn a_source_that_stands_still_is_given_up() {
        let never =
            AxumBody(axum::body::Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()));
        let mut body = guarded(never, Pace::idle(Duration::from_millis(100)), Observer::None);
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
    }
}
