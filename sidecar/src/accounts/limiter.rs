//! How often somebody may try to sign in.
//!
//! Two token buckets, one for the address and one for the user name, refilled continuously. An attempt, good or bad,
//! takes from both or, when either is empty, from neither. A bucket is kept as the moment when it will be full again:
//! whole numbers, nothing to refill, nothing to round.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// Attempts in a row that a full bucket allows.
const CAPACITY: u32 = 10;

/// Between two attempts of one address in the long run: 10 in 5 minutes.
const PER_ADDRESS: Duration = Duration::from_secs(30);

/// Between two attempts on one user name in the long run: 10 in 15 minutes.
const PER_NAME: Duration = Duration::from_secs(90);

/// Buckets of each kind that are kept, so that no flood of names or addresses fills the memory (about 1 MB).
const MAX_BUCKETS: usize = 10_000;

/// The buckets of all addresses and user names seen lately.
pub(super) struct SignInLimiter {
    buckets: Mutex<Buckets>,
}

struct Buckets {
    by_address: BucketStore<String>,
    /// By hash: what people type into this field now and then is their password.
    by_name: BucketStore<[u8; 32]>,
}

impl SignInLimiter {
    pub(super) fn new() -> Self {
        let by_address = BucketStore::new(PER_ADDRESS);
        let by_name = BucketStore::new(PER_NAME);
        Self { buckets: Mutex::new(Buckets { by_address, by_name }) }
    }

    /// Takes one attempt, or says how long to wait. `now` is the time since any fixed moment.
    pub(super) fn take(&self, address: &str, username: &str, now: Duration) -> Result<(), Duration> {
        let name = Sha256::digest(username.trim().as_bytes()).into();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Buckets { by_address, by_name } = &mut *buckets;
        let address = address.to_owned();
        let wait = by_address.wait(&address, now).max(by_name.wait(&name, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        by_address.take(address, now);
        by_name.take(name, now);
        Ok(())
    }
}

/// Buckets of one kind.
struct BucketStore<K> {
    /// Time in which a token comes back.
    interval: Duration,
    /// When each bucket will be full again; one that is not here is full.
    full_at: HashMap<K, Duration>,
}

impl<K: Eq + Hash + Clone> BucketStore<K> {
    fn new(interval: Duration) -> Self {
        Self { interval, full_at: HashMap::new() }
    }

    /// How long until the bucket holds a token; zero when it does now.
    fn wait(&self, key: &K, now: Duration) -> Duration {
        let Some(full_at) = self.full_at.get(key) else { return Duration::ZERO };
        // With one token in it, the bucket is this long from being full.
        let with_one_token = self.interval * (CAPACITY - 1);
        full_at.saturating_sub(now).saturating_sub(with_one_token)
    }

    /// Takes a token; only after [`wait`](Self::wait) said that there is one.
    fn take(&mut self, key: K, now: Duration) {
        if self.full_at.len() >= MAX_BUCKETS && !self.full_at.contains_key(&key) {
            self.make_room(now);
        }
        let full_at = self.full_at.entry(key).or_insert(now);
        *full_at = (*full_at).max(now) + self.interval;
    }

    /// Drops the full buckets, and without any the one that is nearest to it: it limits the least. (Dropping the oldest
    /// would let a flood of fresh names wash away the bucket of the one that is being attacked.)
    fn make_room(&mut self, now: Duration) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < MAX_BUCKETS {
            return;
        }
        let nearest = self.full_at.iter().min_by_key(|(_, full_at)| **full_at).map(|(key, _)| key.clone());
        if let Some(key) = nearest {
            self.full_at.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_eleventh_attempt_on_a_name_waits_a_minute_and_a_half() {
        let limiter = SignInLimiter::new();
        for attempt in 0..10 {
            assert_eq!(limiter.take(&format!("192.0.2.{attempt}"), "anna", at(0)), Ok(()));
        }
        assert_eq!(limiter.take("192.0.2.99", " anna ", at(0)), Err(at(90)));
        assert_eq!(limiter.take("192.0.2.99", "anna", at(89)), Err(at(1)));
        assert_eq!(limiter.take("192.0.2.99", "anna", at(90)), Ok(()));
        assert_eq!(limiter.take("192.0.2.99", "anna", at(90)), Err(at(90)));
    }

    #[test]
    fn the_eleventh_attempt_of_an_address_waits_half_a_minute() {
        let limiter = SignInLimiter::new();
        for attempt in 0..10 {
            assert_eq!(limiter.take("192.0.2.1", &format!("user{attempt}"), at(5)), Ok(()));
        }
        assert_eq!(limiter.take("192.0.2.1", "another", at(5)), Err(at(30)));
        assert_eq!(limiter.take("192.0.2.2", "another", at(5)), Ok(()), "another address is not held up");
    }

    #[test]
    fn a_refused_attempt_costs_neither_bucket() {
        let limiter = SignInLimiter::new();
        for _ in 0..10 {
            assert_eq!(limiter.take("192.0.2.1", "anna", at(0)), Ok(()));
        }
        for _ in 0..100 {
            assert!(limiter.take("192.0.2.1", "berta", at(0)).is_err());
        }
        for attempt in 0..10 {
            assert_eq!(limiter.take(&format!("192.0.2.{}", attempt + 10), "berta", at(0)), Ok(()));
        }
    }

    #[test]
    fn a_flood_of_names_does_not_free_the_one_under_attack() {
        let limiter = SignInLimiter::new();
        for attempt in 0..10 {
            limiter.take(&format!("attacker{attempt}"), "admin", at(0)).expect("the bucket was full");
        }
        for flood in 0..(2 * MAX_BUCKETS) {
            limiter.take(&format!("flood{flood}"), &format!("name{flood}"), at(1)).expect("fresh buckets");
        }
        assert!(limiter.take("yet another", "admin", at(1)).is_err());
        let buckets = limiter.buckets.lock().expect("not poisoned");
        assert!(buckets.by_address.full_at.len() <= MAX_BUCKETS);
        assert!(buckets.by_name.full_at.len() <= MAX_BUCKETS);
    }

    proptest! {
        /// Whatever the pattern of attempts, no span of time admits more than a bucket and its refill.
        #[test]
        fn no_more_than_the_bucket_and_its_refill(pauses in prop::collection::vec(0_u64..200_000, 1..300)) {
            let mut store = BucketStore::new(PER_NAME);
            let (mut now, mut admitted) = (Duration::ZERO, Vec::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                if store.wait(&"anna", now).is_zero() {
                    store.take("anna", now);
                    admitted.push(now);
                }
            }
            for (first, start) in admitted.iter().enumerate() {
                for (last, end) in admitted.iter().enumerate().skip(first) {
                    let refilled = end.saturating_sub(*start).as_nanos() / PER_NAME.as_nanos();
                    prop_assert!((last - first) as u128 <= u128::from(CAPACITY - 1) + refilled + 1);
                }
            }
        }

        /// The time to wait is the shortest that helps.
        #[test]
        fn the_wait_is_honest(pauses in prop::collection::vec(0_u64..60_000, 1..100)) {
            let mut store = BucketStore::new(PER_ADDRESS);
            let mut now = Duration::ZERO;
            for pause in pauses {
                now += Duration::from_millis(pause);
                let wait = store.wait(&1, now);
                if wait.is_zero() {
                    store.take(1, now);
                } else {
                    prop_assert!(wait <= PER_ADDRESS);
                    prop_assert!(store.wait(&1, now + wait).is_zero());
                    let too_soon = (now + wait).saturating_sub(Duration::from_nanos(1));
                    prop_assert!(!store.wait(&1, too_soon).is_zero());
                }
            }
        }
    }
}
