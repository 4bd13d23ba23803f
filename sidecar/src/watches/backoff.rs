//! How long to wait before a server is asked again.

use std::time::Duration;

use rand::Rng as _;

/// After the first failure. A server that was only restarted is back soon.
const FIRST: Duration = Duration::from_millis(250);

/// At most. There is no giving up while somebody looks, so this is what a server that is away for days is asked.
const LONGEST: Duration = Duration::from_secs(15);

/// At least when the server was there and refused the account: accounts are locked after a few attempts.
const REFUSED: Duration = Duration::from_secs(30);

/// Waits that grow from failure to failure.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The server was reached.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next wait: twice the last one up to a cap, give or take a quarter, so that many watches that were lost
    /// together do not come back together.
    pub(super) fn next(&mut self, refused: bool) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let base = if refused { doubled.max(REFUSED) } else { doubled };
        base.mul_f64(rand::rng().random_range(0.75..1.25))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_within_the_cap(failures in 0_u32..100) {
            let mut backoff = Backoff { failures };
            let wait = backoff.next(false);
            prop_assert!(wait >= FIRST.mul_f64(0.75));
            prop_assert!(wait <= LONGEST.mul_f64(1.25));
            if failures >= 6 {
                prop_assert!(wait >= LONGEST.mul_f64(0.75), "the cap is reached");
            }
        }

        #[test]
        fn a_refused_account_is_left_alone_for_longer(failures in 0_u32..100) {
            let wait = Backoff { failures }.next(true);
            prop_assert!(wait >= REFUSED.mul_f64(0.75));
        }
    }

    #[test]
    fn success_begins_anew() {
        let mut backoff = Backoff { failures: 9 };
        backoff.reset();
        assert!(backoff.next(false) <= FIRST.mul_f64(1.25));
    }
}
