//! Who held a file when, as far as that is certain.

use std::collections::HashMap;
use std::time::Duration;

use super::check::{Rule, Violation};
use super::edition::Found;
use super::{Action, Operation, Outcome};

/// What the wall clock, by which a product counts that was restarted, may go faster than ours.
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_millis(50);

/// After trouble, and after an answer was lost, until the server has done what it still had to do.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);

/// After a grant by which a file was perhaps held again that had been held before, until it certainly is.
const REHELD_WITHIN: Duration = Duration::from_secs(2);

/// How many openings of a file are looked at to find one after which it was held.
const LATEST: usize = 16;

/// The locks of one file.
pub(super) struct Holdings<'a> {
    operations: &'a [&'a Operation],
    lifetime: Duration,
    locks: HashMap<&'a str, Lock<'a>>,
}

/// One lock.
#[derive(Default)]
struct Lock<'a> {
    user: &'a str,
    fence: Option<u64>,
    /// The grant that was the first to be over.
    granted: Option<&'a Operation>,
    /// What certainly was a sign of life.
    signs: Vec<&'a Operation>,
    /// What may have been one: these and more.
    perhaps: Vec<&'a Operation>,
}

/// A stretch of time in which a user certainly held the file.
#[derive(Debug, Clone, Copy)]
struct Certain<'a> {
    user: &'a str,
    lock: &'a str,
    from: Duration,
    until: Duration,
    /// What shows it.
    by: &'a Operation,
}

/// A file that was opened on the server to be held.
struct Opened<'a> {
    by: &'a Operation,
    /// From when on it is held, if nothing is done to it.
    from: Duration,
    /// Until when the lock certainly lives.
    until: Duration,
}

impl<'a> Holdings<'a> {
    /// Reads what was done to one file, in the order in which it was asked for.
    pub(super) fn of(operations: &'a [&'a Operation], lifetime: Duration) -> Self {
        let mut locks: HashMap<&str, Lock<'_>> = HashMap::new();
        for operation in operations {
            if let Outcome::Granted { lock, fence } = &operation.outcome {
                let lock = locks.entry(lock).or_default();
                lock.user = &operation.user;
                lock.fence = lock.fence.or(*fence);
                if lock.granted.is_none_or(|first| operation.ended < first.ended) {
                    lock.granted = Some(operation);
                }
                lock.signs.push(operation);
            }
        }
        for &operation in operations {
            match &operation.action {
                Action::Heartbeat { lock } | Action::Look { lock } | Action::Save { lock, .. } => {
                    let Some(known) = locks.get_mut(lock.as_str()) else { continue };
                    // What is told of a file that is not there is told of a lock that may live.
                    let is_missing = matches!(operation.action, Action::Look { .. })
                        && operation.outcome == Outcome::Refused { status: 404 };
                    if is_missing || !operation.outcome.is_of_a_lost_lock() {
                        known.perhaps.push(operation);
                    }
                    if operation.outcome == Outcome::Done
                        && matches!(operation.action, Action::Heartbeat { .. })
                    {
                        known.signs.push(operation);
                    }
                }
                // Whoever had a lock has refreshed it by that, perhaps.
                Action::Acquire if operation.outcome == Outcome::Unknown => {
                    for lock in locks.values_mut().filter(|lock| lock.user == operation.user) {
                        lock.perhaps.push(operation);
                    }
                }
                _ => {}
            }
        }
        for lock in locks.values_mut() {
            lock.perhaps.extend(&lock.signs);
        }
        Self { operations, lifetime, locks }
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        let certain = self.certain();
        let mut violations = one_holder(&certain);
        for operation in self.operations {
            violations.extend(self.stale(operation));
            violations.extend(not_honoured(operation, &certain));
            violations.extend(not_the_same(operation, &certain));
        }
        for (asked, by) in self.certainly_held().filter(|(asked, _)| asked.outcome == Outcome::Done) {
            let what = "the server let somebody at a held file";
            violations.push(Violation::new(Rule::HoldIsHonoured, what, [by, asked]));
        }
        violations
    }

    /// What was asked of the server past us while the file was certainly held there, each with what shows that.
    pub(super) fn certainly_held(&self) -> impl Iterator<Item = (&'a Operation, &'a Operation)> {
        let holds = self.holds();
        let asked = self.operations.iter().copied().filter(|operation| operation.is_past_us());
        asked.filter_map(move |asked| {
            let before = holds.partition_point(|hold| hold.from < asked.invoked);
            // Whatever is done to a file ends the certainty of all that was before: the latest are enough.
            let latest = &holds[before.saturating_sub(LATEST)..before];
            let hold = latest.iter().rev().find(|hold| self.is_certain(hold, asked))?;
            Some((asked, hold.by))
        })
    }

    /// What the file was opened by to be held, in the order of time: the first grant of each lock, and each save.
    fn holds(&self) -> Vec<Opened<'a>> {
        let certain = self.certain();
        let mut holds = Vec::new();
        for (&lock, of_lock) in &self.locks {
            let lives =
                |by: &Operation| {
                    let of_same = certain.iter().filter(|stretch| stretch.lock == lock);
                    of_same.fold(by.ended, |until, stretch| {
                        if stretch.from <= until { until.max(stretch.until) } else { until }
                    })
                };
            // It may have been granted before, to somebody who never heard of it, and lost its hold since. Then that is opened
            // again, and if that fails once more a moment later.
            let is_new = |grant: &Operation| {
                !self.operations.iter().any(|other| {
                    other.action == Action::Acquire
                        && other.outcome == Outcome::Unknown
                        && other.user == grant.user
                        && other.invoked < grant.ended
                        && grant.invoked < other.ended + self.lifetime + CLOCKS_DIFFER
                })
            };
            if let Some(by) = of_lock.granted.filter(|grant| self.is_there(grant)) {
                let from = if is_new(by) { by.ended } else { by.ended + REHELD_WITHIN };
                holds.push(Opened { by, from, until: lives(by) });
            }
            let saves = self.operations.iter().filter(|operation| {
                matches!(&operation.action, Action::Save { lock: own, .. } if own == lock)
                    && operation.outcome == Outcome::Done
            });
            holds.extend(saves.map(|by| Opened { by, from: by.ended, until: lives(by) }));
        }
        holds.sort_by_key(|hold| hold.from);
        holds
    }

    /// Whether there certainly was a file when that was asked for.
    fn is_there(&self, grant: &Operation) -> bool {
        let removed = self
            .operations
            .iter()
            .filter(|operation| operation.removes() && operation.outcome.is_possible())
            .filter(|removal| removal.invoked < grant.ended)
            .map(|removal| match removal.outcome {
                Outcome::Unknown => removal.answered + SETTLED_WITHIN,
                _ => removal.ended,
            })
            .max();
        removed.is_none_or(|removed| {
            self.operations.iter().any(|seen| {
                let is_seen = match &seen.outcome {
                    Outcome::Done => seen.writes().is_some(),
                    outcome => matches!(outcome, Outcome::Read(Found::Whole(_))),
                };
                is_seen && removed < seen.invoked && seen.precedes(grant)
            })
        })
    }

    /// Whether a file that was opened to be held is certainly held all the time that something is asked for: the lock
    /// lives, and nothing was done to the file, nor to product, server and network.
    fn is_certain(&self, hold: &Opened<'a>, asked: &Operation) -> bool {
        let disturbs = |other: &Operation| {
            let is_harmless = match &other.action {
                Action::Acquire
                | Action::Heartbeat { .. }
                | Action::Look { .. }
                | Action::Release { .. }
                | Action::Force
                | Action::Read => true,
                // Who was not let at it has not had it open.
                Action::OpenPastUs | Action::RemovePastUs => !other.outcome.is_possible(),
                // Only for the holder's own changes the file is let go of.
                _ => !other.outcome.is_possible() && other.user != hold.by.user,
            };
            // What a server still has of a request it does as soon as it can.
            let ended = match (&other.action, &other.outcome) {
                (Action::Trouble { .. }, _) | (_, Outcome::Unknown) => other.answered + SETTLED_WITHIN,
                _ => other.ended,
            };
            !is_harmless && other.invoked <= asked.ended && hold.by.invoked <= ended
        };
        asked.ended < hold.until
            && !self.operations.iter().any(|other| {
                !std::ptr::eq(*other, hold.by) && !std::ptr::eq(*other, asked) && disturbs(other)
            })
    }

    /// When somebody certainly held the file, by its beginning.
    fn certain(&self) -> Vec<Certain<'a>> {
        let ends: Vec<_> = self
            .operations
            .iter()
            .filter(|operation| {
                matches!(operation.action, Action::Release { .. } | Action::Force)
                    && operation.outcome.is_possible()
            })
            .collect();
        let mut certain = Vec::new();
        for (&id, lock) in &self.locks {
            for &by in &lock.signs {
                // It was refreshed when this was asked for, or later; that it was is known from the answer on.
                let until = ends
                    .iter()
                    .filter(|end| match &end.action {
                        Action::Release { lock } => lock == id,
                        _ => true,
                    })
                    .filter(|end| end.ended > by.invoked)
                    .map(|end| end.invoked)
                    .fold(by.invoked + self.lifetime.saturating_sub(CLOCKS_DIFFER), Duration::min);
                if by.ended < until {
                    certain.push(Certain { user: lock.user, lock: id, from: by.ended, until, by });
                }
            }
        }
        certain.sort_by_key(|certain| certain.from);
        certain
    }

    /// Whether something was accepted under a lock that was certainly gone.
    fn stale(&self, operation: &'a Operation) -> Option<Violation> {
        let id = match &operation.action {
            Action::Heartbeat { lock } | Action::Look { lock } | Action::Save { lock, .. } => lock.as_str(),
            _ => return None,
        };
        if !matches!(operation.outcome, Outcome::Done | Outcome::Read(_)) {
            return None;
        }
        let accuse = |what: &str, by: &Operation| {
            Some(Violation::new(Rule::NoStaleHolder, what.to_owned(), [by, operation]))
        };
        let Some(lock) = self.locks.get(id) else {
            return accuse("a lock that nobody was granted was good", operation);
        };
        let granted = lock.granted?;
        for (other_id, other) in &self.locks {
            let Some(grant) = other.granted.filter(|grant| grant.precedes(operation)) else { continue };
            let is_younger = match (lock.fence, other.fence) {
                (Some(own), Some(other)) => own < other,
                _ => granted.precedes(grant),
            };
            if *other_id != id && is_younger {
                return accuse("it was accepted after the lock had been granted anew", grant);
            }
        }
        for end in
            self.operations.iter().filter(|end| end.outcome == Outcome::Done && end.precedes(operation))
        {
            match &end.action {
                Action::Release { lock } if lock == id => {
                    return accuse("it was accepted after the lock had been given back", end);
                }
                Action::Force if granted.precedes(end) => {
                    return accuse("it was accepted after the lock had been forced", end);
                }
                _ => {}
            }
        }
        let last = lock
            .perhaps
            .iter()
            .filter(|sign| sign.invoked < operation.invoked)
            .max_by_key(|sign| sign.ended)?;
        if last.ended + self.lifetime + CLOCKS_DIFFER < operation.invoked {
            return accuse("it was accepted after the lock's time was over", last);
        }
        None
    }
}

fn one_holder(certain: &[Certain<'_>]) -> Vec<Violation> {
    let mut violations = Vec::new();
    // Of each user the stretch that lasts longest so far.
    let mut last: HashMap<&str, Certain<'_>> = HashMap::new();
    for stretch in certain {
        for other in last.values().filter(|other| other.user != stretch.user && other.until > stretch.from) {
            let what = format!("{} and {} held the file at the same time", other.user, stretch.user);
            violations.push(Violation::new(Rule::OneHolder, what, [other.by, stretch.by]));
        }
        let own = last.entry(stretch.user).or_insert(*stretch);
        if own.until < stretch.until {
            *own = *stretch;
        }
    }
    violations
}

/// Whether a file was replaced that another user held all the time.
fn not_honoured(operation: &Operation, certain: &[Certain<'_>]) -> Option<Violation> {
    let is_change = matches!(operation.action, Action::Put { .. } | Action::Transfer { .. } | Action::Remove);
    if !is_change || operation.outcome != Outcome::Done {
        return None;
    }
    let by = certain.iter().find(|stretch| {
        stretch.user != operation.user && stretch.from < operation.invoked && operation.ended < stretch.until
    })?;
    let what = format!("the file was replaced or taken away while {} held it", by.user);
    Some(Violation::new(Rule::LockIsHonoured, what, [by.by, operation]))
}

/// Whether a user got another lock than the one that he had all the time.
fn not_the_same(operation: &Operation, certain: &[Certain<'_>]) -> Option<Violation> {
    let Outcome::Granted { lock, .. } = &operation.outcome else { return None };
    let by = certain.iter().find(|stretch| {
        stretch.user == operation.user
            && stretch.lock != lock
            && stretch.from < operation.invoked
            && operation.ended < stretch.until
    })?;
    Some(Violation::new(Rule::SameLockAgain, "a user got a second lock", [by.by, operation]))
}
