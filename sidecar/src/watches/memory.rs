//! Listings of watched directories, remembered for a moment.

use std::sync::Arc;
use std::time::Instant;

use causeway_internal::files::ItemInfo;
use causeway_smb::{Metadata, SharePool};
use causeway_versions::FileTime;

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
        let path = &self.watched.key.path;
        let look = || async move { pool.stat(path).await.ok().map(|directory| directory.changed) };
        self.list_by(look, read, shown).await
    }

    /// The same, with whatever `look` says of the directory's change time.
    async fn list_by<E, L: Future<Output = Option<FileTime>>>(
        &self,
        look: impl Fn() -> L,
        read: impl Future<Output = Result<Vec<Metadata>, E>>,
        shown: impl FnOnce(Vec<Metadata>) -> Vec<ItemInfo>,
    ) -> Result<Listing, E> {
        let contents = &self.watched.contents;
        // A crowd that was told of one change asks side by side: only a reading is waited for, no round trip of another.
        if let Some(listing) = self.held(&look).await {
            return Ok(listing);
        }
        let turn = self.watched.reading.try_lock().ok();
        if turn.is_none() {
            drop(self.watched.reading.lock().await);
            if let Some(listing) = self.held(&look).await {
                return Ok(listing);
            }
            // Those who waited in vain do not wait for each other as well.
        }
        // Before the content, so that what changes meanwhile is found the next time.
        let ticket = contents.ticket();
        let stamp = look().await;
        // Somebody may have read it between the look and the turn.
        if let Some(listing) = stamp.and_then(|stamp| contents.held(stamp)) {
            self.metrics.listings_remembered.count();
            return Ok(listing);
        }
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

    /// The listing in memory, if the directory is still as it was then. Without one the server is not asked.
    async fn held<L: Future<Output = Option<FileTime>>>(&self, look: &impl Fn() -> L) -> Option<Listing> {
        if !self.watched.contents.holds() {
            return None;
        }
        let listing = self.watched.contents.held(look().await?)?;
        self.metrics.listings_remembered.count();
        Some(listing)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use causeway_smb::EntryKind;
    use tokio::time::sleep;
    use uuid::Uuid;

    use super::super::Key;
    use super::*;
    use crate::changes::ShareKey;

    const ROUND_TRIP: Duration = Duration::from_millis(40);

    fn remembered() -> Remembered {
        let path = causeway_paths::SharePath::parse("docs").unwrap();
        let key = Key { connection: Uuid::nil(), revision: 1, path };
        let metrics = Arc::new(Metrics::default());
        let (share, turns) = (ShareKey::new("nas", 445, "data"), Arc::new(tokio::sync::Semaphore::new(1)));
        let watched = Watched::new(key, share, Uuid::nil(), turns, Arc::clone(&metrics));
        Remembered::new(Arc::new(watched), metrics)
    }

    fn file() -> Metadata {
        Metadata {
            name: "a".to_owned(),
            kind: EntryKind::File,
            is_link: false,
            size: 0,
            created: FileTime::UNKNOWN,
            accessed: FileTime::UNKNOWN,
            modified: FileTime::UNKNOWN,
            changed: FileTime::UNKNOWN,
            attributes: 0,
            file_id: 1,
            volume_id: None,
        }
    }

    #[tokio::test]
    async fn a_crowd_shares_one_reading_and_waits_for_no_round_trip_but_its_own() {
        let (remembered, readings) = (remembered(), AtomicUsize::new(0));
        for round in 1..=2 {
            let one = || {
                let read = async {
                    readings.fetch_add(1, Ordering::Relaxed);
                    sleep(ROUND_TRIP).await;
                    Ok::<_, ()>(vec![file()])
                };
                let look = || async {
                    sleep(ROUND_TRIP).await;
                    Some(FileTime::from_raw(1))
                };
                remembered.list_by(look, read, |_| Vec::new())
            };
            let begun = Instant::now();
            let listings = futures::future::join_all((0..200).map(|_| one())).await;
            assert!(listings.iter().all(Result::is_ok));
            // In turn, each with a round trip, it would be eight seconds.
            assert!(begun.elapsed() <= Duration::from_secs(2), "{:?}", begun.elapsed());
            assert_eq!(readings.load(Ordering::Relaxed), round);
            remembered.watched.contents.outdate();
        }
    }
}
