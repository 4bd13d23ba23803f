//! The body of a form on its way to the parser, which would take in all that there is.
//!
//! multer 3.1 reads its body for as long as there is something at once and keeps all of it in one buffer before it gives
//! out a piece. While a slow disk holds up the reader, that may be as much as a client can send. So the body pauses after
//! every mouthful.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

/// What the parser gets at a time, in bytes, or one piece as it arrived: enough to keep it busy.
const MOUTHFUL: usize = 256 * 1024;

/// What may arrive between two parts of a form, in bytes: the next one's head, and what has come behind it already.
const MAX_BETWEEN_PARTS: usize = 8 * 1024 * 1024;

/// Bytes that may still arrive before the next part must have begun.
pub(super) struct HeadBudget(Arc<AtomicUsize>);

impl Default for HeadBudget {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX_BETWEEN_PARTS)))
    }
}

impl HeadBudget {
    /// A part has begun, or goes on.
    pub(super) fn renew(&self) {
        self.0.store(MAX_BETWEEN_PARTS, Ordering::Relaxed);
    }

    /// The body in mouthfuls, ended where the budget is used up.
    pub(super) fn watch<S>(&self, body: S) -> Intake<S> {
        Intake { body, left: Arc::clone(&self.0), swallowed: 0 }
    }
}

/// A body that says "not yet" after every mouthful, and wakes whoever reads it at once.
pub(super) struct Intake<S> {
    body: S,
    left: Arc<AtomicUsize>,
    /// Given out since the last pause, in bytes.
    swallowed: usize,
}

impl<S> Stream for Intake<S>
where
    S: Stream<Item = Result<Bytes, axum::Error>> + Unpin,
{
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.swallowed >= MOUTHFUL {
            self.swallowed = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let arrived = std::task::ready!(Pin::new(&mut self.body).poll_next(context));
        Poll::Ready(arrived.map(|piece| {
            let piece = piece?;
            let left = self.left.load(Ordering::Relaxed).checked_sub(piece.len());
            let left = left.ok_or_else(|| axum::Error::new("the head of a part has no end"))?;
            self.left.store(left, Ordering::Relaxed);
            self.swallowed += piece.len();
            Ok(piece)
        }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use causeway_internal::transfer::BodyForm;

    use super::super::Content;
    use super::*;

    /// A piece as it may come from a client on the same machine.
    const PIECE: usize = 128 * 1024;

    /// More than may arrive between two parts, many times over.
    const PIECES: usize = 1024;

    #[tokio::test]
    async fn a_body_that_is_all_there_is_taken_in_by_mouthfuls() {
        let form = BodyForm::Multipart { field: "file".to_owned() };
        let head = Bytes::from_static(
            b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        );
        let pieces = std::iter::once(head)
            .chain(std::iter::repeat_n(Bytes::from(vec![7; PIECE]), PIECES))
            .chain(std::iter::once(Bytes::from_static(b"\r\n--edge--\r\n")));
        let body = Body::from_stream(futures::stream::iter(pieces.map(Ok::<_, std::io::Error>)));
        let mut content = Content::begin(&form, Some("multipart/form-data; boundary=edge"), body, &[])
            .await
            .expect("a part");
        let mut total = 0;
        while let Some(piece) = content.next().await.expect("a whole form") {
            // The parser may have looked for the beginning and for the first piece before it gives it out.
            assert!(piece.len() <= 3 * MOUTHFUL, "{} bytes at once", piece.len());
            total += piece.len();
        }
        assert_eq!(total, PIECE * PIECES);
    }
}
