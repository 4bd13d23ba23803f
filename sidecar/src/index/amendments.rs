//! [`Amendments`]: what happened lately, so that a look that began earlier is not taken for the last word.

use std::collections::{HashSet, VecDeque};

use causeway_paths::{CanonicalKey, CaseRule, SharePath};

use super::news::News;

/// Changes that are remembered. A listing takes some milliseconds; whoever looked so long ago that more has happened
/// since looks again.
const KEPT: usize = 4096;

/// How many of the latest changes are taken for what may have been heard in another order than it happened: what some
/// answers of a server tell.
const LATELY: usize = 1024;

/// Between two changes: how many there were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) u64);

/// The latest changes in their order.
pub(super) struct Amendments {
    /// How many came before the first one that is kept.
    forgotten: u64,
    kept: VecDeque<Amendment>,
    case: CaseRule,
}

struct Amendment {
    /// The directory that is not there any more.
    gone: Option<Spot>,
    /// The directory that is there now; with `gone` it is the same one.
    come: Option<Spot>,
}

/// A path, and what all its spellings have in common.
struct Spot {
    path: SharePath,
    key: CanonicalKey,
    parent: CanonicalKey,
}

/// Where a directory is by now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Where it was.
    Same,
    /// Here.
    Moved(SharePath),
    /// Nowhere.
    Gone,
    /// That was too long ago.
    Unknown,
}

impl Amendments {
    /// Without any yet.
    pub(super) fn new(case: CaseRule) -> Self {
        Self { forgotten: 0, kept: VecDeque::new(), case }
    }

    /// After everything that is known.
    pub(super) fn now(&self) -> Moment {
        Moment(self.forgotten + self.kept.len() as u64)
    }

    /// Remembers a change. What only says that nobody knows is not one.
    pub(super) fn record(&mut self, news: &News) {
        let spot = |path: &SharePath| Spot {
            path: path.clone(),
            key: path.canonical_key(self.case),
            parent: path.parent().unwrap_or_default().canonical_key(self.case),
        };
        let amendment = match news {
            News::Added(path) | News::Reported(path) => Amendment { gone: None, come: Some(spot(path)) },
            News::Removed(path) => Amendment { gone: Some(spot(path)), come: None },
            News::Renamed { from, to } => Amendment { gone: Some(spot(from)), come: Some(spot(to)) },
            News::Disturbed(_) | News::Missed => return,
        };
        self.kept.push_back(amendment);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
            self.forgotten += 1;
        }
    }

    /// Where the directory that was at `path` at that moment is by now.
    pub(super) fn follow(&self, since: Moment, path: &SharePath) -> Whereabouts {
        let Some(amendments) = self.since(since) else { return Whereabouts::Unknown };
        let mut moved = None;
        let mut key = path.canonical_key(self.case);
        for amendment in amendments {
            let Some(gone) = amendment.gone.as_ref().filter(|gone| key.is_within(&gone.key)) else {
                continue;
            };
            let Some(come) = &amendment.come else { return Whereabouts::Gone };
            let now = moved.as_ref().unwrap_or(path);
            let Some(there) = moved_along(now, &gone.path, &come.path) else { return Whereabouts::Gone };
            key = there.canonical_key(self.case);
            moved = Some(there);
        }
        moved.map_or(Whereabouts::Same, Whereabouts::Moved)
    }

    /// The names in `parent` of which a look at that moment says nothing any more; `None` when that was too long ago.
    pub(super) fn touched(&self, since: Moment, parent: &SharePath) -> Option<Touched> {
        let parent = parent.canonical_key(self.case);
        let spots = self.since(since)?.flat_map(|Amendment { gone, come }| gone.iter().chain(come));
        let names = spots
            .filter(|spot| spot.parent == parent)
            .filter_map(|spot| key_of(spot.path.name()?, self.case));
        Some(Touched { since, names: names.collect(), case: self.case })
    }

    /// Whether it was heard lately that the one became the other.
    pub(super) fn has_lately(&self, from: &SharePath, to: &SharePath) -> bool {
        let (from, to) = (from.canonical_key(self.case), to.canonical_key(self.case));
        self.kept.iter().rev().take(LATELY).any(|Amendment { gone, come }| {
            gone.as_ref().is_some_and(|gone| gone.key == from)
                && come.as_ref().is_some_and(|come| come.key == to)
        })
    }

    /// Whether anything was heard lately of these two or of what is in them, but that the one became the other.
    pub(super) fn touches_lately(&self, from: &SharePath, to: &SharePath) -> bool {
        let (from, to) = (from.canonical_key(self.case), to.canonical_key(self.case));
        let is_in = |spot: &Spot| spot.key.is_within(&from) || spot.key.is_within(&to);
        self.kept.iter().rev().take(LATELY).any(|Amendment { gone, come }| match (gone, come) {
            (Some(gone), Some(come)) if gone.key == from && come.key == to => false,
            _ => gone.iter().chain(come).any(is_in),
        })
    }

    /// Where else a directory may be that is told of by a path of some time ago: something above it was renamed lately.
    pub(super) fn moved_lately(&self, path: &SharePath) -> Vec<SharePath> {
        /// What was renamed to and fro is found by the next scan.
        const MOST: usize = 8;
        let mut spots = vec![(path.clone(), path.canonical_key(self.case))];
        for Amendment { gone, come } in self.kept.iter().skip(self.kept.len().saturating_sub(LATELY)) {
            let (Some(gone), Some(come)) = (gone, come) else { continue };
            let moved = spots.iter().filter(|(_, key)| key.is_within(&gone.key));
            let moved = moved.filter_map(|(path, _)| moved_along(path, &gone.path, &come.path));
            let moved: Vec<_> = moved.map(|path| (path.canonical_key(self.case), path)).collect();
            for (key, path) in moved {
                if spots.len() <= MOST && spots.iter().all(|(_, known)| *known != key) {
                    spots.push((path, key));
                }
            }
        }
        spots.into_iter().skip(1).map(|(path, _)| path).collect()
    }

    fn since(&self, moment: Moment) -> Option<impl Iterator<Item = &Amendment>> {
        let skipped = moment.0.checked_sub(self.forgotten)?;
        Some(self.kept.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)))
    }
}

/// Names in a directory that were heard of since somebody looked.
pub(super) struct Touched {
    since: Moment,
    names: HashSet<CanonicalKey>,
    case: CaseRule,
}

impl Touched {
    /// When he looked.
    pub(super) fn since(&self) -> Moment {
        self.since
    }

    /// Whether this is one of them, however it is spelled.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.names.is_empty() && key_of(name, self.case).is_some_and(|key| self.names.contains(&key))
    }
}

fn key_of(name: &str, case: CaseRule) -> Option<CanonicalKey> {
    SharePath::root().child(name).ok().map(|name| name.canonical_key(case))
}

/// `path`, which is `from` or below it by some spelling, after `from` has become `to`; `None` where no path can be.
fn moved_along(path: &SharePath, from: &SharePath, to: &SharePath) -> Option<SharePath> {
    path.segments().skip(from.depth()).try_fold(to.clone(), |at, name| at.child(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SharePath {
        SharePath::parse(text).unwrap()
    }

    #[test]
    fn a_look_is_brought_up_to_date() {
        let mut amendments = Amendments::new(CaseRule::Insensitive);
        amendments.record(&News::Added(path("a/early")));
        let before = amendments.now();
        amendments.record(&News::Removed(path("a/x")));
        amendments.record(&News::Renamed { from: path("A/old"), to: path("a/new") });
        amendments.record(&News::Renamed { from: path("a"), to: path("b") });
        amendments.record(&News::Removed(path("c")));
        let now = amendments.now();

        let touched = |since, parent: &str| amendments.touched(since, &path(parent)).unwrap();
        let in_a = touched(before, "a");
        assert_eq!(
            ["x", "OLD", "new", "kept", "early"].map(|name| in_a.has(name)),
            [true, true, true, false, false]
        );
        assert_eq!(["a", "b", "c", "d"].map(|name| touched(before, "").has(name)), [true, true, true, false]);
        assert_eq!(["a", "c"].map(|name| touched(now, "").has(name)), [false, false]);
        assert_eq!(amendments.follow(before, &path("a/old/deep")), Whereabouts::Moved(path("b/new/deep")));
        assert_eq!(amendments.follow(before, &path("A/X/y")), Whereabouts::Gone);
        assert_eq!(amendments.follow(before, &path("ab")), Whereabouts::Same);
        assert_eq!(amendments.follow(now, &path("a/x")), Whereabouts::Same);
    }

    #[test]
    fn what_was_heard_lately_is_known() {
        let mut amendments = Amendments::new(CaseRule::Insensitive);
        let touches =
            |amendments: &Amendments, from: &str, to: &str| amendments.touches_lately(&path(from), &path(to));
        amendments.record(&News::Renamed { from: path("a"), to: path("b") });
        assert!(!touches(&amendments, "A", "b"), "the same, heard on two ways");
        assert!(
            amendments.has_lately(&path("A"), &path("b")) && !amendments.has_lately(&path("b"), &path("a"))
        );
        assert!(
            touches(&amendments, "b", "a")
                && touches(&amendments, "b", "c")
                && touches(&amendments, "c", "a")
        );
        assert!(!touches(&amendments, "c", "d"));
        amendments.record(&News::Reported(path("c/x/y")));
        assert!(touches(&amendments, "c", "d") && touches(&amendments, "d", "c"));
        assert!(!touches(&amendments, "c/x/y/z", "d"));
        for _ in 0..LATELY {
            amendments.record(&News::Added(path("e")));
        }
        assert!(!touches(&amendments, "c", "d"));
    }

    #[test]
    fn what_is_told_of_late_is_looked_for_where_it_went() {
        let mut amendments = Amendments::new(CaseRule::Insensitive);
        for (from, to) in [("a", "b"), ("b/x", "c"), ("b", "A"), ("d", "e")] {
            amendments.record(&News::Renamed { from: path(from), to: path(to) });
        }
        let moved = |text: &str| amendments.moved_lately(&path(text));
        assert_eq!(moved("a/x/y"), [path("b/x/y"), path("c/y")]);
        assert_eq!(moved("b/y"), [path("A/y")]);
        assert_eq!(moved("c/y"), []);
    }

    #[test]
    fn what_was_too_long_ago_is_not_known() {
        let mut amendments = Amendments::new(CaseRule::Insensitive);
        let start = amendments.now();
        for _ in 0..=KEPT {
            amendments.record(&News::Added(path("a")));
        }
        assert_eq!(amendments.follow(start, &path("a")), Whereabouts::Unknown);
        assert!(amendments.touched(start, &SharePath::root()).is_none());
        assert_eq!(amendments.follow(amendments.now(), &path("a")), Whereabouts::Same);
    }
}
