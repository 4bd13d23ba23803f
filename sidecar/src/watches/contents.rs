//! What is known of a watched directory's content: what those who look at it have seen, and for a moment the listing
//! itself.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_internal::files::ItemInfo;
use causeway_paths::TempName;
use causeway_smb::Metadata;
use causeway_versions::FileTime;

use crate::metrics::Metrics;

/// How long a listing is served from memory. Servers do not report everything (Samba keeps quiet on what is appended
/// beside SMB), so this is how old such a thing may be; and it is long enough for all who were just told of a change to
/// share one listing.
const FRESH: Duration = Duration::from_secs(2);

/// Bytes that all listings in memory may have together: some fifty of the largest directories that people look at.
const MOST_BYTES: i64 = 64 * 1024 * 1024;

/// What an entry takes beside its name, about.
const ENTRY_BYTES: usize = size_of::<ItemInfo>();

/// A listing that is kept.
pub(crate) type Listing = Arc<Vec<ItemInfo>>;

/// What is known of one directory.
pub(super) struct Contents {
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    /// Grows with every change: what was read before one says nothing of what is there after it.
    generation: u64,
    /// Fingerprint of what was last read, for somebody or to compare.
    seen: Option<u64>,
    /// Change time of the directory itself, likewise.
    stamp: Option<FileTime>,
    held: Option<Held>,
}

struct Held {
    listing: Listing,
    /// Change time of the directory before it was read.
    stamp: FileTime,
    read: Instant,
    bytes: i64,
}

/// The state of things when a reading began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// As it was, or nothing was known before.
    Nothing,
    /// Something that nobody had reported.
    Change,
    /// It changed meanwhile; the comparison says nothing.
    Overtaken,
}

impl Contents {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { state: Mutex::default(), metrics }
    }

    /// Forgets everything, because something changed.
    pub(super) fn outdate(&self) {
        let mut state = self.lock();
        state.generation += 1;
        state.seen = None;
        state.stamp = None;
        self.let_go(&mut state);
    }

    /// Before something is read.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.lock().generation)
    }

    /// Compares the directory's own change time with the last known one.
    pub(super) fn compare_stamp(&self, ticket: Ticket, stamp: FileTime) -> Found {
        let mut state = self.lock();
        if state.generation != ticket.0 {
            return Found::Overtaken;
        }
        match state.stamp.replace(stamp) {
            Some(known) if known != stamp => Found::Change,
            _ => Found::Nothing,
        }
    }

    /// Compares what is in the directory with what was last read of it.
    pub(super) fn compare(&self, ticket: Ticket, entries: &[Metadata]) -> Found {
        let fingerprint = fingerprint(entries);
        let mut state = self.lock();
        if state.generation != ticket.0 {
            return Found::Overtaken;
        }
        match state.seen.replace(fingerprint) {
            Some(seen) if seen != fingerprint => Found::Change,
            _ => Found::Nothing,
        }
    }

    /// The listing in memory, if it is recent and the directory still has the change time that it had.
    pub(super) fn held(&self, now: FileTime) -> Option<Listing> {
        let state = self.lock();
        let held = state.held.as_ref()?;
        (held.stamp == now && held.read.elapsed() < FRESH).then(|| Arc::clone(&held.listing))
    }

    /// Whether there is a listing that may still be served.
    pub(super) fn holds(&self) -> bool {
        self.lock().held.as_ref().is_some_and(|held| held.read.elapsed() < FRESH)
    }

    /// Keeps what somebody is about to see, unless something changed since the reading began or the memory is full.
    /// `stamp` is the directory's change time before the reading.
    pub(super) fn keep(
        &self,
        ticket: Ticket,
        stamp: FileTime,
        read: Instant,
        fingerprint: u64,
        listing: &Listing,
    ) {
        let bytes = listing.iter().map(|item| item.name.capacity() + ENTRY_BYTES).sum::<usize>();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut state = self.lock();
        if state.generation != ticket.0 {
            return;
        }
        state.seen = Some(fingerprint);
        self.let_go(&mut state);
        if self.metrics.listing_bytes.value().saturating_add(bytes) <= MOST_BYTES {
            self.metrics.listing_bytes.change(bytes);
            state.held = Some(Held { listing: Arc::clone(listing), stamp, read, bytes });
        }
    }

    /// Gives the memory of a listing back that is too old to be served.
    pub(super) fn tidy(&self) {
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| held.read.elapsed() >= FRESH) {
            self.let_go(&mut state);
        }
    }

    fn let_go(&self, state: &mut State) {
        if let Some(held) = state.held.take() {
            self.metrics.listing_bytes.change(-held.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *self.lock());
        self.let_go(&mut state);
    }
}

/// A number for everything that people see of a directory, in whatever order the server lists it; our own temporary
/// siblings are no part of that.
pub(super) fn fingerprint(entries: &[Metadata]) -> u64 {
    entries.iter().filter(|entry| TempName::parse(&entry.name).is_none()).fold(0, |sum: u64, entry| {
        let mut hasher = DefaultHasher::new();
        entry.name.hash(&mut hasher);
        entry.kind.hash(&mut hasher);
        (entry.size, entry.attributes, entry.file_id).hash(&mut hasher);
        (entry.modified.to_raw(), entry.changed.to_raw(), entry.created.to_raw()).hash(&mut hasher);
        sum.wrapping_add(hasher.finish())
    })
}

#[cfg(test)]
mod tests {
    use causeway_smb::EntryKind;

    use super::*;

    fn entry(name: &str, size: u64) -> Metadata {
        Metadata {
            name: name.to_owned(),
            kind: EntryKind::File,
            is_link: false,
            size,
            created: FileTime::UNKNOWN,
            accessed: FileTime::UNKNOWN,
            modified: FileTime::UNKNOWN,
            changed: FileTime::UNKNOWN,
            attributes: 0,
            file_id: 1,
            volume_id: None,
        }
    }

    fn stamp(raw: u64) -> FileTime {
        FileTime::from_raw(raw)
    }

    #[test]
    fn the_order_of_a_listing_is_no_change_and_a_size_is() {
        let (a, b) = (entry("a", 1), entry("b", 2));
        assert_eq!(fingerprint(&[a.clone(), b.clone()]), fingerprint(&[b.clone(), a.clone()]));
        assert_ne!(fingerprint(&[a.clone(), b]), fingerprint(&[a, entry("b", 3)]));
    }

    #[test]
    fn what_was_seen_is_compared_until_it_is_outdated() {
        let contents = Contents::new(Arc::default());
        let ticket = contents.ticket();
        assert_eq!(contents.compare(ticket, &[entry("a", 1)]), Found::Nothing, "nothing was known");
        assert_eq!(contents.compare(ticket, &[entry("a", 1)]), Found::Nothing);
        assert_eq!(contents.compare(ticket, &[entry("a", 2)]), Found::Change);
        assert_eq!(contents.compare(ticket, &[entry("a", 2)]), Found::Nothing, "told once");
        contents.outdate();
        assert_eq!(contents.compare(ticket, &[entry("a", 3)]), Found::Overtaken);
        assert_eq!(contents.compare(contents.ticket(), &[entry("a", 3)]), Found::Nothing);
        assert_eq!(contents.compare_stamp(contents.ticket(), stamp(1)), Found::Nothing);
        assert_eq!(contents.compare_stamp(contents.ticket(), stamp(2)), Found::Change);
    }

    #[test]
    fn a_listing_that_a_change_overtook_is_not_kept() {
        let metrics = Arc::new(Metrics::default());
        let contents = Contents::new(Arc::clone(&metrics));
        let listing: Listing = Arc::default();
        let before = contents.ticket();
        contents.outdate();
        contents.keep(before, stamp(1), Instant::now(), 0, &listing);
        assert!(contents.held(stamp(1)).is_none());
        contents.keep(contents.ticket(), stamp(1), Instant::now(), 0, &listing);
        assert!(contents.held(stamp(1)).is_some());
        assert!(contents.held(stamp(2)).is_none(), "the directory has changed");
        contents.outdate();
        assert!(contents.held(stamp(1)).is_none());
        assert_eq!(metrics.listing_bytes.value(), 0);
    }

    #[test]
    fn an_old_listing_is_not_served_and_its_memory_is_given_back() {
        let metrics = Arc::new(Metrics::default());
        let contents = Contents::new(Arc::clone(&metrics));
        let Some(long_ago) = Instant::now().checked_sub(FRESH) else { return };
        let item = ItemInfo {
            name: "a".to_owned(),
            kind: causeway_internal::files::ItemKind::File,
            size: 0,
            created: FileTime::UNKNOWN,
            modified: FileTime::UNKNOWN,
            changed: FileTime::UNKNOWN,
            attributes: 0,
            file_id: 0,
        };
        contents.keep(contents.ticket(), stamp(1), long_ago, 0, &Arc::new(vec![item]));
        assert!(contents.held(stamp(1)).is_none());
        assert!(metrics.listing_bytes.value() > 0);
        contents.tidy();
        assert_eq!(metrics.listing_bytes.value(), 0);
    }
}
