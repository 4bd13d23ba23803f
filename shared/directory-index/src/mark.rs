//! Marking: the directories at which a needle appears in the path for the first time.

use std::num::NonZero;

use memchr::memmem::Finder;

use crate::arena::{Arena, NONE, ROOT, SEGMENT_NODES, SEPARATOR, Segment};
use crate::query::{Needle, Query};
use crate::search::{EXACT, FIRST_WORD, Hits, PREFIX, WHOLE};

/// Threads that one search is spread over at most: a search is short, and others want the processors too.
const MAX_THREADS: usize = 4;

/// Segments that a thread is worth starting for: it takes some ten microseconds, a segment takes several hundred.
const SEGMENTS_A_THREAD: usize = 2;

/// Sets, for the query as a whole and for each of its words, a bit on the nodes where the last piece of it is, so that
/// the path contains it there and everywhere below.
pub(crate) fn mark_all(arena: &Arena, query: &Query, hits: &mut [Hits]) {
    let segments = arena.segments();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let share = segments.len().div_ceil(threads).max(SEGMENTS_A_THREAD);
    let mark_share = |first: usize, hits: &mut [Hits]| {
        for (position, hits) in (first..).zip(hits.chunks_mut(SEGMENT_NODES)) {
            let mut place = Place { arena, segment: &segments[position], position, hits };
            place.mark(&query.whole, WHOLE);
            for (number, word) in query.words.iter().enumerate() {
                place.mark(word, FIRST_WORD << number);
            }
        }
    };
    let mut shares = hits.chunks_mut(share * SEGMENT_NODES).enumerate();
    let own = shares.next();
    std::thread::scope(|scope| {
        for (number, hits) in shares {
            scope.spawn(move || mark_share(number * share, hits));
        }
        if let Some((_, hits)) = own {
            mark_share(0, hits);
        }
    });
}

/// A segment, and the bits of its nodes.
struct Place<'a> {
    arena: &'a Arena,
    segment: &'a Segment,
    position: usize,
    hits: &'a mut [Hits],
}

impl Place<'_> {
    fn mark(&mut self, needle: &Needle, bit: Hits) {
        match needle.pieces.as_slice() {
            [piece] => self.mark_names(piece, bit),
            [above @ .., last] if !last.is_empty() => self.mark_ends(above, last, bit),
            [_, _] if needle.pieces.iter().all(String::is_empty) => self.mark_deeper(bit),
            pieces => self.mark_slowly(pieces, bit),
        }
    }

    /// The needle is part of a single name.
    fn mark_names(&mut self, piece: &str, bit: Hits) {
        let finder = Finder::new(piece);
        let text = self.segment.folded.as_bytes();
        let (mut from, mut slot) = (0, 0);
        while let Some(found) = finder.find(&text[from..]).map(|found| from + found) {
            slot = holder(self.segment, slot, found);
            let end = self.segment.end(slot);
            let mut own = bit;
            if bit == WHOLE && self.segment.starts[slot] as usize == found {
                own |= if found + piece.len() == end { EXACT } else { PREFIX };
            }
            self.hits[slot] |= own;
            from = end;
        }
    }

    /// The needle reaches over several names, of which the last begins with `last`.
    fn mark_ends(&mut self, above: &[String], last: &str, bit: Hits) {
        let beginning = format!("{}{last}", char::from(SEPARATOR));
        let finder = Finder::new(&beginning);
        let mut slot = 0;
        for found in finder.find_iter(self.segment.folded.as_bytes()) {
            slot = holder(self.segment, slot, found + 1);
            if ends_with(self.arena, self.segment.parents[slot], above) {
                self.hits[slot] |= bit;
            }
        }
    }

    /// The needle is a mere separator: every directory that is in another one has it.
    fn mark_deeper(&mut self, bit: Hits) {
        for (marks, hits) in self.segment.marks.iter().zip(&mut *self.hits) {
            if marks.depth() > 1 {
                *hits |= bit;
            }
        }
    }

    /// The needle ends with a separator: every directory is looked at. Nobody asks that often.
    fn mark_slowly(&mut self, pieces: &[String], bit: Hits) {
        let Some((last, above)) = pieces.split_last() else { return };
        for (slot, parent) in self.segment.parents.iter().enumerate() {
            let node = Arena::number(self.position, slot);
            if node != ROOT
                && ends_with(self.arena, *parent, above)
                && self.arena.folded_name(node).starts_with(last)
            {
                self.hits[slot] |= bit;
            }
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

/// Whether the folded path of `node` ends with these pieces: the first with the end of a name, the others whole ones.
fn ends_with(arena: &Arena, node: u32, pieces: &[String]) -> bool {
    let mut lineage = arena.lineage(node).chain(std::iter::once(NONE));
    pieces.iter().enumerate().rev().all(|(position, piece)| match lineage.next() {
        None | Some(NONE) => false,
        Some(node) if position == 0 => arena.folded_name(node).ends_with(piece),
        Some(node) => arena.folded_name(node) == piece,
    })
}
