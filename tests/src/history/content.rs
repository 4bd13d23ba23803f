//! What was in a file when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::check::{Rule, Violation};
use super::edition::{Edition, Found};
use super::{Action, Operation, Outcome};

/// For how long after a deletion somebody may still be given what was deleted. Samba 4.17 lets a file be opened anew for a moment
/// while another client, who had it open when it was deleted, still has it: seen without Causeway, by eight clients of an smbd
/// of which some read, replaced and deleted one file, one to eight times in twelve thousand operations, for up to 33 ms.
const DELETED_WITHIN: Duration = Duration::from_millis(500);

/// What was written to and read from one file.
pub(super) struct Contents<'a> {
    file: usize,
    operations: &'a [&'a Operation],
    writes: HashMap<u64, &'a Operation>,
}

/// A content that the file certainly had: its write and its reads.
struct Life<'a> {
    write: &'a Operation,
    /// The first moment by which it certainly had been there: the earliest end.
    first: (Duration, &'a Operation),
    /// The last moment at which it may still have been about to be there: the latest beginning.
    last: (Duration, &'a Operation),
}

impl Life<'_> {
    /// Whether it certainly was written before the other. Had it come later, the other could not have been there at its
    /// last moment any more: each content is written once.
    fn is_before(&self, other: &Self) -> bool {
        self.first.0 < other.last.0
    }

    /// Whether the file was certainly removed after it had been there.
    fn is_ended_by(&self, removal: &Operation) -> bool {
        removal.outcome == Outcome::Done && self.first.0 < removal.invoked
    }

    /// Whether it was certainly there from one moment to another, and not only at some moment between two.
    fn lasts(&self) -> bool {
        self.first.0 < self.last.0
    }
}

impl<'a> Contents<'a> {
    /// Reads what was done to one file, in the order in which it was asked for.
    pub(super) fn of(file: usize, operations: &'a [&'a Operation]) -> Self {
        let writes =
            operations.iter().filter_map(|operation| Some((operation.writes()?, *operation))).collect();
        Self { file, operations, writes }
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        let mut violations = self.reads();
        let lives = self.lives();
        violations.extend(one_order(&lives));
        violations.extend(self.revived(&lives));
        violations.extend(self.updates(&lives));
        violations
    }

    /// What was read that cannot have been there.
    fn reads(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for &read in self.operations {
            let Outcome::Read(found) = &read.outcome else { continue };
            let edition = match found {
                Found::Whole(edition) => edition,
                Found::Nothing => {
                    if !self.may_be_gone(read) {
                        violations.push(Violation::new(Rule::NothingTorn, "the file was gone", [read]));
                    }
                    continue;
                }
                Found::Torn(what) => {
                    violations.push(Violation::new(Rule::NothingTorn, what.clone(), [read]));
                    continue;
                }
            };
            let Some(write) = self.writes.get(&edition.id).filter(|_| edition.file == self.file) else {
                let what = format!("nobody wrote {edition:?} there");
                violations.push(Violation::new(Rule::NothingTorn, what, [read]));
                continue;
            };
            if !write.outcome.is_possible() && !self.may_have_been_there_for_a_moment(write) {
                let what = "what was refused was read";
                violations.push(Violation::new(Rule::RefusedIsRefused, what, [*write, read]));
            }
        }
        violations
    }

    /// Between the last look at the file and the rename somebody on the share can put another file in the place, and again
    /// after it. A save that finds that out says that it failed, and was there all the same.
    fn may_have_been_there_for_a_moment(&self, write: &Operation) -> bool {
        self.operations.iter().any(|other| {
            matches!(other.action, Action::Overwrite { .. })
                && other.outcome.is_possible()
                && !other.precedes(write)
                && (other.outcome == Outcome::Unknown || !write.precedes(other))
        })
    }

    /// Whether somebody may have removed the file, and nobody certainly put one there since.
    fn may_be_gone(&self, read: &Operation) -> bool {
        self.removals().any(|removal| {
            let over = self.end_of(removal);
            removal.invoked < read.ended
                && (removal.outcome == Outcome::Unknown
                    || !self.writes.values().any(|write| {
                        write.outcome == Outcome::Done && over < write.invoked && write.precedes(read)
                    }))
        })
    }

    /// From when on a removal takes nothing away any more. When somebody has the file open, Samba 4.17 deletes it when he closes
    /// it, and with it what was renamed over it meanwhile. The product looks whether that is so; a program on the share does not,
    /// and what comes after it goes as well.
    fn end_of(&self, removal: &Operation) -> Duration {
        let beside = |other: &&&Operation| other.invoked < removal.ended && removal.invoked < other.ended;
        let closed = self.operations.iter().filter(beside).map(|other| other.ended).max();
        let closed = closed.unwrap_or(removal.ended) + DELETED_WITHIN;
        let is_renamed_over = self.operations.iter().any(|other| {
            matches!(other.action, Action::Overwrite { .. })
                && other.outcome.is_possible()
                && removal.invoked < other.ended
                && other.invoked < closed
        });
        if is_renamed_over { closed } else { removal.ended }
    }

    /// What removed the file, or may have.
    fn removals(&self) -> impl Iterator<Item = &'a Operation> {
        self.operations.iter().copied().filter(|other| other.removes() && other.outcome.is_possible())
    }

    /// Contents that were there before the file was removed, and afterwards.
    fn revived(&self, lives: &BTreeMap<u64, Life<'a>>) -> Vec<Violation> {
        let removals: Vec<_> = self.removals().collect();
        let revived = |life: &Life<'a>| {
            let removal = removals
                .iter()
                .find(|removal| life.is_ended_by(removal) && removal.ended + DELETED_WITHIN < life.last.0)?;
            let what = "what was removed is there again";
            Some(Violation::new(Rule::OneOrder, what, [life.write, life.first.1, *removal, life.last.1]))
        };
        lives.values().filter_map(revived).collect()
    }

    /// The contents that were certainly there, by their numbers.
    fn lives(&self) -> BTreeMap<u64, Life<'a>> {
        let mut lives: BTreeMap<u64, Life<'a>> = BTreeMap::new();
        for &operation in self.operations {
            let (id, is_read) = match (&operation.outcome, operation.writes()) {
                (Outcome::Done, Some(id)) => (id, false),
                (Outcome::Read(Found::Whole(Edition { id, .. })), _) => (*id, true),
                _ => continue,
            };
            let Some(&write) = self.writes.get(&id) else { continue };
            let life = lives.entry(id).or_insert_with(|| Life {
                write,
                // When a write of which no answer came was over, nobody knows.
                first: match write.outcome {
                    Outcome::Unknown => (Duration::MAX, write),
                    _ => (write.ended, write),
                },
                last: (write.invoked, write),
            });
            if is_read && operation.ended < life.first.0 {
                life.first = (operation.ended, operation);
            }
            if is_read && operation.invoked > life.last.0 {
                life.last = (operation.invoked, operation);
            }
        }
        lives
    }

    /// Each save has to have replaced what it was made of, and nothing may vanish but under a write that looks at nothing.
    fn updates(&self, lives: &BTreeMap<u64, Life<'a>>) -> Vec<Violation> {
        let mut violations = Vec::new();
        // Certain saves by what they were made of.
        let mut children: HashMap<u64, &Operation> = HashMap::new();
        let mut perhaps_replaced = HashSet::new();
        for &operation in self.operations {
            let Action::Save { edition, parent, .. } = operation.action else { continue };
            if operation.outcome.is_possible() {
                perhaps_replaced.insert(parent);
            }
            if !lives.contains_key(&edition) || !operation.outcome.is_possible() {
                continue;
            }
            if let Some(other) = children.insert(parent, operation) {
                let mut evidence = vec![other, operation];
                evidence.extend(self.writes.get(&parent));
                let what = "two saves have replaced the same content";
                violations.push(Violation::new(Rule::NoLostUpdate, what, evidence));
            }
        }
        violations.extend(lives.values().filter_map(|life| buried(life, lives)));
        violations.extend(lives.values().filter_map(|life| self.undeleted(life, lives)));
        violations.extend(self.vanished(lives, &perhaps_replaced));
        violations
    }

    /// Whether a save brought a file back that had certainly been removed.
    fn undeleted(&self, save: &Life<'a>, lives: &BTreeMap<u64, Life<'a>>) -> Option<Violation> {
        let Action::Save { parent, .. } = save.write.action else { return None };
        let parent = lives.get(&parent)?;
        if !save.write.outcome.is_possible() {
            return None;
        }
        let removal =
            self.removals().find(|removal| parent.is_ended_by(removal) && removal.precedes(save.write))?;
        let what = "a save has brought back what had been removed";
        let evidence = [parent.write, parent.first.1, removal, save.write];
        Some(Violation::new(Rule::NoLostUpdate, what, evidence))
    }

    /// Accepted saves that are not in the file in the end, and in nobody's history: neither was anything made of them, nor
    /// are there enough writes that look at nothing under which they may have vanished.
    fn vanished(&self, lives: &BTreeMap<u64, Life<'a>>, perhaps_replaced: &HashSet<u64>) -> Vec<Violation> {
        let in_the_end = self.operations.iter().rev().find_map(|operation| match &operation.outcome {
            Outcome::Read(Found::Whole(edition)) => Some(edition.id),
            _ => None,
        });
        let Some(in_the_end) = in_the_end else { return Vec::new() };
        let is_vanished = |id: u64, write: &Operation| {
            matches!(write.action, Action::Save { .. })
                && write.outcome == Outcome::Done
                && id != in_the_end
                && !perhaps_replaced.contains(&id)
        };
        let mut vanished: Vec<_> = lives
            .iter()
            .filter(|(id, life)| is_vanished(**id, life.write))
            .map(|(_, life)| life.write)
            .collect();
        // Whatever can have come after the last of them can have come after each: counting is enough.
        vanished.sort_by_key(|write| Reverse(write.invoked));
        let mut blind: Vec<_> = self
            .operations
            .iter()
            .filter(|other| {
                let is_write = other.writes().is_some() && !matches!(other.action, Action::Save { .. });
                is_write || other.removes()
            })
            .filter_map(|other| match other.outcome {
                Outcome::Done => Some(other.ended),
                Outcome::Unknown => Some(Duration::MAX),
                _ => None,
            })
            .collect();
        blind.sort();
        let lost = vanished.iter().enumerate().find(|(before, write)| {
            let later = blind.len() - blind.partition_point(|ended| *ended <= write.invoked);
            later <= *before
        });
        let what = "an accepted save is in nobody's history";
        lost.map(|(_, write)| Violation::new(Rule::NoLostUpdate, what, [*write])).into_iter().collect()
    }
}

/// Whether a save replaced something else than it was made of, because that had certainly been replaced itself.
fn buried(save: &Life<'_>, lives: &BTreeMap<u64, Life<'_>>) -> Option<Violation> {
    let Action::Save { parent, .. } = save.write.action else { return None };
    let parent = lives.get(&parent).filter(|parent| parent.write.outcome.is_possible())?;
    if !save.write.outcome.is_possible() {
        return None;
    }
    let between = lives.values().find(|between| {
        // Of two saves with one parent is told elsewhere.
        let is_other = ![save.write, parent.write].contains(&between.write)
            && !matches!(&between.write.action, Action::Save { parent: theirs, .. } if parent.write.writes() == Some(*theirs));
        // What is past us, and what nobody has heard the end of, can come between a save's last look and its rename. Nothing
        // else can.
        let is_ours = between.write.outcome == Outcome::Done
            && !matches!(between.write.action, Action::Overwrite { .. });
        is_other
            && between.write.outcome.is_possible()
            && parent.is_before(between)
            && if is_ours { between.is_before(save) } else { between.first.0 < save.write.invoked }
    })?;
    let what = "a save has buried what had replaced the content that it was made of";
    Some(Violation::new(
        Rule::NoLostUpdate,
        what,
        [parent.write, parent.first.1, between.write, between.first.1, save.write, save.last.1],
    ))
}

/// Whether reads and writes have an order: contents that last may not overlap, and none may come and go while another
/// lasts (Gibbons and Korach 1997, for registers to which everything is written once).
fn one_order(lives: &BTreeMap<u64, Life<'_>>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for life in lives.values() {
        if life.first.0 < life.write.invoked {
            let what = "it was read before it was written";
            violations.push(Violation::new(Rule::OneOrder, what, [life.first.1, life.write]));
        }
    }
    let mut lasting: Vec<_> = lives.values().filter(|life| life.lasts()).collect();
    lasting.sort_by_key(|life| life.first.0);
    for pair in lasting.windows(2) {
        if pair[1].first.0 < pair[0].last.0 {
            let evidence = [pair[0].first.1, pair[1].first.1, pair[0].last.1, pair[1].last.1];
            let what = "two contents were there in turns";
            violations.push(Violation::new(Rule::OneOrder, what, evidence));
        }
    }
    for life in lives.values().filter(|life| !life.lasts()) {
        // The last one that began before.
        let at = lasting.partition_point(|lasting| lasting.first.0 < life.last.0);
        let Some(around) = at.checked_sub(1).and_then(|at| lasting.get(at)) else { continue };
        if life.first.0 < around.last.0 {
            let evidence = [around.first.1, life.last.1, life.first.1, around.last.1];
            let what = "a content came and went while another was there all the time";
            violations.push(Violation::new(Rule::OneOrder, what, evidence));
        }
    }
    violations
}
