//! `multipart/byteranges` (RFC 9110 14.6).

use std::ops::Range;

use crate::{Representation, Segment};

/// `bytes first-last/size`, for a range that is not empty.
pub(crate) fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

/// The body: head of a part, its bytes, and so on, and the closing boundary.
pub(crate) fn body(ranges: Vec<Range<u64>>, of: &Representation, boundary: &str) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(ranges.len() * 2 + 1);
    let mut separator = "";
    for range in ranges {
        let content_type = &of.content_type;
        let content_range = content_range(&range, of.size);
        let head = format!(
            "{separator}--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range}\r\n\r\n"
        );
        segments.push(Segment::Literal(head.into_bytes()));
        segments.push(Segment::File(range));
        separator = "\r\n";
    }
    segments.push(Segment::Literal(format!("\r\n--{boundary}--\r\n").into_bytes()));
    segments
}
