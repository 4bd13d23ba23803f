//! [`Tops`]: whether a directory in the root became another one of the same name while the watch was deaf.

use std::collections::HashMap;

use causeway_paths::SharePath;

use super::super::scan::Subdirectory;

/// The directories in the root by the server's numbers, as the first scan under a watch has seen them. Once the server tells
/// of everything for certain, they are compared with what is there, once: later on they may change as they like, and there are
/// servers whose numbers do so by themselves.
#[derive(Default)]
pub(super) struct Tops {
    seen: HashMap<String, u64>,
    is_settled: bool,
    is_compared: bool,
}

impl Tops {
    /// The next look at the root is the one to compare with.
    pub(super) fn settle(&mut self) {
        self.is_settled = true;
    }

    /// Takes in what there is in the root. Gives the directories that are not those that were seen before by the same
    /// names; none when the look was deep and they are looked into anyway.
    pub(super) fn exchanged(&mut self, deep: bool, found: &[Subdirectory]) -> Vec<SharePath> {
        if self.is_compared {
            return Vec::new();
        }
        if deep {
            self.seen = found.iter().map(|directory| (directory.name.clone(), directory.id)).collect();
            return Vec::new();
        }
        if !self.is_settled {
            return Vec::new();
        }
        self.is_compared = true;
        let seen = std::mem::take(&mut self.seen);
        let is_other = |directory: &&Subdirectory| {
            seen.get(&directory.name).is_some_and(|id| *id != directory.id && *id != 0 && directory.id != 0)
        };
        found
            .iter()
            .filter(|directory| !directory.is_link)
            .filter(is_other)
            .filter_map(|directory| SharePath::root().child(&directory.name).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[(&str, u64)]) -> Vec<Subdirectory> {
        let directory =
            |(name, id): &(&str, u64)| Subdirectory { name: (*name).to_owned(), id: *id, is_link: false };
        names.iter().map(directory).collect()
    }

    #[test]
    fn what_was_exchanged_is_found_once() {
        let mut tops = Tops::default();
        let before = listing(&[("a", 1), ("b", 2), ("c", 0), ("d", 4)]);
        let after = listing(&[("a", 1), ("b", 7), ("c", 8), ("e", 4)]);
        assert_eq!(tops.exchanged(true, &before), []);
        assert_eq!(tops.exchanged(false, &after), [], "the watch may be deaf still");
        tops.settle();
        assert_eq!(tops.exchanged(false, &after), [SharePath::parse("b").unwrap()]);
        assert_eq!(tops.exchanged(false, &before), []);
    }
}
