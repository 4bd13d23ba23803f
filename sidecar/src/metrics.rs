//! Figures of what is going on, for Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Everything that is counted. Shared by reference, written from everywhere.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Directories that somebody watches, whatever state their server is in.
    pub(crate) watches: Gauge,
    /// Watches in force on servers; each has one open handle there.
    pub(crate) handles: Gauge,
    /// Subscriptions of all sockets.
    pub(crate) subscribers: Gauge,
    /// Open sockets.
    pub(crate) sockets: Gauge,
    /// Bytes of listings kept in memory.
    pub(crate) listing_bytes: Gauge,
    /// Directories in all indexes in memory.
    pub(crate) directories: Gauge,
    /// Bytes that these indexes take.
    pub(crate) directory_bytes: Gauge,
    /// Indexes that could not take in all directories.
    pub(crate) directory_indexes_full: Gauge,
    /// Edit locks that live, as of the last second.
    pub(crate) locks: Gauge,
    /// Those whose file is held open on its server.
    pub(crate) locks_held: Gauge,
    /// Reports of servers.
    pub(crate) reports: Counter,
    /// Reports that only said that something changed.
    pub(crate) overflows: Counter,
    /// Watches that were opened again after they had been lost.
    pub(crate) reconnects: Counter,
    /// Attempts to open a watch that failed.
    pub(crate) failures: Counter,
    /// Changes that a periodic look found and no server had reported.
    pub(crate) unreported: Counter,
    /// Messages handed to sockets.
    pub(crate) messages: Counter,
    /// Messages that a socket was spared because the same was still waiting for it.
    pub(crate) queue_drops: Counter,
    /// Sockets that were refused.
    pub(crate) sockets_refused: Counter,
    /// Sockets that were ended by us: slow, dead, expired, revoked.
    pub(crate) sockets_ended: Counter,
    /// Listings answered from memory.
    pub(crate) listings_remembered: Counter,
    /// Listings of watched directories read from a server.
    pub(crate) listings_read: Counter,
    /// Scans of whole connections for their indexes that have begun.
    pub(crate) directory_scans_begun: Counter,
    /// Those that have come to their end.
    pub(crate) directory_scans_ended: Counter,
    /// How often the indexes had to wait because a server did not answer.
    pub(crate) directory_scan_failures: Counter,
    /// What indexes have heard of directories: from servers and from our own operations.
    pub(crate) directory_events: Counter,
    /// Reports to indexes that only said that something changed.
    pub(crate) directory_watch_overflows: Counter,
    /// Watches of indexes that were opened again after they had been lost.
    pub(crate) directory_watch_reconnects: Counter,
    /// Attempts to open a watch for an index that failed.
    pub(crate) directory_watch_failures: Counter,
    /// Searches for directories.
    pub(crate) directory_searches: Counter,
    /// Edit locks granted.
    pub(crate) locks_granted: Counter,
    /// Wishes for a lock that were refused, because of another user or of somebody on the share.
    pub(crate) locks_refused: Counter,
    /// Locks that ended without a sign of life.
    pub(crate) locks_expired: Counter,
    /// Edited files saved in their place.
    pub(crate) edits_saved: Counter,
    /// Saves that were refused, because the file was another one or the lock was lost.
    pub(crate) edit_conflicts: Counter,
    /// Those that were kept beside the file.
    pub(crate) edit_copies: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn count(&self) {
        self.add(1);
    }

    /// So many more.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// A number that comes and goes.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    /// So many more, or fewer.
    pub(crate) fn change(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// It is this now.
    pub(crate) fn set(&self, value: usize) {
        self.0.store(i64::try_from(value).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// What it is now.
    pub(crate) fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// All figures in Prometheus' text format, version 0.0.4.
    #[expect(clippy::too_many_lines, reason = "a table, one entry a figure")]
    pub(crate) fn text(&self) -> String {
        let gauges = [
            ("watches", "Directories being watched for somebody.", &self.watches),
            ("watch_handles", "Watches in force, each with an open handle on its server.", &self.handles),
            ("subscribers", "Subscriptions of all sockets.", &self.subscribers),
            ("sockets", "Open sockets.", &self.sockets),
            ("listing_memory_bytes", "Listings of watched directories kept in memory.", &self.listing_bytes),
            ("directories", "Directories in the indexes in memory.", &self.directories),
            ("directory_index_bytes", "Memory that these indexes take.", &self.directory_bytes),
            (
                "directory_indexes_full",
                "Indexes without room for all directories of their share.",
                &self.directory_indexes_full,
            ),
            ("locks", "Edit locks.", &self.locks),
            ("locks_held", "Edit locks whose file is held open on its server.", &self.locks_held),
        ];
        let counters = [
            ("watch_events_total", "Reports of changes by servers.", &self.reports),
            (
                "watch_overflows_total",
                "Reports that named no changes because there were too many.",
                &self.overflows,
            ),
            ("watch_reconnects_total", "Watches opened again after a loss.", &self.reconnects),
            ("watch_failures_total", "Failed attempts to open a watch.", &self.failures),
            (
                "unreported_changes_total",
                "Changes found by a look that no server had reported.",
                &self.unreported,
            ),
            ("socket_messages_total", "Messages handed to sockets.", &self.messages),
            (
                "socket_queue_drops_total",
                "Messages dropped because the same one was still waiting for a slow client.",
                &self.queue_drops,
            ),
            ("sockets_refused_total", "Sockets refused before or at their start.", &self.sockets_refused),
            (
                "sockets_ended_total",
                "Sockets ended by us: slow, dead, expired or revoked.",
                &self.sockets_ended,
            ),
            (
                "listings_remembered_total",
                "Listings of watched directories answered from memory.",
                &self.listings_remembered,
            ),
            (
                "listings_read_total",
                "Listings of watched directories read from their server.",
                &self.listings_read,
            ),
            ("directory_scans_begun_total", "Scans of whole connections begun.", &self.directory_scans_begun),
            (
                "directory_scans_ended_total",
                "Scans of whole connections completed.",
                &self.directory_scans_ended,
            ),
            (
                "directory_scan_failures_total",
                "Times that looking into directories had to wait for a server that did not answer.",
                &self.directory_scan_failures,
            ),
            (
                "directory_events_total",
                "Changes of directories that the indexes have heard of.",
                &self.directory_events,
            ),
            (
                "directory_watch_overflows_total",
                "Reports to indexes that named no changes because there were too many.",
                &self.directory_watch_overflows,
            ),
            (
                "directory_watch_reconnects_total",
                "Watches of indexes opened again after a loss.",
                &self.directory_watch_reconnects,
            ),
            (
                "directory_watch_failures_total",
                "Failed attempts to open a watch for an index.",
                &self.directory_watch_failures,
            ),
            ("directory_searches_total", "Searches for directories.", &self.directory_searches),
            ("locks_granted_total", "Edit locks granted.", &self.locks_granted),
            (
                "locks_refused_total",
                "Edit locks refused: another user or somebody on the share has the file.",
                &self.locks_refused,
            ),
            ("locks_expired_total", "Edit locks that ended without a sign of life.", &self.locks_expired),
            ("edits_saved_total", "Edited files saved in their place.", &self.edits_saved),
            (
                "edit_conflicts_total",
                "Saves refused: the file had changed or the lock was lost.",
                &self.edit_conflicts,
            ),
            ("edit_copies_total", "Refused saves kept beside the file.", &self.edit_copies),
        ];
        let mut text = String::with_capacity(4096);
        for (name, help, gauge) in gauges {
            write_one(&mut text, name, help, "gauge", gauge.value());
        }
        for (name, help, counter) in counters {
            write_one(&mut text, name, help, "counter", counter.0.load(Ordering::Relaxed));
        }
        text
    }
}

fn write_one(text: &mut String, name: &str, help: &str, kind: &str, value: impl std::fmt::Display) {
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "# HELP causeway_{name} {help}\n# TYPE causeway_{name} {kind}\ncauseway_{name} {value}\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_help_and_type() {
        let metrics = Metrics::default();
        metrics.watches.change(3);
        metrics.overflows.count();
        let text = metrics.text();
        assert!(text.contains("# TYPE causeway_watches gauge\ncauseway_watches 3\n"), "{text}");
        assert!(text.contains("# TYPE causeway_watch_overflows_total counter\n"), "{text}");
        assert!(text.contains("\ncauseway_watch_overflows_total 1\n"), "{text}");
        let figures = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(text.lines().count(), 3 * figures);
    }
}
