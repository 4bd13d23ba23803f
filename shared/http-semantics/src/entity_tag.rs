//! Entity tags, one and listed (RFC 9110 8.8.3, 13.1.1).

/// One entity tag, borrowed from the header that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// `W/`: equivalent, not equal byte for byte.
    pub is_weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    /// Reads exactly one tag, without white space around.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (tag, rest) = Self::split_first(text)?;
        rest.is_empty().then_some(tag)
    }

    /// RFC 9110 8.8.3.2: equal, and neither is weak.
    pub fn strong_eq(&self, other: &Self) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// RFC 9110 8.8.3.2: equal, weak or not.
    pub fn weak_eq(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// The tag at the start of `text`, and what follows it.
    fn split_first(text: &'a str) -> Option<(Self, &'a str)> {
        // The mark is case-sensitive.
        let (is_weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let (opaque, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        // etagc: anything visible but the quote, and whatever lies outside ASCII.
        let is_tag_character = |byte: u8| byte == b'!' || (b'#'..=b'~').contains(&byte) || byte >= 0x80;
        opaque.bytes().all(is_tag_character).then_some((Self { is_weak, opaque }, rest))
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTagList<'a> {
    /// `*`: whatever is there.
    Any,
    /// At least one tag.
    Tags(Vec<EntityTag<'a>>),
}

impl<'a> EntityTagList<'a> {
    /// Reads the whole value; `None` when any of it is malformed or when there is no tag. Empty members are passed over
    /// (RFC 9110 5.6.1.2). The list is as long as the host lets a header be.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut rest = trim_start(text);
        if rest.strip_prefix('*').is_some_and(|rest| trim_start(rest).is_empty()) {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return if tags.is_empty() { None } else { Some(Self::Tags(tags)) };
            }
            let (tag, after) = EntityTag::split_first(rest)?;
            tags.push(tag);
            rest = trim_start(after);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }
}

/// Optional white space of HTTP is blanks and tabs only (RFC 9110 5.6.3).
fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
