//! [`DirectoryIndex`]: which directories there are, changed as the share changes.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use causeway_paths::{CaseRule, SharePath};
use hashbrown::HashTable;

use crate::arena::{Arena, ROOT};

/// Most directories that an index holds, those that are gone and not yet cleared out among them: some 350 MB with names
/// of usual length. A share with more is searched as far as that goes.
pub const MAX_DIRECTORIES: usize = 4_000_000;

/// Most bytes that an index takes: names may be long.
const MAX_BYTES: usize = 1024 * 1024 * 1024;

/// Tables over which the names are spread, so that none takes long to grow: whoever waits for a change waits for that.
const SHARDS: usize = 64;

/// There are as many directories in the index as it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory index is full")]
pub struct IndexFull;

/// How the directories in a listing differ from those in the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Names that the index lacks.
    pub missing: Vec<String>,
    /// Names that the index has and the listing has not.
    pub gone: Vec<String>,
    /// Names that are spelled otherwise: how the index has them, how the listing has them.
    pub respelled: Vec<(String, String)>,
}

/// The directories of a share, or of a connection's part of it. The root is always there and never counted or found.
///
/// Which spellings are one directory is the [`CaseRule`]'s to say, as it is on the server; the spelling that came first
/// is kept until a [`reroot`](Self::reroot).
pub struct DirectoryIndex {
    case: CaseRule,
    pub(crate) arena: Arena,
    /// Nodes by parent and key.
    shards: [HashTable<u32>; SHARDS],
    /// Names come from a server that may mean ill: the hash has a secret.
    hasher: RandomState,
    live: usize,
    gone: usize,
}

impl DirectoryIndex {
    /// Without any directory.
    pub fn new(case: CaseRule) -> Self {
        Self {
            case,
            arena: Arena::new(),
            shards: [const { HashTable::new() }; SHARDS],
            hasher: RandomState::new(),
            live: 0,
            gone: 0,
        }
    }

    /// How names are compared.
    pub fn case(&self) -> CaseRule {
        self.case
    }

    /// How many directories there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether so much of the index is taken by directories that are gone that [`compacted`](Self::compacted) pays.
    pub fn is_wasteful(&self) -> bool {
        /// Below that, in nodes, there is nothing to be won.
        const NEGLIGIBLE: usize = 16 * 1024;
        self.gone > NEGLIGIBLE && self.gone > self.live / 2
    }

    /// Bytes that the index takes.
    pub fn bytes(&self) -> usize {
        let tables: usize = self.shards.iter().map(HashTable::allocation_size).sum();
        self.arena.bytes() + tables
    }

    /// Whether the directory is there; the root always is.
    pub fn contains(&self, path: &SharePath) -> bool {
        self.find(path).is_some()
    }

    /// Adds a directory, with those above it that are missing. Says how many are new.
    pub fn add(&mut self, path: &SharePath) -> Result<usize, IndexFull> {
        let before = self.live;
        self.ensure(path)?;
        Ok(self.live - before)
    }

    /// Adds directories to a directory, by the names that the server gave them, and says how many are new. Names that no
    /// path can hold are left out.
    pub fn add_children<N: AsRef<str>>(
        &mut self,
        parent: &SharePath,
        names: &[N],
    ) -> Result<usize, IndexFull> {
        let before = self.live;
        let parent = self.ensure(parent)?;
        for name in names {
            self.insert_named(parent, name.as_ref())?;
        }
        Ok(self.live - before)
    }

    /// Removes a directory with everything below it, and says how many have gone. The root's own removal empties the
    /// index.
    pub fn remove(&mut self, path: &SharePath) -> usize {
        match self.find(path) {
            None => 0,
            Some(ROOT) => {
                let removed = self.live;
                *self = Self::new(self.case);
                removed
            }
            Some(node) => self.cut(node),
        }
    }

    /// Puts a directory, with everything below it, elsewhere or under another name; what was there is replaced. Says how
    /// many directories moved: none when `from` is unknown, is the root, or is above `to`.
    pub fn reroot(&mut self, from: &SharePath, to: &SharePath) -> Result<usize, IndexFull> {
        let (Some(node), Some(name), Some(above)) = (self.find(from), to.name(), to.parent()) else {
            return Ok(0);
        };
        let (from_key, to_key) = (from.canonical_key(self.case), to.canonical_key(self.case));
        if node == ROOT || (to_key != from_key && to_key.is_within(&from_key)) {
            return Ok(0);
        }
        let nodes = self.arena.subtree(node);
        // By position in `nodes`, which has parents first.
        let positions: std::collections::HashMap<u32, usize> =
            nodes.iter().enumerate().map(|(position, node)| (*node, position)).collect();
        let moved: Vec<(usize, String)> = nodes
            .iter()
            .map(|node| {
                let above = positions.get(&self.arena.parent(*node)).copied().unwrap_or_default();
                (above, self.arena.name(*node).to_owned())
            })
            .collect();
        self.cut(node);
        self.remove(to);
        let above = self.ensure(&above)?;
        let mut made = Vec::with_capacity(moved.len());
        made.push(self.insert_named(above, name)?);
        for (above, name) in moved.iter().skip(1) {
            // What became too deep for a path is left out, with everything below it.
            let node = match made[*above] {
                Some(above) => self.insert_named(above, name)?,
                None => None,
            };
            made.push(node);
        }
        Ok(made.iter().flatten().count())
    }

    /// How the directories that the server lists in `parent` differ from those in the index.
    pub fn compare<N: AsRef<str>>(&self, parent: &SharePath, listed: &[N]) -> Difference {
        let mut difference = Difference::default();
        let node = self.find(parent);
        let mut seen = HashSet::with_capacity(listed.len());
        for name in listed.iter().filter_map(|name| as_segment(name.as_ref())) {
            let key = name.canonical_key(self.case);
            match node.and_then(|node| self.child(node, key.as_str())) {
                None => difference.missing.push(name.as_str().to_owned()),
                // Of two names with one key the first one counts.
                Some(child) => {
                    let spelling = self.arena.name(child);
                    if seen.insert(child) && spelling != name.as_str() {
                        difference.respelled.push((spelling.to_owned(), name.as_str().to_owned()));
                    }
                }
            }
        }
        if let Some(node) = node {
            let gone = self.arena.children(node).filter(|child| !seen.contains(child));
            difference.gone.extend(gone.map(|child| self.arena.name(child).to_owned()));
        }
        difference
    }

    /// All directories, each after the one that it is in.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        self.nodes().map(|node| self.arena.path(node))
    }

    /// The same directories in as little memory as they need.
    #[must_use]
    pub fn compacted(&self) -> Self {
        let mut compact = Self::new(self.case);
        let mut numbers = vec![ROOT; self.arena.span()];
        for node in self.nodes() {
            let above = numbers[self.arena.parent(node) as usize];
            // There is room for what was there before.
            if let Ok(Some(number)) = compact.insert_named(above, self.arena.name(node)) {
                numbers[node as usize] = number;
            }
        }
        compact
    }

    /// The nodes of all directories but the root, parents first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u32> {
        self.arena.segments().iter().enumerate().flat_map(|(position, segment)| {
            let live = segment.marks.iter().enumerate().filter(|(_, marks)| !marks.is_gone());
            live.map(move |(slot, _)| Arena::number(position, slot)).filter(|node| *node != ROOT)
        })
    }

    fn find(&self, path: &SharePath) -> Option<u32> {
        let key = path.canonical_key(self.case);
        let mut segments = key.as_str().split('/').filter(|segment| !segment.is_empty());
        segments.try_fold(ROOT, |node, segment| self.child(node, segment))
    }

    /// The node at that path, made with those above it when missing.
    fn ensure(&mut self, path: &SharePath) -> Result<u32, IndexFull> {
        let key = path.canonical_key(self.case);
        let mut node = ROOT;
        // Neither form C nor the mapping of case makes or unmakes a separator: name and key go in step.
        for (name, key) in path.segments().zip(key.as_str().split('/')) {
            node = match self.child(node, key) {
                Some(child) => child,
                None => self.insert(node, name, key)?,
            };
        }
        Ok(node)
    }

    fn child(&self, parent: u32, key: &str) -> Option<u32> {
        let hash = self.hash(parent, key);
        let same = |node: &u32| {
            self.arena.hash(*node) == hash
                && self.arena.parent(*node) == parent
                && self.has_key(self.arena.name(*node), key)
        };
        self.shards[shard(hash)].find(spread(hash), same).copied()
    }

    fn has_key(&self, name: &str, key: &str) -> bool {
        if name.is_ascii() {
            return match self.case {
                CaseRule::Insensitive => name.eq_ignore_ascii_case(key),
                CaseRule::Sensitive => name == key,
            };
        }
        as_segment(name).is_some_and(|name| name.canonical_key(self.case).as_str() == key)
    }

    fn hash(&self, parent: u32, key: &str) -> u32 {
        // Half of the bits are plenty for some millions of names.
        (self.hasher.hash_one((parent, key)) >> u32::BITS) as u32
    }

    /// [`insert`](Self::insert) unless it is there; `None` where no path can be.
    pub(crate) fn insert_named(&mut self, parent: u32, name: &str) -> Result<Option<u32>, IndexFull> {
        let Some(name) = as_segment(name) else { return Ok(None) };
        if usize::from(self.arena.marks(parent).depth()) >= causeway_paths::MAX_SEGMENTS {
            return Ok(None);
        }
        let key = name.canonical_key(self.case);
        match self.child(parent, key.as_str()) {
            Some(node) => Ok(Some(node)),
            None => self.insert(parent, name.as_str(), key.as_str()).map(Some),
        }
    }

    fn insert(&mut self, parent: u32, name: &str, key: &str) -> Result<u32, IndexFull> {
        if self.live + self.gone >= MAX_DIRECTORIES || self.is_over_bytes() {
            return Err(IndexFull);
        }
        let hash = self.hash(parent, key);
        let node = self.arena.push(parent, name, hash).ok_or(IndexFull)?;
        let arena = &self.arena;
        self.shards[shard(hash)].insert_unique(spread(hash), node, |node| spread(arena.hash(*node)));
        self.live += 1;
        Ok(node)
    }

    /// Looked at once in a while: counting takes longer than adding.
    fn is_over_bytes(&self) -> bool {
        const EVERY: usize = 16 * 1024;
        self.live.is_multiple_of(EVERY) && self.bytes() > MAX_BYTES
    }

    fn cut(&mut self, top: u32) -> usize {
        let nodes = self.arena.subtree(top);
        self.arena.unlink(top);
        for node in &nodes {
            let hash = self.arena.hash(*node);
            if let Ok(entry) = self.shards[shard(hash)].find_entry(spread(hash), |found| found == node) {
                entry.remove();
            }
            self.arena.mark_gone(*node);
        }
        self.live -= nodes.len();
        self.gone += nodes.len();
        nodes.len()
    }
}

impl std::fmt::Debug for DirectoryIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DirectoryIndex").field("directories", &self.live).finish_non_exhaustive()
    }
}

/// A single name as a path of its own, when it is one that a path can hold.
fn as_segment(name: &str) -> Option<SharePath> {
    SharePath::root().child(name).ok()
}

/// The uppermost bits choose the table; [`spread`] leaves the lower ones to the places within it.
fn shard(hash: u32) -> usize {
    (hash >> (u32::BITS - SHARDS.trailing_zeros())) as usize
}

/// The table looks at both ends of 64 bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
