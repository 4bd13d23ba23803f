//! [`HistoryQuery`]: which records a person means.

use causeway_text_folding::fold;

use crate::place::name_of;

/// What somebody has typed, without case and accents. An empty one finds everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery(String);

/// How well a file's name answers a query; the best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameRank {
    /// It is the query.
    Exact,
    /// It begins with it.
    Start,
    /// A word in it begins with it: the character before is neither letter nor digit.
    WordStart,
    /// It has it somewhere; also what every name is to an empty query.
    Within,
}

impl HistoryQuery {
    /// Reads what was typed.
    pub fn new(text: &str) -> Self {
        Self(fold(text).trim().to_owned())
    }

    /// Whether a directory's whole path has the query in it.
    pub fn finds_directory(&self, path: &str) -> bool {
        self.0.is_empty() || fold(path).contains(&self.0)
    }

    /// How well a file's name, the last segment of its path, answers; `None` when it does not.
    pub fn rank_file(&self, path: &str) -> Option<NameRank> {
        if self.0.is_empty() {
            return Some(NameRank::Within);
        }
        let name = fold(name_of(path));
        if name == self.0 {
            return Some(NameRank::Exact);
        }
        let places = overlapping(&name, &self.0).map(|at| match name[..at].chars().next_back() {
            None => NameRank::Start,
            Some(before) if !before.is_alphanumeric() => NameRank::WordStart,
            Some(_) => NameRank::Within,
        });
        places.min()
    }
}

/// The byte offsets of all occurrences, those that overlap included: in `a--a-` the query `-` may begin a word at the
/// second place only.
fn overlapping<'a>(text: &'a str, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find(part)?;
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
        Some(at)
    })
}
