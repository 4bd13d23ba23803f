//! Bursts of changes as few messages: the first at once, the rest together, the last one never lost.

use std::time::Duration;

use tokio::time::Instant;

/// At least between two messages on one directory.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// Decides when a change is told.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    told: Option<Instant>,
    /// Something changed that has not been told.
    pending: bool,
}

impl Pacer {
    /// Something changed: whether to tell it now. Otherwise [`due`](Self::due) says when.
    pub(super) fn note(&mut self, now: Instant) -> bool {
        self.pending = true;
        self.fire(now)
    }

    /// Whether there is something to tell whose time has come; it counts as told then.
    pub(super) fn fire(&mut self, now: Instant) -> bool {
        let ready = self.pending && self.told.is_none_or(|told| now >= told + INTERVAL);
        if ready {
            self.pending = false;
            self.told = Some(now);
        }
        ready
    }

    /// When there is something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        self.told.filter(|_| self.pending).map(|told| told + INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Changes at any moments, with a timer that rings when it should: every change is followed by a message, the
        /// first at once, and no two are closer together than the interval.
        #[test]
        fn no_change_is_lost_and_no_burst_gets_through(gaps in proptest::collection::vec(0_u64..400, 1..60)) {
            let start = Instant::now();
            let mut pacer = Pacer::default();
            let (mut now, mut told, mut last_change) = (start, Vec::new(), start);
            for (index, gap) in gaps.into_iter().enumerate() {
                let next = now + Duration::from_millis(gap);
                while let Some(due) = pacer.due().filter(|due| *due <= next) {
                    prop_assert!(pacer.fire(due));
                    told.push(due);
                }
                now = next;
                last_change = now;
                let at_once = pacer.note(now);
                if at_once {
                    told.push(now);
                }
                prop_assert!(index > 0 || at_once);
            }
            if let Some(due) = pacer.due() {
                prop_assert!(pacer.fire(due));
                told.push(due);
            }
            prop_assert!(pacer.due().is_none());
            prop_assert!(*told.last().unwrap() >= last_change);
            prop_assert!(told.windows(2).all(|pair| pair[1] - pair[0] >= INTERVAL));
        }
    }
}
