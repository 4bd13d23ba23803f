//! The body of an answer on its way to the peer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Version;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::activity::Busy;

/// Keeps its connection busy until the end, and on HTTP/2 is given up when the peer takes nothing of it for too long.
///
/// On HTTP/1.1 a peer that stops reading stops the socket, and `StallGuard` notices. On HTTP/2 it may go on
/// with everything else and only leave one stream's window closed (RFC 9113 5.2); nobody asks for the next frame
/// then, and the request's place would be held for ever. The stream itself is reset when the peer comes back to it.
pub(super) struct AnswerBody {
    way: Arc<Mutex<Way>>,
    _watch: Option<AbortOnDropHandle<()>>,
}

struct Way {
    /// `None`: given up.
    body: Option<(Body, Busy)>,
    /// Since when a frame waits to be taken; `None` while the peer waits for the next one.
    offered: Option<Instant>,
}

impl AnswerBody {
    /// The body of an answer in this version of HTTP. `limit` is how long a frame may wait to be taken.
    pub(super) fn new(body: Body, busy: Busy, version: Version, limit: Duration) -> Self {
        let ended = body.is_end_stream();
        let offered = Some(Instant::now());
        let way = Arc::new(Mutex::new(Way { body: Some((body, busy)), offered }));
        let watched = version == Version::HTTP_2 && !ended;
        let watch = watched.then(|| AbortOnDropHandle::new(tokio::spawn(watch(Arc::clone(&way), limit))));
        Self { way, _watch: watch }
    }
}

async fn watch(way: Arc<Mutex<Way>>, limit: Duration) {
    loop {
        let now = Instant::now();
        let deadline = lock(&way).offered.unwrap_or(now) + limit;
        if deadline <= now {
            let given_up = lock(&way).body.take();
            drop(given_up);
            return;
        }
        tokio::time::sleep_until(deadline).await;
    }
}

fn lock(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut way = lock(&self.way);
        let Some((body, _)) = &mut way.body else {
            return Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))));
        };
        let polled = Pin::new(body).poll_frame(cx);
        way.offered = polled.is_ready().then(Instant::now);
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.way).body.as_ref().is_some_and(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.way).body.as_ref().map_or_else(SizeHint::default, |(body, _)| body.size_hint())
    }
}
