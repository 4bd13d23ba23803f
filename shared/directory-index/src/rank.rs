//! [`Ranking`]: the best of very many matches.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::arena::{Arena, ROOT};
use crate::search::Tier;

/// Depths that marks can tell apart.
const DEPTHS: usize = 1 << 10;

/// Tiers.
const TIERS: usize = Tier::Words as usize + 1;

/// Finds the best matches without writing out the paths of all: they are first counted by tier and depth, which tells
/// where the cut goes through, and only of those at the cut are paths compared, and of those only as much as is needed
/// to see that a directory, and so everything in it, comes too late.
pub(crate) struct Ranking<'a> {
    arena: &'a Arena,
    keep: usize,
    counts: Vec<usize>,
    /// The class of tier and depth that the cut goes through.
    last_class: usize,
    /// How many of that class are wanted.
    wanted: usize,
    /// Matches of better classes.
    better: Vec<Ranked>,
    /// The best of the last class so far, the worst of them on top.
    best: BinaryHeap<Ranked>,
    /// Directories of which everything comes too late, a bit each.
    late: Vec<u64>,
    /// The directory that the last match was in, and its path in lower case with a separator at the end.
    home: (u32, String),
    name: String,
}

/// In the order of the results.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    class: usize,
    lower_path: String,
    path: String,
}

impl<'a> Ranking<'a> {
    pub(crate) fn new(arena: &'a Arena, keep: usize) -> Self {
        Self {
            arena,
            keep,
            counts: vec![0; TIERS * DEPTHS],
            last_class: TIERS * DEPTHS,
            wanted: 0,
            better: Vec::new(),
            best: BinaryHeap::new(),
            late: Vec::new(),
            home: (ROOT, String::new()),
            name: String::new(),
        }
    }

    /// First round: counts a match.
    pub(crate) fn count(&mut self, tier: Tier, depth: u16) {
        self.counts[class(tier, depth)] += 1;
    }

    /// How many matches have been counted.
    pub(crate) fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Between the rounds: finds the cut.
    pub(crate) fn cut(&mut self) {
        let mut left = self.keep;
        for (class, count) in self.counts.iter().enumerate() {
            if *count >= left {
                (self.last_class, self.wanted) = (class, left);
                break;
            }
            left -= count;
        }
        self.late = vec![0; self.arena.span().div_ceil(64)];
    }

    /// Second round: takes a match when it is among the best.
    pub(crate) fn offer(&mut self, tier: Tier, depth: u16, node: u32) {
        let class = class(tier, depth);
        match class.cmp(&self.last_class) {
            Ordering::Less => {
                let ranked = self.ranked(class, node);
                self.better.push(ranked);
            }
            Ordering::Equal => self.offer_at_the_cut(class, node),
            Ordering::Greater => {}
        }
    }

    fn offer_at_the_cut(&mut self, class: usize, node: u32) {
        if self.best.len() == self.wanted {
            let parent = self.arena.parent(node);
            if self.is_late(parent) {
                return;
            }
            self.go_home(parent);
            let Some(worst) = self.best.peek() else { return };
            let limit = worst.lower_path.as_bytes();
            let home = self.home.1.as_bytes();
            match limit.strip_prefix(home) {
                Some(rest) => {
                    self.name.clear();
                    self.arena.lower_name_into(node, &mut self.name);
                    // Equal ones may still differ in how they are spelled.
                    if self.name.as_bytes() > rest {
                        return;
                    }
                }
                None if home > limit => {
                    self.mark_late(parent);
                    return;
                }
                None => {}
            }
        }
        let ranked = self.ranked(class, node);
        self.best.push(ranked);
        if self.best.len() > self.wanted {
            self.best.pop();
        }
    }

    /// The paths in order.
    pub(crate) fn into_paths(self) -> Vec<String> {
        let mut all = self.better;
        all.extend(self.best);
        all.sort_unstable();
        all.into_iter().map(|ranked| ranked.path).collect()
    }

    fn ranked(&self, class: usize, node: u32) -> Ranked {
        Ranked { class, lower_path: self.lower_path(node), path: self.arena.path(node) }
    }

    fn lower_path(&self, node: u32) -> String {
        let mut nodes: Vec<u32> = self.arena.lineage(node).collect();
        nodes.reverse();
        let mut path = String::new();
        for node in nodes {
            if !path.is_empty() {
                path.push('/');
            }
            self.arena.lower_name_into(node, &mut path);
        }
        path
    }

    fn go_home(&mut self, parent: u32) {
        if self.home.0 != parent {
            let mut path = self.lower_path(parent);
            if parent != ROOT {
                path.push('/');
            }
            self.home = (parent, path);
        }
    }

    /// Whether everything in the directory comes too late, because that of one above it does. What is late stays late:
    /// the limit only ever comes nearer.
    fn is_late(&mut self, directory: u32) -> bool {
        let found = self.arena.lineage(directory).find(|node| self.late_bit(*node));
        let Some(found) = found else { return false };
        let mut node = directory;
        while node != found {
            self.mark_late(node);
            node = self.arena.parent(node);
        }
        true
    }

    fn late_bit(&self, node: u32) -> bool {
        self.late[node as usize / 64] & (1 << (node % 64)) != 0
    }

    fn mark_late(&mut self, node: u32) {
        self.late[node as usize / 64] |= 1 << (node % 64);
    }
}

fn class(tier: Tier, depth: u16) -> usize {
    tier as usize * DEPTHS + usize::from(depth)
}
