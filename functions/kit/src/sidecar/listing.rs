//! A listing on its way from the sidecar.

use causeway_internal::listing::{FrameReader, ListedItem, ListingHead};

use super::Refusal;
use crate::body::RawBody;

/// How much of a listing one read takes, in bytes: what the host has at hand, up to a few frames.
const READ_BYTES: usize = 128 * 1024;

/// A directory's entries, as they arrive.
pub struct Listing {
    head: ListingHead,
    frames: FrameReader,
    body: Option<RawBody>,
}

impl Listing {
    pub(super) async fn begin(body: RawBody) -> Result<Self, Refusal> {
        let mut listing = Self {
            head: ListingHead { total: 0, next_cursor: None },
            frames: FrameReader::default(),
            body: Some(body),
        };
        loop {
            if let Some(head) = listing.frames.head().map_err(Refusal::unavailable)? {
                listing.head = head;
                return Ok(listing);
            }
            if !listing.read_on().await? {
                return Err(Refusal::unavailable("a listing ended before its head"));
            }
        }
    }

    /// What is said before the entries.
    pub fn head(&self) -> &ListingHead {
        &self.head
    }

    /// The next entries, in the sidecar's order; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the listing breaks off: the entries so far are not all.
    pub async fn next(&mut self) -> Result<Option<Vec<ListedItem<'_>>>, Refusal> {
        while !self.frames.is_ready() {
            if !self.read_on().await? {
                return Ok(None);
            }
        }
        self.frames.items().map_err(Refusal::unavailable)
    }

    /// Takes the next piece of the body; false at its end.
    async fn read_on(&mut self) -> Result<bool, Refusal> {
        let Some(body) = &mut self.body else { return Ok(false) };
        if let Some(piece) = body.next_piece(Vec::new(), READ_BYTES).await {
            self.frames.push(&piece);
            return Ok(true);
        }
        self.frames.finish().map_err(Refusal::unavailable)?;
        if let Some(body) = self.body.take() {
            body.finish().await.map_err(|error| Refusal::unavailable(format!("{error:?}")))?;
        }
        Ok(false)
    }
}
