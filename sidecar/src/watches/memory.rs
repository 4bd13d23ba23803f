//! Listings of watched directories, remembered for a moment.

use std::sync::Arc;
use std::time::Instant;

use causeway_internal::files::ItemInfo;
use causeway_smb::{Metadata, SharePool};

use super::contents::{Listing, fingerprint};
use super::watched::Watched;
use crate::metrics::Metrics;

/// What is remembered of a directory that is watched at the moment.
pub(crate) struct Remembered {
    watched: Arc<Watched>,
    metrics: Arc<Metrics>,
}

impl Remembered {
    pub(super) fn new(watched: Arc<Watched>, metrics: Arc<Metrics>) -> Self {
        Self { watched, metrics }
    }

    /// The directory's entries: from memory, if nothing has changed by all that is known and by the directory's own
    /// change time, which is asked for each time; otherwise from `read`, made what people see of it by `shown`.
    ///
    /// Who asks while somebody else reads waits for that and shares what comes of it, if it is still true then.
    pub(crate) async fn list<E>(
        &self,
        pool: &SharePool,
        read: impl Future<Output = Result<Vec<Metadata>, E>>,
        shown: impl FnOnce(Vec<Metadata>) -> Vec<ItemInfo>,
    ) -> Result<Listing, E> {
        let contents = &self.watched.contents;
        let (turn, waited) = match self.watched.reading.try_lock() {
            Ok(turn) => (turn, false),
            Err(_) => (self.watched.reading.lock().await, true),
        };
        // Before the content, so that what changes meanwhile is found the next time.
        let ticket = contents.ticket();
        let stamp = pool.stat(&self.watched.key.path).await.ok().map(|directory| directory.changed);
        if contents.holds()
            && let Some(listing) = stamp.and_then(|stamp| contents.held(stamp))
        {
            self.metrics.listings_remembered.count();
            return Ok(listing);
        }
        // Those who waited in vain do not wait for each other as well.
        let turn = (!waited).then_some(turn);
        self.metrics.listings_read.count();
        let begun = Instant::now();
        let entries = read.await?;
        let seen = fingerprint(&entries);
        let listing: Listing = Arc::new(shown(entries));
        if let Some(stamp) = stamp {
            contents.keep(ticket, stamp, begun, seen, &listing);
        }
        drop(turn);
        Ok(listing)
    }
}
