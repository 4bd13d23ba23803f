//! [`Query`]: what somebody is looking for.

use crate::fold::fold;

/// Most words of a query that are looked for by themselves. A query of more is only looked for as a whole.
pub const MAX_WORDS: usize = 12;

/// What somebody is looking for, folded.
///
/// A directory is found when its whole path contains the query as it stands, spaces and all (`\` counts as `/`), or when
/// there are several words and the path contains each of them, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) whole: Needle,
    /// Different ones; empty unless there are several.
    pub(crate) words: Vec<Needle>,
}

impl Query {
    /// Reads a query; `None` when there is nothing to look for.
    pub fn parse(text: &str) -> Option<Self> {
        let folded = fold(&text.replace('\\', "/"));
        if folded.is_empty() {
            return None;
        }
        let mut words: Vec<&str> = folded.split_whitespace().collect();
        let several = (2..=MAX_WORDS).contains(&words.len());
        words.sort_unstable();
        words.dedup();
        Some(Self {
            whole: Needle::new(&folded),
            words: if several { words.into_iter().map(Needle::new).collect() } else { Vec::new() },
        })
    }
}

/// A text to be found in paths, taken apart at its separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needle {
    /// At least one.
    pub(crate) pieces: Vec<String>,
}

impl Needle {
    fn new(text: &str) -> Self {
        Self { pieces: text.split('/').map(str::to_owned).collect() }
    }
}
