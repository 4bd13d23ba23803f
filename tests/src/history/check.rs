//! What must hold of every history.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use super::content::Contents;
use super::edition::{Edition, Found};
use super::holding::{CLOCKS_DIFFER, Holdings};
use super::{Action, Operation, Outcome, line};

/// In the name of what the product puts beside a file for people to see.
const RECOVERED: &str = " (recovered ";

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// At any moment at most one user holds a file.
    OneHolder,
    /// A lock is granted to one user, for one file, with one number.
    OneIdentity,
    /// Who has the lock already gets the same one.
    SameLockAgain,
    /// A later grant has a greater number.
    FenceRises,
    /// Nothing is accepted under a lock that is gone: forced, given back, over, or followed by another's.
    NoStaleHolder,
    /// Nobody replaces, deletes or renames a file that another user holds.
    LockIsHonoured,
    /// Nobody on the share writes into a file or deletes it while it is held for the holder of its lock.
    HoldIsHonoured,
    /// Every content that is ever read is whole, and is one that was written to that file.
    NothingTorn,
    /// Nothing that was refused is ever read.
    RefusedIsRefused,
    /// Reads and writes of a file have an order in which each read finds what was written last, and which no moment
    /// contradicts.
    OneOrder,
    /// A save replaces the very content that it was made of.
    NoLostUpdate,
    /// What was kept beside the file is there, whole, and what is there was to be kept.
    CopiesAreKept,
}

/// An accusation, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was broken.
    pub rule: Rule,
    /// How, in words.
    pub what: String,
    /// The operations that show it.
    pub evidence: Vec<Operation>,
}

impl Violation {
    pub(super) fn new<'a>(
        rule: Rule,
        what: impl Into<String>,
        evidence: impl IntoIterator<Item = &'a Operation>,
    ) -> Self {
        Self { rule, what: what.into(), evidence: evidence.into_iter().cloned().collect() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}: {}", self.rule, self.what)?;
        self.evidence.iter().try_for_each(|operation| writeln!(f, "    {}", line(operation)))
    }
}

/// Everything that is wrong with a history, in whatever order its operations are. `lifetime` is that of a lock without a
/// sign of life.
pub fn check(operations: &[Operation], lifetime: Duration) -> Vec<Violation> {
    let mut violations = grants(operations, lifetime);
    for (file, of_file) in by_file(operations) {
        violations.extend(Holdings::of(&of_file, lifetime).violations());
        violations.extend(Contents::of(file, &of_file).violations());
    }
    violations
}

/// How often somebody on the share asked for what he cannot have got without an accusation.
pub fn certainly_held(operations: &[Operation], lifetime: Duration) -> usize {
    by_file(operations).values().map(|of_file| Holdings::of(of_file, lifetime).certainly_held().count()).sum()
}

/// Operations by their files, in the order in which they were asked for.
fn by_file(operations: &[Operation]) -> BTreeMap<usize, Vec<&Operation>> {
    let mut files: BTreeMap<usize, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        files.entry(operation.file).or_default().push(operation);
    }
    for of_file in files.values_mut() {
        of_file.sort_by_key(|operation| operation.invoked);
    }
    files
}

/// What must hold of grants on all files.
fn grants(operations: &[Operation], lifetime: Duration) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut locks: HashMap<&str, Grant<'_>> = HashMap::new();
    for operation in operations {
        let Outcome::Granted { lock, fence } = &operation.outcome else { continue };
        let grant = locks.entry(lock).or_insert(Grant {
            fence: *fence,
            earliest: operation.invoked,
            first: operation,
        });
        if grant.first.user != operation.user || grant.first.file != operation.file {
            let what = "a lock was granted to another user or for another file";
            violations.push(Violation::new(Rule::OneIdentity, what, [grant.first, operation]));
        }
        if let (Some(known), Some(fence)) = (grant.fence, *fence)
            && known != fence
        {
            let what = "a lock has two numbers";
            violations.push(Violation::new(Rule::OneIdentity, what, [grant.first, operation]));
        }
        grant.fence = grant.fence.or(*fence);
        grant.earliest = grant.earliest.min(operation.invoked);
        if operation.ended < grant.first.ended {
            grant.first = operation;
        }
    }
    // It may have been granted to somebody who never heard of it.
    let mut lost: Vec<_> = operations
        .iter()
        .filter(|operation| operation.action == Action::Acquire && operation.outcome == Outcome::Unknown)
        .collect();
    lost.sort_by_key(|operation| Reverse(operation.invoked));
    for grant in locks.values_mut() {
        let of_same = |lost: &&&Operation| lost.user == grant.first.user && lost.file == grant.first.file;
        for lost in lost.iter().filter(of_same) {
            if lost.invoked < grant.earliest && grant.earliest < lost.ended + lifetime + CLOCKS_DIFFER {
                grant.earliest = lost.invoked;
            }
        }
    }
    let mut numbered: Vec<_> = locks.values().filter_map(|grant| Some((grant.fence?, grant))).collect();
    numbered.sort_by_key(|(fence, _)| *fence);
    for pair in numbered.windows(2) {
        if pair[0].0 == pair[1].0 {
            let what = "two locks have one number";
            violations.push(Violation::new(Rule::OneIdentity, what, [pair[0].1.first, pair[1].1.first]));
        }
    }
    // Of those with greater numbers the one that was granted first.
    let mut greater: Option<&Grant<'_>> = None;
    for (_, grant) in numbered.iter().rev() {
        if let Some(greater) = greater.filter(|greater| greater.first.ended < grant.earliest) {
            let what = "a later grant has no greater number";
            violations.push(Violation::new(Rule::FenceRises, what, [greater.first, grant.first]));
        }
        if greater.is_none_or(|greater| grant.first.ended < greater.first.ended) {
            greater = Some(grant);
        }
    }
    violations
}

/// A lock, by what was answered of it.
struct Grant<'a> {
    fence: Option<u64>,
    /// It was not granted before.
    earliest: Duration,
    /// The answer by which it had been granted.
    first: &'a Operation,
}

/// What is wrong with what stands beside the files in the end: name and content of everything that was not there before.
pub fn check_copies(operations: &[Operation], copies: &[(String, Found)]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let found: HashMap<&str, &Found> = copies.iter().map(|(name, found)| (name.as_str(), found)).collect();
    let mut kept = BTreeSet::new();
    let mut perhaps = BTreeSet::new();
    for operation in operations {
        let Action::Save { edition, keeps_copy, .. } = operation.action else { continue };
        match &operation.outcome {
            Outcome::Kept { copy } => {
                kept.insert(edition);
                let is_there = matches!(found.get(copy.as_str()), Some(Found::Whole(Edition { id, .. })) if *id == edition);
                if !is_there {
                    let what = format!("the copy {copy:?} is {:?}", found.get(copy.as_str()));
                    violations.push(Violation::new(Rule::CopiesAreKept, what, [operation]));
                }
            }
            Outcome::Unknown if keeps_copy => {
                perhaps.insert(edition);
            }
            _ => {}
        }
    }
    for (name, found) in copies {
        // What a file had that was written past us while it was put right.
        let is_recovered = name.contains(RECOVERED);
        let wanted =
            |edition: &Edition| kept.contains(&edition.id) || perhaps.contains(&edition.id) || is_recovered;
        if !matches!(found, Found::Whole(edition) if wanted(edition)) {
            let what = format!("nobody wanted {name:?}, which is {found:?}");
            violations.push(Violation::new(Rule::CopiesAreKept, what, []));
        }
    }
    violations
}
