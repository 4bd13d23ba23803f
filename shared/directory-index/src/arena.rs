//! [`Arena`]: the nodes of the tree and their names, in segments that are only ever added to.
//!
//! A node's parent always has the smaller number, so that one pass in order of the numbers hands what is true of a
//! directory down to everything below it. Nodes are therefore never moved within the tree: a rename makes new ones, and
//! the old ones stay behind, marked as gone, until the index is compacted.

use crate::fold::fold_into;

/// Bits of a node's number that count within its segment.
const SLOT_BITS: u32 = 16;

/// Nodes of a segment. Growing one copies a few hundred kilobytes at most, which nobody notices who waits for it.
pub(crate) const SEGMENT_NODES: usize = 1 << SLOT_BITS;

/// Bytes of folded names after which a segment ends early, so that offsets fit whatever the names are.
const SEGMENT_BYTES: usize = 64 * 1024 * 1024;

/// Segments that numbers suffice for.
const MAX_SEGMENTS: usize = 1 << (u32::BITS - SLOT_BITS);

/// The root's number.
pub(crate) const ROOT: u32 = 0;

/// No node.
pub(crate) const NONE: u32 = u32::MAX;

/// Stands before and after each folded name.
pub(crate) const SEPARATOR: u8 = b'/';

/// What is known of a node in 16 bits.
#[derive(Clone, Copy)]
pub(crate) struct Marks(u16);

impl Marks {
    const DEPTH: u16 = (1 << 10) - 1;
    const GONE: u16 = 1 << 10;
    const DOTTED: u16 = 1 << 11;
    const FOLDED: u16 = 1 << 12;
    const ASCII: u16 = 1 << 13;

    /// Segments of the path; 0 for the root.
    pub(crate) fn depth(self) -> u16 {
        self.0 & Self::DEPTH
    }

    /// Whether the directory is no longer there.
    pub(crate) fn is_gone(self) -> bool {
        self.0 & Self::GONE != 0
    }

    /// Whether the name or one above it begins with a period.
    pub(crate) fn is_dotted(self) -> bool {
        self.0 & Self::DOTTED != 0
    }

    /// Whether the name is spelled as it is folded.
    fn is_folded(self) -> bool {
        self.0 & Self::FOLDED != 0
    }

    /// Whether the name is ASCII, so that its folded form is its lower-case form.
    fn is_ascii(self) -> bool {
        self.0 & Self::ASCII != 0
    }
}

/// Up to [`SEGMENT_NODES`] nodes, a column for each of their properties: a search reads only those that it needs.
pub(crate) struct Segment {
    pub(crate) parents: Vec<u32>,
    pub(crate) marks: Vec<Marks>,
    /// Where the folded name begins in `folded`.
    pub(crate) starts: Vec<u32>,
    /// `/first/second/third/`
    pub(crate) folded: String,
    first_children: Vec<u32>,
    nexts: Vec<u32>,
    previous: Vec<u32>,
    hashes: Vec<u32>,
    name_starts: Vec<u32>,
    /// Names that are not spelled as they are folded, one after the other.
    names: String,
}

impl Segment {
    fn new() -> Self {
        Self {
            parents: Vec::new(),
            marks: Vec::new(),
            starts: Vec::new(),
            folded: String::from(char::from(SEPARATOR)),
            first_children: Vec::new(),
            nexts: Vec::new(),
            previous: Vec::new(),
            hashes: Vec::new(),
            name_starts: Vec::new(),
            names: String::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.parents.len()
    }

    /// Where the separator behind the folded name is.
    pub(crate) fn end(&self, slot: usize) -> usize {
        self.starts.get(slot + 1).map_or(self.folded.len(), |next| *next as usize) - 1
    }

    fn folded_name(&self, slot: usize) -> &str {
        &self.folded[self.starts[slot] as usize..self.end(slot)]
    }

    fn name(&self, slot: usize) -> &str {
        if self.marks[slot].is_folded() {
            return self.folded_name(slot);
        }
        let end = self.name_starts.get(slot + 1).map_or(self.names.len(), |next| *next as usize);
        &self.names[self.name_starts[slot] as usize..end]
    }

    fn bytes(&self) -> usize {
        let numbers = self.parents.capacity()
            + self.starts.capacity()
            + self.first_children.capacity()
            + self.nexts.capacity()
            + self.previous.capacity()
            + self.hashes.capacity()
            + self.name_starts.capacity();
        numbers * size_of::<u32>()
            + self.marks.capacity() * size_of::<Marks>()
            + self.folded.capacity()
            + self.names.capacity()
    }
}

/// All nodes of an index, those that are gone among them.
pub(crate) struct Arena {
    segments: Vec<Segment>,
}

impl Arena {
    /// Only the root.
    pub(crate) fn new() -> Self {
        let mut arena = Self { segments: vec![Segment::new()] };
        arena.push(ROOT, "", 0);
        arena
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Room for one value a node, by number.
    pub(crate) fn span(&self) -> usize {
        self.segments.last().map_or(0, |last| (self.segments.len() - 1) * SEGMENT_NODES + last.len())
    }

    /// The number of a node in a segment.
    pub(crate) fn number(segment: usize, slot: usize) -> u32 {
        u32::try_from(segment * SEGMENT_NODES + slot).unwrap_or(NONE)
    }

    fn place(&self, node: u32) -> (&Segment, usize) {
        (&self.segments[(node >> SLOT_BITS) as usize], node as usize % SEGMENT_NODES)
    }

    fn place_mut(&mut self, node: u32) -> (&mut Segment, usize) {
        (&mut self.segments[(node >> SLOT_BITS) as usize], node as usize % SEGMENT_NODES)
    }

    pub(crate) fn parent(&self, node: u32) -> u32 {
        let (segment, slot) = self.place(node);
        segment.parents[slot]
    }

    pub(crate) fn marks(&self, node: u32) -> Marks {
        let (segment, slot) = self.place(node);
        segment.marks[slot]
    }

    pub(crate) fn hash(&self, node: u32) -> u32 {
        let (segment, slot) = self.place(node);
        segment.hashes[slot]
    }

    /// The name as the server spells it; `""` for the root.
    pub(crate) fn name(&self, node: u32) -> &str {
        let (segment, slot) = self.place(node);
        segment.name(slot)
    }

    pub(crate) fn folded_name(&self, node: u32) -> &str {
        let (segment, slot) = self.place(node);
        segment.folded_name(slot)
    }

    /// Appends the name in lower case.
    pub(crate) fn lower_name_into(&self, node: u32, out: &mut String) {
        let (segment, slot) = self.place(node);
        if segment.marks[slot].is_ascii() {
            out.push_str(segment.folded_name(slot));
        } else {
            out.push_str(&segment.name(slot).to_lowercase());
        }
    }

    /// The path as the server spells it; `""` for the root.
    pub(crate) fn path(&self, node: u32) -> String {
        let mut names: Vec<&str> = self.lineage(node).map(|node| self.name(node)).collect();
        names.reverse();
        names.join("/")
    }

    /// The node and those above it, without the root.
    pub(crate) fn lineage(&self, node: u32) -> impl Iterator<Item = u32> {
        std::iter::successors((node != ROOT).then_some(node), |node| {
            Some(self.parent(*node)).filter(|parent| *parent != ROOT)
        })
    }

    pub(crate) fn children(&self, node: u32) -> impl Iterator<Item = u32> {
        let first = self.first_child(node);
        std::iter::successors(first, |node| {
            let (segment, slot) = self.place(*node);
            some(segment.nexts[slot])
        })
    }

    fn first_child(&self, node: u32) -> Option<u32> {
        let (segment, slot) = self.place(node);
        some(segment.first_children[slot])
    }

    /// The node and everything below it, parents before children.
    pub(crate) fn subtree(&self, top: u32) -> Vec<u32> {
        let mut nodes = vec![top];
        let mut next = 0;
        while let Some(node) = nodes.get(next).copied() {
            nodes.extend(self.children(node));
            next += 1;
        }
        nodes
    }

    /// Makes a node; `None` when numbers have run out.
    pub(crate) fn push(&mut self, parent: u32, name: &str, hash: u32) -> Option<u32> {
        let last = self.segments.last()?;
        if last.len() == SEGMENT_NODES || last.folded.len() > SEGMENT_BYTES {
            // The very last number means that there is none.
            if self.segments.len() == MAX_SEGMENTS - 1 {
                return None;
            }
            self.segments.push(Segment::new());
        }
        let above = if self.span() == 0 { Marks(0) } else { self.marks(parent) };
        let number = Self::number(self.segments.len() - 1, self.segments.last()?.len());
        let sibling = if number == ROOT { NONE } else { self.first_child(parent).unwrap_or(NONE) };

        let segment = self.segments.last_mut()?;
        let start = segment.folded.len();
        fold_into(name, &mut segment.folded);
        let mut marks = if name.is_empty() { 0 } else { (above.depth() + 1) & Marks::DEPTH };
        if above.is_dotted() || name.starts_with('.') {
            marks |= Marks::DOTTED;
        }
        if name.is_ascii() {
            marks |= Marks::ASCII;
        }
        segment.name_starts.push(offset(segment.names.len()));
        if segment.folded[start..] == *name {
            marks |= Marks::FOLDED;
        } else {
            segment.names.push_str(name);
        }
        segment.folded.push(char::from(SEPARATOR));
        segment.starts.push(offset(start));
        segment.marks.push(Marks(marks));
        segment.parents.push(parent);
        segment.first_children.push(NONE);
        segment.nexts.push(sibling);
        segment.previous.push(NONE);
        segment.hashes.push(hash);

        if number != ROOT {
            if sibling != NONE {
                let (segment, slot) = self.place_mut(sibling);
                segment.previous[slot] = number;
            }
            let (segment, slot) = self.place_mut(parent);
            segment.first_children[slot] = number;
        }
        Some(number)
    }

    /// Takes a node, with what is below it, out of its parent's children.
    pub(crate) fn unlink(&mut self, node: u32) {
        let (segment, slot) = self.place(node);
        let (parent, next, previous) = (segment.parents[slot], segment.nexts[slot], segment.previous[slot]);
        if next != NONE {
            let (segment, slot) = self.place_mut(next);
            segment.previous[slot] = previous;
        }
        if previous == NONE {
            let (segment, slot) = self.place_mut(parent);
            segment.first_children[slot] = next;
        } else {
            let (segment, slot) = self.place_mut(previous);
            segment.nexts[slot] = next;
        }
    }

    pub(crate) fn mark_gone(&mut self, node: u32) {
        let (segment, slot) = self.place_mut(node);
        segment.marks[slot].0 |= Marks::GONE;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.segments.iter().map(Segment::bytes).sum()
    }
}

fn some(node: u32) -> Option<u32> {
    (node != NONE).then_some(node)
}

/// Offsets stay far below the end of `u32`: see [`SEGMENT_BYTES`].
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
