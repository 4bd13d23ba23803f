//! Both tables as one, sorted by extension when the crate is compiled: a listing asks ten thousand times.

use crate::extension;
use crate::guesses::GUESSES;
use crate::registry::REGISTRY;

/// Longest extension in the tables; longer ones are unknown without a search.
const MAX_EXTENSION: usize = 16;

/// What is known of an extension.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    extension: &'static str,
    /// Media type without parameters.
    pub(crate) mime: &'static str,
    /// Place in the registry.
    pub(crate) registered: Option<usize>,
}

/// Finds the extension of a name. Letter case does not count; no memory is taken.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    let extension = extension(name)?.as_bytes();
    let mut lower = [0; MAX_EXTENSION];
    let lower = lower.get_mut(..extension.len())?;
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    let place = INDEX.binary_search_by(|entry| entry.extension.as_bytes().cmp(lower)).ok()?;
    INDEX.get(place)
}

static INDEX: [Entry; COUNT] = sorted();

const COUNT: usize = {
    let mut count = 0;
    let mut row = 0;
    while row < REGISTRY.len() {
        count += REGISTRY[row].extensions.len();
        row += 1;
    }
    row = 0;
    while row < GUESSES.len() {
        count += GUESSES[row].1.len();
        row += 1;
    }
    count
};

/// Does not compile when two rows share an extension, or when one is too long or not in lower case.
const fn sorted() -> [Entry; COUNT] {
    let mut entries = [Entry { extension: "", mime: "", registered: None }; COUNT];
    let mut count = 0;
    let mut row = 0;
    while row < REGISTRY.len() {
        let known = &REGISTRY[row];
        count = insert(&mut entries, count, known.extensions, known.mime(), Some(row));
        row += 1;
    }
    row = 0;
    while row < GUESSES.len() {
        let (mime, extensions) = GUESSES[row];
        count = insert(&mut entries, count, extensions, mime, None);
        row += 1;
    }
    assert!(count == COUNT);
    entries
}

/// Insertion sort: the first `count` entries are in order, and stay so.
const fn insert(
    entries: &mut [Entry; COUNT],
    mut count: usize,
    extensions: &[&'static str],
    mime: &'static str,
    registered: Option<usize>,
) -> usize {
    let mut next = 0;
    while next < extensions.len() {
        let extension = extensions[next];
        assert!(extension.len() <= MAX_EXTENSION && is_lower(extension.as_bytes()));
        let mut place = count;
        while place > 0 && !is_less(entries[place - 1].extension.as_bytes(), extension.as_bytes()) {
            assert!(is_less(extension.as_bytes(), entries[place - 1].extension.as_bytes()), "listed twice");
            entries[place] = entries[place - 1];
            place -= 1;
        }
        entries[place] = Entry { extension, mime, registered };
        count += 1;
        next += 1;
    }
    count
}

const fn is_lower(text: &[u8]) -> bool {
    let mut place = 0;
    while place < text.len() {
        if !(text[place].is_ascii_lowercase() || text[place].is_ascii_digit()) {
            return false;
        }
        place += 1;
    }
    place > 0
}

const fn is_less(left: &[u8], right: &[u8]) -> bool {
    let mut place = 0;
    while place < left.len() && place < right.len() {
        if left[place] != right[place] {
            return left[place] < right[place];
        }
        place += 1;
    }
    left.len() < right.len()
}
