//! Searching: which directories match a query.

use crate::arena::{Arena, Marks, ROOT, SEGMENT_NODES};
use crate::mark::mark_all;
use crate::query::Query;
use crate::rank::Ranking;
use crate::{DirectoryIndex, MAX_WORDS};

/// Most directories that a search hands out.
pub const MAX_RESULTS: usize = 200;

/// What a search has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Paths of the best matches in order, [`MAX_RESULTS`] at most.
    pub paths: Vec<String>,
    /// How many match.
    pub total: usize,
}

/// What is known of a node during a search, a bit each.
pub(crate) type Hits = u16;

/// The query as a whole is in the path.
pub(crate) const WHOLE: Hits = 1;
/// The first word is in the path; the others follow.
pub(crate) const FIRST_WORD: Hits = 1 << 1;
/// The name begins with the query.
pub(crate) const PREFIX: Hits = 1 << 14;
/// The name is the query.
pub(crate) const EXACT: Hits = 1 << 15;
/// What holds for everything below as well.
const INHERITED: Hits = PREFIX - 1;

const _: () = assert!(MAX_WORDS < 14, "each word has a bit");

/// How well a directory matches; smaller is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Its name is the query.
    Exact,
    /// Its name begins with the query.
    Prefix,
    /// The query is somewhere in the path.
    Part,
    /// All words of the query are somewhere in the path.
    Words,
}

impl DirectoryIndex {
    /// The directories that match, best first: those named like the query, those whose names begin with it, those with
    /// the query anywhere in the path, those with its words; then by depth, then by path in lower case. Paths that lead
    /// through a name with a leading period count only on request.
    pub fn search(&self, query: &Query, include_dotted: bool) -> Found {
        let mut hits: Vec<Hits> = vec![0; self.arena.span()];
        mark_all(&self.arena, query, &mut hits);

        let all_words = (0..query.words.len()).fold(0, |bits, word| bits | FIRST_WORD << word);
        let matches = |node: u32, hits: Hits, marks: Marks| {
            tier(hits, all_words)
                .filter(|_| !marks.is_gone() && node != ROOT && (include_dotted || !marks.is_dotted()))
        };
        let mut ranking = Ranking::new(&self.arena, MAX_RESULTS);
        for (position, segment) in self.arena.segments().iter().enumerate() {
            let first = position * SEGMENT_NODES;
            for (slot, (parent, marks)) in segment.parents.iter().zip(&segment.marks).enumerate() {
                // Each node gets what its parent has, which comes before it.
                let own = hits[first + slot] | (hits[*parent as usize] & INHERITED);
                if own == 0 {
                    continue;
                }
                hits[first + slot] = own;
                if let Some(tier) = matches(Arena::number(position, slot), own, *marks) {
                    ranking.count(tier, marks.depth());
                }
            }
        }
        let total = ranking.total();
        if total == 0 {
            return Found::default();
        }
        ranking.cut();
        for (position, segment) in self.arena.segments().iter().enumerate() {
            let hits = &hits[position * SEGMENT_NODES..];
            for (slot, (hits, marks)) in hits.iter().zip(&segment.marks).enumerate() {
                let node = Arena::number(position, slot);
                if let Some(tier) = matches(node, *hits, *marks) {
                    ranking.offer(tier, marks.depth(), node);
                }
            }
        }
        Found { paths: ranking.into_paths(), total }
    }
}

fn tier(hits: Hits, all_words: Hits) -> Option<Tier> {
    if hits & WHOLE != 0 {
        return Some(match hits {
            hits if hits & EXACT != 0 => Tier::Exact,
            hits if hits & PREFIX != 0 => Tier::Prefix,
            _ => Tier::Part,
        });
    }
    (all_words != 0 && hits & all_words == all_words).then_some(Tier::Words)
}
