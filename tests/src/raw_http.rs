//! Requests that no proper client sends: broken off, malformed, byte by byte.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Bytes to be sent as a request.
#[derive(Debug, Clone)]
pub struct RawRequest {
    host: String,
    bytes: Vec<u8>,
}

/// The head of what came back.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// Status line, headers and body.
    pub text: String,
}

impl RawRequest {
    /// Begins with a request line and a host. `target` is sent as it is.
    pub fn new(address: &str, method: &str, target: &str) -> Self {
        let host = address.trim_start_matches("http://").to_owned();
        let bytes =
            format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n").into_bytes();
        Self { host, bytes }
    }

    /// A header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        self
    }

    /// Ends the head and adds a body.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(body);
        self
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Sends all of it and reads the answer.
    pub async fn send(&self) -> Result<RawAnswer> {
        let mut stream = TcpStream::connect(&self.host).await.context("no connection")?;
        stream.write_all(&self.bytes).await.context("the request was cut")?;
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        tokio::time::timeout(ANSWER_WITHIN, reading)
            .await
            .context("no answer in time")?
            .context("the answer was cut")?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status =
            text.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status line")?;
        Ok(RawAnswer { status, text })
    }

    /// Sends that many bytes, then breaks the connection off.
    pub async fn break_off_after(&self, count: usize) -> Result<()> {
        let mut stream = TcpStream::connect(&self.host).await.context("no connection")?;
        stream.write_all(&self.bytes[..count.min(self.bytes.len())]).await.context("the request was cut")?;
        stream.flush().await.context("the request was cut")?;
        // An orderly end half of the time, a reset the other half: both happen on real networks.
        if count.is_multiple_of(2) {
            stream.set_zero_linger().context("no reset")?;
        }
        drop(stream);
        Ok(())
    }
}
