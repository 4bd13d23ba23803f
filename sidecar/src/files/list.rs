//! Listings.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use causeway_internal::accounts::Account;
use causeway_internal::files::{ItemInfo, ListDirectory};
use causeway_internal::listing::{ENTRIES_PER_FRAME, ListingHead, write_batch, write_head};
use causeway_internal::{Fault, FaultCode};
use causeway_paths::TempName;
use futures::Stream;

use super::page::page;
use super::{Files, item};
use crate::shares::fault;

/// Listings that are read from servers at once; the rest wait, so that a storm of listings starves nothing else on the
/// servers. (What has been read is held until its client has taken it; the host bounds those by its requests.)
pub(super) const LISTINGS_AT_ONCE: usize = 6;

/// How long a listing waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// The frames of a listing.
pub(crate) type Frames = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

impl Files {
    /// The entries of a directory as binary frames. Our own temporary siblings are left out.
    pub(crate) async fn list(&self, account: &Account, call: ListDirectory) -> Result<Frames, Fault> {
        let place = self.readable(account, call.connection, call.path).await?;
        let turn = tokio::time::timeout(TURN_TIMEOUT, self.listings.acquire())
            .await
            .map_err(|_| Fault::new(FaultCode::Busy, "Too many listings at the moment").retry_after(1))?;
        let entries = place.pool.list(&place.full).await.map_err(|error| fault(&error))?;
        drop(turn);
        let items: Vec<ItemInfo> =
            entries.into_iter().filter(|entry| TempName::parse(&entry.name).is_none()).map(item).collect();
        let (head, items) = match &call.page {
            Some(request) => page(items, request)?,
            None => (ListingHead { total: items.len() as u64, next_cursor: None }, items),
        };
        let mut first = Vec::new();
        write_head(&head, &mut first).map_err(|error| {
            tracing::error!(%error, "the head of a listing could not be written");
            Fault::new(FaultCode::Internal, "Internal error")
        })?;
        Ok(Box::pin(frames(first, items)))
    }
}

/// The head, then the items in batches, each written when the one before has been taken.
fn frames(head: Vec<u8>, items: Vec<ItemInfo>) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
    futures::stream::unfold((Some(head), items, 0), |(head, items, from)| async move {
        let mut frame = head.unwrap_or_default();
        let to = (from + ENTRIES_PER_FRAME).min(items.len());
        if from < to
            && let Err(error) = write_batch(&items[from..to], &mut frame)
        {
            return Some((Err(std::io::Error::other(error)), (None, Vec::new(), 0)));
        }
        (!frame.is_empty()).then(|| (Ok(Bytes::from(frame)), (None, items, to)))
    })
}
