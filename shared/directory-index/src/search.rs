//! Searching: which directories match a query.

use memchr::memmem::Finder;

use crate::arena::{Arena, NONE, ROOT, SEGMENT_NODES, SEPARATOR, Segment};
use crate::query::{Needle, Query};
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
type Hits = u16;

/// The query as a whole is in the path.
const WHOLE: Hits = 1;
/// The first word is in the path; the others follow.
const FIRST_WORD: Hits = 1 << 1;
/// The name begins with the query.
const PREFIX: Hits = 1 << 14;
/// The name is the query.
const EXACT: Hits = 1 << 15;
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
        mark(&self.arena, &query.whole, WHOLE, &mut hits);
        let mut all_words = 0;
        for (position, word) in query.words.iter().enumerate() {
            let bit = FIRST_WORD << position;
            all_words |= bit;
            mark(&self.arena, word, bit, &mut hits);
        }

        let mut ranking = Ranking::new(&self.arena, MAX_RESULTS);
        hand_down(&self.arena, &mut hits, |hits, node, segment, slot| {
            let Some(tier) = tier(hits, all_words) else { return };
            let marks = segment.marks[slot];
            if !marks.is_gone() && node != ROOT && (include_dotted || !marks.is_dotted()) {
                ranking.count(tier, marks.depth());
            }
        });
        let total = ranking.total();
        if total > 0 {
            ranking.cut();
            for (position, segment) in self.arena.segments().iter().enumerate() {
                let first = position * SEGMENT_NODES;
                for (slot, marks) in segment.marks.iter().enumerate() {
                    let Some(tier) = tier(hits[first + slot], all_words) else { continue };
                    let node = Arena::number(position, slot);
                    if !marks.is_gone() && node != ROOT && (include_dotted || !marks.is_dotted()) {
                        ranking.offer(tier, marks.depth(), node);
                    }
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

/// Gives each node what its parent has, parents first, and shows the outcome.
fn hand_down(arena: &Arena, hits: &mut [Hits], mut see: impl FnMut(Hits, u32, &Segment, usize)) {
    for (position, segment) in arena.segments().iter().enumerate() {
        let first = position * SEGMENT_NODES;
        for (slot, parent) in segment.parents.iter().enumerate() {
            let own = hits[first + slot] | (hits[*parent as usize] & INHERITED);
            if own != 0 {
                hits[first + slot] = own;
                see(own, Arena::number(position, slot), segment, slot);
            }
        }
    }
}

/// Sets `bit` on the nodes where the needle's last piece is, so that the path contains the needle there and everywhere
/// below.
fn mark(arena: &Arena, needle: &Needle, bit: Hits, hits: &mut [Hits]) {
    match needle.pieces.as_slice() {
        [piece] => mark_names(arena, piece, bit, hits),
        [above @ .., last] if !last.is_empty() => mark_path(arena, above, last, bit, hits),
        pieces => mark_slowly(arena, pieces, bit, hits),
    }
}

/// The needle is part of a single name.
fn mark_names(arena: &Arena, piece: &str, bit: Hits, hits: &mut [Hits]) {
    let finder = Finder::new(piece);
    for (position, segment) in arena.segments().iter().enumerate() {
        let first = position * SEGMENT_NODES;
        let text = segment.folded.as_bytes();
        let (mut from, mut slot) = (0, 0);
        while let Some(found) = finder.find(&text[from..]).map(|found| from + found) {
            slot = holder(segment, slot, found);
            let end = segment.end(slot);
            let mut own = bit;
            if bit == WHOLE && segment.starts[slot] as usize == found {
                own |= if found + piece.len() == end { EXACT } else { PREFIX };
            }
            hits[first + slot] |= own;
            from = end;
        }
    }
}

/// The slot, `from` or later, of the name that the byte at `place` belongs to.
fn holder(segment: &Segment, from: usize, place: usize) -> usize {
    // Matches usually follow each other closely: steps that double find the range, bisection the name.
    let starts = &segment.starts[from..];
    let mut reach = 1;
    while starts.get(reach).is_some_and(|start| *start as usize <= place) {
        reach *= 2;
    }
    let range = &starts[reach / 2..starts.len().min(reach)];
    from + reach / 2 + range.partition_point(|start| *start as usize <= place) - 1
}

/// The needle reaches over several names, of which the last begins with `last`.
fn mark_path(arena: &Arena, above: &[String], last: &str, bit: Hits, hits: &mut [Hits]) {
    let beginning = format!("{}{last}", char::from(SEPARATOR));
    let finder = Finder::new(&beginning);
    for (position, segment) in arena.segments().iter().enumerate() {
        let first = position * SEGMENT_NODES;
        let text = segment.folded.as_bytes();
        let mut slot = 0;
        for found in finder.find_iter(text) {
            slot = holder(segment, slot, found + 1);
            if ends_with(arena, segment.parents[slot], above) {
                hits[first + slot] |= bit;
            }
        }
    }
}

/// The needle ends with a separator: every directory is looked at. Nobody asks that often.
fn mark_slowly(arena: &Arena, pieces: &[String], bit: Hits, hits: &mut [Hits]) {
    let Some((last, above)) = pieces.split_last() else { return };
    for (position, segment) in arena.segments().iter().enumerate() {
        let first = position * SEGMENT_NODES;
        for (slot, parent) in segment.parents.iter().enumerate() {
            let node = Arena::number(position, slot);
            if node != ROOT && arena.folded_name(node).starts_with(last) && ends_with(arena, *parent, above) {
                hits[first + slot] |= bit;
            }
        }
    }
}

/// Whether the folded path of `node` ends with these pieces: the first with the end of a name, the others whole ones.
fn ends_with(arena: &Arena, node: u32, pieces: &[String]) -> bool {
    let mut lineage = arena.lineage(node).chain(std::iter::once(NONE));
    pieces.iter().enumerate().rev().all(|(position, piece)| match lineage.next() {
        None | Some(NONE) => false,
        Some(node) if position == 0 => arena.folded_name(node).ends_with(piece),
        Some(node) => arena.folded_name(node) == piece,
    })
}
