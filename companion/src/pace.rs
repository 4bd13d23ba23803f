//! When things are due: heartbeats, renewals, further attempts.
//!
//! A machine that slept has a monotonic clock that stood still (`CLOCK_MONOTONIC` on Linux does not count suspension)
//! and a wall clock that jumped; a person who sets the clock back has the opposite. What has passed is the longer of
//! the two, so that a heartbeat comes rather too early than too late.

use std::time::{Duration, Instant, SystemTime};

/// How often the server is told that the editing goes on (contract 9.11). It forgets a lock after 120 seconds.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// How often it is looked whether something is due; also how late a heartbeat after sleep can be.
pub const LOOK: Duration = Duration::from_secs(1);

/// The waits after heartbeats that failed in a row: short ones first, because most losses of a network are short.
const AFTER_FAILURE: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20)];

/// The waits before the second and the third attempt at a transfer (contract 9.8).
pub const ATTEMPTS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// The waits between further attempts to save, when somebody has the patience; the last one repeats.
const PATIENT: [Duration; 4] =
    [Duration::from_secs(3), Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20)];

/// How long to wait after that many failures before the next attempt, when `elapsed` has passed since the first. `None`:
/// that was the last one. There are three in any case, and more as far as the patience goes.
pub fn next_wait(failures: usize, elapsed: Duration, patience: Duration) -> Option<Duration> {
    if let Some(wait) = ATTEMPTS.get(failures) {
        return Some(*wait);
    }
    let wait = PATIENT[(failures - ATTEMPTS.len()).min(PATIENT.len() - 1)];
    (elapsed + wait <= patience).then_some(wait)
}

/// A point in time by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Runs evenly, and stands still while the machine sleeps.
    pub running: Instant,
    /// Goes on while the machine sleeps, and can be set.
    pub wall: SystemTime,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self { running: Instant::now(), wall: SystemTime::now() }
    }

    /// How long after `earlier` it is.
    pub fn since(self, earlier: Self) -> Duration {
        let running = self.running.saturating_duration_since(earlier.running);
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        running.max(wall)
    }
}

/// When the next heartbeat is due.
#[derive(Debug, Clone)]
pub struct Pulse {
    interval: Duration,
    last: Moment,
    wait: Duration,
    failures: usize,
}

impl Pulse {
    /// A heartbeat has just come through, or a lock was just granted; they follow one another at that interval.
    pub fn new(now: Moment, interval: Duration) -> Self {
        Self { interval, last: now, wait: interval, failures: 0 }
    }

    /// Whether the next one is due.
    pub fn is_due(&self, now: Moment) -> bool {
        now.since(self.last) >= self.wait
    }

    /// One came through.
    pub fn came_through(&mut self, now: Moment) {
        *self = Self::new(now, self.interval);
    }

    /// One did not.
    pub fn failed(&mut self, now: Moment) {
        let wait = AFTER_FAILURE.get(self.failures).copied().unwrap_or(self.interval);
        self.last = now;
        self.wait = wait.min(self.interval);
        self.failures += 1;
    }

    /// How many did not come through since the last one that did.
    pub fn failures(&self) -> usize {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use proptest::prelude::*;

    use super::{HEARTBEAT, Moment, Pulse, next_wait};

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn start() -> Moment {
        Moment { running: Instant::now(), wall: SystemTime::UNIX_EPOCH + seconds(1_800_000_000) }
    }

    fn later(moment: Moment, running: u64, wall: u64) -> Moment {
        Moment { running: moment.running + seconds(running), wall: moment.wall + seconds(wall) }
    }

    #[test]
    fn a_heartbeat_is_due_every_thirty_seconds() {
        let start = start();
        let mut pulse = Pulse::new(start, HEARTBEAT);
        assert!(!pulse.is_due(later(start, 29, 29)));
        assert!(pulse.is_due(later(start, 30, 30)));
        pulse.came_through(later(start, 30, 30));
        assert!(!pulse.is_due(later(start, 59, 59)));
        assert!(pulse.is_due(later(start, 60, 60)));
    }

    #[test]
    fn after_sleep_it_is_due_at_once() {
        let start = start();
        let pulse = Pulse::new(start, HEARTBEAT);
        assert!(pulse.is_due(later(start, 1, 8 * 3600)), "the monotonic clock stood still");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_delay_it() {
        let start = start();
        let pulse = Pulse::new(start, HEARTBEAT);
        let set_back = Moment { running: start.running + seconds(30), wall: start.wall - seconds(3600) };
        assert!(pulse.is_due(set_back));
    }

    #[test]
    fn a_lost_network_is_tried_again_soon_and_then_at_the_usual_pace() {
        let mut now = start();
        let mut pulse = Pulse::new(now, HEARTBEAT);
        let mut waits = Vec::new();
        for _ in 0..6 {
            pulse.failed(now);
            let wait = (1..100).find(|wait| pulse.is_due(later(now, *wait, *wait))).expect("due some time");
            waits.push(wait);
            now = later(now, wait, wait);
        }
        assert_eq!(waits, [2, 5, 10, 20, 30, 30]);
        assert_eq!(pulse.failures(), 6);
        pulse.came_through(now);
        assert_eq!(pulse.failures(), 0);
        assert!(!pulse.is_due(later(now, 29, 29)));
    }

    #[test]
    fn there_are_three_attempts_and_more_for_the_patient() {
        let waits = |patience: u64| {
            let (mut waits, mut elapsed) = (Vec::new(), 0);
            while let Some(wait) = next_wait(waits.len(), seconds(elapsed), seconds(patience)) {
                elapsed += wait.as_secs();
                waits.push(wait.as_secs());
            }
            waits
        };
        assert_eq!(waits(0), [1, 2]);
        assert_eq!(waits(5), [1, 2]);
        assert_eq!(waits(60), [1, 2, 3, 5, 10, 20]);
        assert_eq!(waits(100), [1, 2, 3, 5, 10, 20, 20, 20]);
    }

    proptest! {
        #[test]
        fn no_gap_between_heartbeats_is_longer_than_the_interval(failures in 0_usize..40) {
            let now = start();
            let mut pulse = Pulse::new(now, HEARTBEAT);
            for _ in 0..failures {
                pulse.failed(now);
            }
            prop_assert!(pulse.is_due(later(now, 30, 30)));
        }
    }
}
