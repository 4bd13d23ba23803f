//! Connections whose peer stops reading.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::activity::Activity;
use super::peers::Place;

/// Bytes that may wait unsent in the system for one connection.
///
/// The system takes the next write when half of them have gone. Left alone it would first queue megabytes, and a peer
/// that takes 20 KB/s would look for a minute as if it took nothing; with this the write waits for
/// some seconds. What is sent and not yet acknowledged is not counted, so that fast and long lines are filled as before.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 256 << 10;

/// Fails a write that makes no progress for so long. A client that stops reading in the middle of a download would
/// otherwise hold its request's place, and the handle on the server behind it, for ever.
///
/// Holds the connection's own place too: it lives as long as the socket, also when that has become a WebSocket.
pub(super) struct StallGuard {
    stream: TcpStream,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    activity: Arc<Activity>,
    _place: Place,
}

impl StallGuard {
    pub(super) fn new(stream: TcpStream, limit: Duration, activity: Arc<Activity>, place: Place) -> Self {
        if let Err(error) = keep_queue_short(&stream) {
            tracing::debug!(%error, "slow readers may look stalled");
        }
        Self { stream, limit, stalled: None, activity, _place: place }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.activity.set_writing(polled.is_pending());
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn keep_queue_short(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)
}

/// Elsewhere the whole queue is bounded, which long fat lines feel.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn keep_queue_short(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_send_buffer_size(1 << 20)
}

impl AsyncRead for StallGuard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for StallGuard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, polled)
    }
}
