//! How far a transfer between connections is, for those who look at its destination.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use uuid::Uuid;

use super::Place;
use crate::watches::{Progress, Watches};

/// At least between two messages of one transfer; the first goes out at once.
const INTERVAL: Duration = Duration::from_millis(250);

/// Tells how far one transfer is.
pub(super) struct Reporter {
    watches: Watches,
    connection: Uuid,
    /// Directory of the destination, below the root of the share.
    directory: SharePath,
    item_name: String,
    operation: u64,
    told: Mutex<Option<Instant>>,
}

impl Reporter {
    /// For a transfer to `dest`.
    pub(super) fn new(watches: Watches, dest: &Place) -> Self {
        Self {
            watches,
            connection: dest.connection.id,
            directory: dest.full.parent().unwrap_or_default(),
            item_name: dest.path.name().unwrap_or_default().to_owned(),
            operation: rand::random(),
            told: Mutex::default(),
        }
    }

    /// It begins: with a file of that size, or with a whole tree.
    pub(super) fn begin(&self, size: Option<u64>) {
        self.report(0, size);
    }

    /// So many bytes of the current file, which has `total`.
    pub(super) fn report(&self, bytes: u64, total: Option<u64>) {
        if is_due(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner), Instant::now()) {
            let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            self.tell(number(bytes), total.map(number));
        }
    }

    /// All of it is done. The contract has no such message for a transfer that failed.
    pub(super) fn finish(&self) {
        self.tell(-1, Some(-1));
    }

    fn tell(&self, bytes_transferred: i64, total_bytes: Option<i64>) {
        let progress = Progress { item_name: self.item_name.clone(), bytes_transferred, total_bytes };
        self.watches.progress(self.connection, &self.directory, self.operation, &progress);
    }
}

/// Whether another message may go out now; if so, it counts as sent.
fn is_due(told: &mut Option<Instant>, now: Instant) -> bool {
    let due = told.is_none_or(|told| now.duration_since(told) >= INTERVAL);
    if due {
        *told = Some(now);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_goes_at_once_and_the_rest_in_their_time() {
        let start = Instant::now();
        let mut told = None;
        let sent: Vec<u64> = (0..1000)
            .step_by(10)
            .filter(|milliseconds| is_due(&mut told, start + Duration::from_millis(*milliseconds)))
            .collect();
        assert_eq!(sent, [0, 250, 500, 750]);
    }
}
