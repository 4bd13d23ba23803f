//! Listings.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use causeway_internal::accounts::Account;
use causeway_internal::files::{ItemInfo, ListDirectory};
use causeway_internal::listing::{ENTRIES_PER_FRAME, ListingHead, write_batch, write_head};
use causeway_internal::{Fault, FaultCode};
use causeway_paths::TempName;
use causeway_smb::Metadata;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::page::page;
use super::{Files, Place, item};
use crate::shares::fault;
use crate::watches::Listing;

/// Listings that are read from servers at once; the rest wait, so that a storm of listings starves nothing else on the
/// servers.
const LISTINGS_AT_ONCE: usize = 6;

/// Entries that wait for clients to take them, all listings together: some 150 MB at 300 bytes each. A client that does
/// not read its listing holds up no more than that.
const MAX_HELD: usize = 500_000;

/// What bounds listings.
pub(super) struct Listings {
    turns: Semaphore,
    held: Arc<Semaphore>,
}

impl Default for Listings {
    fn default() -> Self {
        Self { turns: Semaphore::new(LISTINGS_AT_ONCE), held: Arc::new(Semaphore::new(MAX_HELD)) }
    }
}

impl Listings {
    /// Room for that many entries, until it is dropped. One listing always fits, however long, while there is no other.
    fn hold(&self, entries: usize) -> Result<OwnedSemaphorePermit, Fault> {
        let entries = u32::try_from(entries.min(MAX_HELD)).unwrap_or(u32::MAX);
        Arc::clone(&self.held).try_acquire_many_owned(entries).map_err(|_| {
            Fault::new(FaultCode::Busy, "Too many listings wait for their readers").retry_after(5)
        })
    }
}

/// How long a listing waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// The frames of a listing.
pub(crate) type Frames = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

impl Files {
    /// The entries of a directory as binary frames. Our own temporary siblings are left out.
    pub(crate) async fn list(&self, account: &Account, call: ListDirectory) -> Result<Frames, Fault> {
        let place = self.readable(account, call.connection, call.path).await?;
        let listing = match self.watches.remembered(&place.connection, &place.full) {
            Some(remembered) => remembered.list(&place.pool, self.read_listing(&place), shown).await?,
            None => Arc::new(shown(self.read_listing(&place).await?)),
        };
        let (head, items) = match &call.page {
            Some(request) => {
                let (head, items) = page(Arc::unwrap_or_clone(listing), request)?;
                (head, Arc::new(items))
            }
            None => (ListingHead { total: listing.len() as u64, next_cursor: None }, listing),
        };
        let held = self.listings.hold(items.len())?;
        let mut first = Vec::new();
        write_head(&head, &mut first).map_err(|error| {
            tracing::error!(%error, "the head of a listing could not be written");
            Fault::new(FaultCode::Internal, "Internal error")
        })?;
        Ok(Box::pin(frames(first, items, held)))
    }

    /// Reads a directory from its server, when it is its turn.
    async fn read_listing(&self, place: &Place) -> Result<Vec<Metadata>, Fault> {
        let _turn = tokio::time::timeout(TURN_TIMEOUT, self.listings.turns.acquire())
            .await
            .map_err(|_| Fault::new(FaultCode::Busy, "Too many listings at the moment").retry_after(1))?;
        // Only from here on: a listing that waits for its turn keeps no scan back.
        let looking = self.indexes.listing(&place.connection);
        let listed = place.pool.list(&place.full).await;
        match &listed {
            Ok(entries) => looking.shows(&place.path, entries),
            Err(error) => looking.fails(&place.path, error.kind()),
        }
        listed.map_err(|error| fault(&error))
    }
}

/// What people see of a directory.
fn shown(entries: Vec<Metadata>) -> Vec<ItemInfo> {
    entries.into_iter().filter(|entry| TempName::parse(&entry.name).is_none()).map(item).collect()
}

/// The head, then the items in batches, each written when the one before has been taken. `held` is given back with the
/// items.
fn frames(
    head: Vec<u8>,
    items: Listing,
    held: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
    futures::stream::unfold((Some(head), items, 0, held), |(head, items, from, held)| async move {
        let mut frame = head.unwrap_or_default();
        let to = (from + ENTRIES_PER_FRAME).min(items.len());
        if from < to
            && let Err(error) = write_batch(&items[from..to], &mut frame)
        {
            return Some((Err(std::io::Error::other(error)), (None, Listing::default(), 0, held)));
        }
        (!frame.is_empty()).then(|| (Ok(Bytes::from(frame)), (None, items, to, held)))
    })
}
