//! Content that is cheap to make and to check at any length and offset.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

/// Length of the piece that repeats, in bytes; a prime, so that a piece put in the wrong place shows.
const PERIOD: usize = 1_048_573;

/// A byte sequence without end that is known everywhere.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The period, twice: any slice up to a period long is contiguous.
    doubled: Bytes,
}

impl Pattern {
    /// The sequence of that seed.
    pub fn new(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut period = vec![0_u8; PERIOD];
        for chunk in period.chunks_mut(8) {
            // xorshift64: even enough that no two places look alike.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
        }
        let doubled = [period.as_slice(), period.as_slice()].concat();
        Self { doubled: doubled.into() }
    }

    /// At most a period of bytes from that offset, without a copy.
    pub fn piece(&self, offset: u64, length: usize) -> Bytes {
        let start = usize::try_from(offset % PERIOD as u64).unwrap_or(0);
        self.doubled.slice(start..start + length.min(PERIOD))
    }

    /// The bytes from that offset.
    pub fn bytes(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let piece = self.piece(offset + bytes.len() as u64, (length - bytes.len()).min(PERIOD));
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    /// The first `length` bytes as a stream of a request's body.
    pub fn reader(&self, length: u64) -> PatternReader {
        PatternReader { pattern: self.clone(), offset: 0, length }
    }

    /// Reads a body to its end and checks that it is this sequence from that offset. Says how much it was.
    pub async fn check(&self, response: reqwest::Response, offset: u64) -> Result<u64> {
        let mut body = response.bytes_stream();
        let mut length = 0;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.context("the body ended too early")?;
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let piece = self.piece(offset + length, rest.len());
                ensure!(rest[..piece.len()] == piece[..], "wrong bytes near {}", offset + length);
                rest = &rest[piece.len()..];
                length += piece.len() as u64;
            }
        }
        Ok(length)
    }

    /// Writes the first `length` bytes to a file.
    pub fn write_file(&self, path: &std::path::Path, length: u64) -> Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
        let mut offset = 0;
        while offset < length {
            let left = usize::try_from(length - offset).unwrap_or(PERIOD);
            let piece = self.piece(offset, left.min(PERIOD));
            file.write_all(&piece).with_context(|| path.display().to_string())?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// Whether the file holds exactly the first `length` bytes.
    pub fn is_file(&self, path: &std::path::Path, length: u64) -> Result<bool> {
        use std::io::Read as _;
        let mut file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        let mut buffer = vec![0; PERIOD];
        let mut offset = 0;
        loop {
            let count = file.read(&mut buffer).with_context(|| path.display().to_string())?;
            if count == 0 {
                return Ok(offset == length);
            }
            if self.piece(offset, count)[..] != buffer[..count] {
                return Ok(false);
            }
            offset += count as u64;
        }
    }
}

/// A stream of the beginning of a [`Pattern`].
#[derive(Debug)]
pub struct PatternReader {
    pattern: Pattern,
    offset: u64,
    length: u64,
}

/// Bytes in a chunk of such a stream.
const CHUNK: u64 = 64 * 1024;

impl Stream for PatternReader {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let left = self.length - self.offset;
        if left == 0 {
            return Poll::Ready(None);
        }
        let piece = self.pattern.piece(self.offset, usize::try_from(left.min(CHUNK)).unwrap_or(0));
        self.offset += piece.len() as u64;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl From<PatternReader> for reqwest::Body {
    fn from(reader: PatternReader) -> Self {
        Self::wrap_stream(reader)
    }
}

/// Reads a body to its end without keeping it. Says how much it was.
pub async fn drain(response: reqwest::Response) -> Result<u64> {
    let mut body = response.bytes_stream();
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        length += chunk.context("the body ended too early")?.len() as u64;
    }
    Ok(length)
}
