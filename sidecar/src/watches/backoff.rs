//! How long to wait before a server is asked again.

use std::collections::HashMap;
use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;
use uuid::Uuid;

/// After the first failure. A server that was only restarted is back soon.
const FIRST: Duration = Duration::from_millis(250);

/// At most. There is no giving up while somebody looks, so this is what a server that is away for days is asked.
const LONGEST: Duration = Duration::from_secs(15);

/// At least when the server was there and let nobody in: accounts are locked after a few attempts.
const REFUSED: Duration = Duration::from_secs(30);

/// At most between two logons of an account that is refused. Few enough that no server's rule against guessing makes
/// things worse.
const REFUSED_LONGEST: Duration = Duration::from_mins(5);

/// How long the others wait for the one who tries again.
const TRIAL: Duration = Duration::from_secs(15);

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

/// Accounts whose logon was refused, by connection and revision. All who wait for an account share its pauses, and one of
/// them tries for all.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    refused: HashMap<(Uuid, u64), Refused>,
}

#[derive(Debug)]
struct Refused {
    times: u32,
    not_before: Instant,
}

impl Refusals {
    /// Whether to log on now: whoever may is the only one until he tells what came of it, or a moment has passed.
    /// Otherwise when to ask again.
    pub(super) fn may_log_on(&mut self, account: (Uuid, u64), now: Instant) -> Result<(), Instant> {
        match self.refused.get_mut(&account) {
            Some(refused) if now < refused.not_before => Err(refused.not_before),
            Some(refused) => {
                refused.not_before = now + TRIAL;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether the account was refused the last time.
    pub(super) fn has(&self, account: (Uuid, u64)) -> bool {
        self.refused.contains_key(&account)
    }

    /// The account was refused. Each pause is twice the last one, up to a cap.
    pub(super) fn refuse(&mut self, account: (Uuid, u64), now: Instant) {
        // Nobody asks any more for one that was left alone for long.
        self.refused.retain(|_, refused| now < refused.not_before + REFUSED_LONGEST);
        let refused = self.refused.entry(account).or_insert(Refused { times: 0, not_before: now });
        let pause = REFUSED.saturating_mul(1 << refused.times.min(16)).min(REFUSED_LONGEST);
        // Those who began before the first refusal was known are no further attempts: the pool has made one of them.
        if refused.times == 0 || now + TRIAL >= refused.not_before {
            refused.times = refused.times.saturating_add(1);
            refused.not_before = now + pause;
        }
    }

    /// The account was let in; whether that is news.
    pub(super) fn admit(&mut self, account: (Uuid, u64)) -> bool {
        self.refused.remove(&account).is_some()
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
    fn of_all_who_wait_for_a_refused_account_one_tries_at_growing_pauses() {
        let (account, start) = ((Uuid::nil(), 1), Instant::now());
        let mut refusals = Refusals::default();
        assert!(refusals.may_log_on(account, start).is_ok());
        // A second one had begun before the first was refused.
        for _ in 0..2 {
            refusals.refuse(account, start);
        }
        assert!(refusals.has(account));
        assert!(refusals.may_log_on((Uuid::nil(), 2), start).is_ok(), "the connection was changed");
        let mut attempts = 0;
        for second in 1..3600 {
            let now = start + Duration::from_secs(second);
            for _ in 0..50 {
                if refusals.may_log_on(account, now).is_ok() {
                    attempts += 1;
                    refusals.refuse(account, now);
                }
            }
        }
        assert!((12..=16).contains(&attempts), "{attempts} attempts in an hour");
        assert!(refusals.admit(account) && !refusals.admit(account));
        assert!(refusals.may_log_on(account, start).is_ok());
    }

    #[test]
    fn one_who_tries_and_tells_nothing_holds_the_others_up_for_a_moment() {
        let (account, start) = ((Uuid::nil(), 1), Instant::now());
        let mut refusals = Refusals::default();
        refusals.refuse(account, start);
        let later = start + REFUSED;
        assert!(refusals.may_log_on(account, later).is_ok());
        assert_eq!(refusals.may_log_on(account, later), Err(later + TRIAL));
        assert!(refusals.may_log_on(account, later + TRIAL).is_ok());
    }

    #[test]
    fn success_begins_anew() {
        let mut backoff = Backoff { failures: 9 };
        backoff.reset();
        assert!(backoff.next(false) <= FIRST.mul_f64(1.25));
    }
}
