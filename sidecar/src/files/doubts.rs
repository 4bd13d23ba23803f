//! [`Doubts`]: files of which it is not certain what they hold, or are about to hold.

use std::collections::HashMap;

use causeway_locks::LockKey;

/// What is not certain of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It may hold some of two contents. It is put right before anybody reads or saves it.
    Torn,
    /// A rename onto it was asked for and not answered, and may still be done: by a server that was suspended, or that had
    /// the request in its buffers when this process was killed. A content that is saved before the temporary sibling of the
    /// other one is known to be gone could be replaced by it.
    MayBeReplaced,
}

/// The files in doubt, each with the entry of the journal whose end settles it.
#[derive(Debug, Default)]
pub(super) struct Doubts(HashMap<i64, (LockKey, Doubt)>);

impl Doubts {
    /// From now on, until the entry is settled.
    pub(super) fn add(&mut self, entry: i64, file: LockKey, doubt: Doubt) {
        self.0.insert(entry, (file, doubt));
    }

    /// The temporary sibling of that entry is gone, or has become what it was for.
    pub(super) fn settle(&mut self, entry: i64) {
        self.0.remove(&entry);
    }

    /// The entries that leave something uncertain.
    pub(super) fn entries(&self) -> Vec<i64> {
        self.0.keys().copied().collect()
    }

    /// Whether an item is torn, or anything below it.
    pub(super) fn is_torn_within(&self, item: &LockKey) -> bool {
        self.0.values().any(|(file, doubt)| *doubt == Doubt::Torn && file.is_within(item))
    }

    /// What is not certain of a file; that it is torn above all.
    pub(super) fn of(&self, file: &LockKey) -> Option<Doubt> {
        let mut doubts = self.0.values().filter(|(other, _)| other == file).map(|(_, doubt)| *doubt);
        let first = doubts.next()?;
        Some(if doubts.any(|doubt| doubt == Doubt::Torn) { Doubt::Torn } else { first })
    }
}

#[cfg(test)]
mod tests {
    use causeway_paths::{CaseRule, SharePath};

    use super::*;

    fn file(name: &str) -> LockKey {
        let path = SharePath::parse(name).expect("a path").canonical_key(CaseRule::Insensitive);
        LockKey { share: "nas".to_owned(), path }
    }

    #[test]
    fn a_file_is_in_doubt_until_all_of_it_is_settled() {
        let mut doubts = Doubts::default();
        doubts.add(1, file("a"), Doubt::MayBeReplaced);
        doubts.add(2, file("A"), Doubt::Torn);
        assert_eq!((doubts.of(&file("a")), doubts.of(&file("b"))), (Some(Doubt::Torn), None));
        doubts.settle(2);
        assert_eq!(doubts.of(&file("a")), Some(Doubt::MayBeReplaced));
        doubts.settle(1);
        assert_eq!(doubts.of(&file("a")), None);
    }
}
