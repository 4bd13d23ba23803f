//! What components write to stdout and stderr.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::MAX_LOG_LINE;
use crate::config::{LogLine, LogSink};

/// Bytes that a component may write in one call (64 KiB): lines are far shorter.
const WRITE_PERMIT: usize = 64 << 10;

/// One output of one instance, cut into lines.
#[derive(Clone)]
pub(crate) struct LogStream(Arc<Lines>);

struct Lines {
    component: Arc<str>,
    is_error: bool,
    sink: Option<LogSink>,
    /// The line so far, never longer than [`MAX_LOG_LINE`].
    partial: Mutex<Vec<u8>>,
}

impl LogStream {
    pub(crate) fn new(component: Arc<str>, is_error: bool, sink: Option<LogSink>) -> Self {
        Self(Arc::new(Lines { component, is_error, sink, partial: Mutex::new(Vec::new()) }))
    }
}

impl Lines {
    fn write(&self, mut bytes: &[u8]) {
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        while !bytes.is_empty() {
            let room = &bytes[..bytes.len().min(MAX_LOG_LINE - partial.len())];
            let (piece, ended) = match room.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&room[..end], true),
                None => (room, false),
            };
            partial.extend_from_slice(piece);
            bytes = &bytes[piece.len() + usize::from(ended)..];
            if ended || partial.len() == MAX_LOG_LINE {
                self.emit(&partial);
                partial.clear();
            }
        }
    }

    fn emit(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        // Control characters could make one line look like another in a terminal or a log file.
        let text: String =
            text.trim_end().chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        if text.is_empty() {
            return;
        }
        let component = &*self.component;
        if self.is_error {
            tracing::warn!(target: "causeway_host::component", component, "{text}");
        } else {
            tracing::info!(target: "causeway_host::component", component, "{text}");
        }
        if let Some(LogSink(sink)) = &self.sink {
            sink(LogLine { component, is_error: self.is_error, text: &text });
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let rest = std::mem::take(self.partial.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !rest.is_empty() {
            self.emit(&rest);
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_PERMIT)
    }
}
