//! `Range` (RFC 9110 14.1, 14.2): bytes only.

use std::ops::Range;

/// Most ranges in one request. Readers of PDF and archives ask for a handful; each one costs a part header, and a
/// request for thousands is an attack (RFC 9110 17.15), answered with the whole file.
pub const MAX_RANGES: usize = 32;

/// One range as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeSpec {
    /// `first-` or `first-last`, both inclusive. Numbers beyond 64 bits count as the largest.
    Bytes {
        /// First byte.
        first: u64,
        /// Last byte; to the end without.
        last: Option<u64>,
    },
    /// `-length`: the last `length` bytes.
    Suffix {
        /// How many.
        length: u64,
    },
}

impl RangeSpec {
    /// The bytes of a content of `size` bytes that are meant; `None` when there are none.
    fn resolve(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Bytes { first, last } => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
            Self::Suffix { length } => size.saturating_sub(length)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

/// What a `Range` comes to for a content of a certain size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedRanges {
    /// Nothing of it exists: 416.
    Unsatisfiable,
    /// At least one range; none is empty, none reaches beyond the end, no two overlap.
    Satisfiable(Vec<Range<u64>>),
}

/// Reads the header. `None` means that it is to be ignored: another unit, anything malformed, a last byte before the
/// first, more than [`MAX_RANGES`] ranges (RFC 9110 14.2 allows that for each).
pub fn parse_range(header: &str) -> Option<Vec<RangeSpec>> {
    let (unit, set) = header.trim_matches([' ', '\t']).split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for member in set.split(',') {
        let member = member.trim_matches([' ', '\t']);
        // Empty members of a list are passed over (RFC 9110 5.6.1.2).
        if member.is_empty() {
            continue;
        }
        if specs.len() == MAX_RANGES {
            return None;
        }
        specs.push(spec(member)?);
    }
    (!specs.is_empty()).then_some(specs)
}

fn spec(text: &str) -> Option<RangeSpec> {
    let (first, last) = text.split_once('-')?;
    if first.is_empty() {
        return Some(RangeSpec::Suffix { length: number(last)? });
    }
    let first = number(first)?;
    let last = if last.is_empty() { None } else { Some(number(last)?) };
    last.is_none_or(|last| first <= last).then_some(RangeSpec::Bytes { first, last })
}

fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Only overflow is left to fail.
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Fits ranges to a content of `size` bytes. The order of the request is kept, unless ranges overlap: then they are
/// sorted and the overlapping ones become one (RFC 9110 15.3.7.2), so that no byte is sent twice.
pub fn resolve_ranges(specs: &[RangeSpec], size: u64) -> ResolvedRanges {
    let ranges: Vec<_> = specs.iter().filter_map(|spec| spec.resolve(size)).collect();
    if ranges.is_empty() {
        return ResolvedRanges::Unsatisfiable;
    }
    let mut sorted = ranges.clone();
    sorted.sort_unstable_by_key(|range| range.start);
    if sorted.windows(2).all(|pair| pair[0].end <= pair[1].start) {
        return ResolvedRanges::Satisfiable(ranges);
    }
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    ResolvedRanges::Satisfiable(merged)
}
