//! [`plan_read`]: what to answer to `GET` or `HEAD` of a file.

use std::borrow::Cow;
use std::ops::Range;

use crate::multipart::{self, content_range};
use crate::{
    Representation, RequestConditions, ResolvedRanges, format_http_date, parse_range, resolve_ranges,
};

/// The statuses that a file is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadStatus {
    /// 200: the whole.
    Ok,
    /// 206: some of it.
    PartialContent,
    /// 304: the client has it already.
    NotModified,
    /// 412: it is not what the client expected.
    PreconditionFailed,
    /// 416: it has no such bytes.
    RangeNotSatisfiable,
}

impl ReadStatus {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::PartialContent => 206,
            Self::NotModified => 304,
            Self::PreconditionFailed => 412,
            Self::RangeNotSatisfiable => 416,
        }
    }

    /// Whether bytes of the file follow. The body of an error is the caller's, and 304 has none.
    pub const fn has_content(self) -> bool {
        matches!(self, Self::Ok | Self::PartialContent)
    }
}

/// A piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// These bytes.
    Literal(Vec<u8>),
    /// These bytes of the file; never empty.
    File(Range<u64>),
}

impl Segment {
    /// How many bytes it is.
    pub fn len(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReadPlan {
    /// Status line.
    pub status: ReadStatus,
    /// Headers to add, names in lower-case: `etag`, `last-modified`, `accept-ranges`, `content-range`, and
    /// `content-type` for the statuses with content. `content-length` is the next field.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Length of the content in bytes, exact; 0 for the statuses without.
    pub content_length: u64,
    /// The content in order. It stays with whoever reads the file: serialised, a plan has none.
    #[serde(skip)]
    pub segments: Vec<Segment>,
}

impl ReadPlan {
    /// The one range of the file that is the whole body; `None` for multipart and for an empty body.
    pub fn single_range(&self) -> Option<Range<u64>> {
        match self.segments.as_slice() {
            [Segment::File(range)] => Some(range.clone()),
            _ => None,
        }
    }

    /// What is left to travel once the content has gone its own way.
    #[must_use]
    pub fn without_segments(self) -> Self {
        Self { segments: Vec::new(), ..self }
    }
}

/// Decides what a read is answered with, in the order of RFC 9110 13.2.2. For `HEAD` pass
/// [`RequestConditions::without_range`], and send no body.
///
/// `boundary` separates the parts of several ranges: 1 to 70 letters and digits (RFC 2046 5.1.1) that the content cannot
/// foresee, a fresh UUID in hexadecimal for example.
///
/// A `Range` for an empty file is ignored: no `Content-Range` could describe the answer, and players that always ask
/// for `bytes=0-` want their empty file.
pub fn plan_read(conditions: &RequestConditions, current: &Representation, boundary: &str) -> ReadPlan {
    if !conditions.state_is_as_expected(Some(current)) {
        return without_content(ReadStatus::PreconditionFailed, Vec::new());
    }
    let is_fresh_for_client = match (&conditions.if_none_match, conditions.none_match(Some(current))) {
        // A malformed list matches nothing, and silences `If-Modified-Since` all the same.
        (Some(_), none_match) => none_match == Some(false),
        (None, _) => !conditions.modified_since(current),
    };
    if is_fresh_for_client {
        return without_content(ReadStatus::NotModified, validators(current));
    }
    let specs = conditions.range.as_deref().filter(|_| current.size > 0).and_then(parse_range);
    let Some(specs) = specs.filter(|_| conditions.range_applies(current)) else { return whole(current) };
    match resolve_ranges(&specs, current.size) {
        ResolvedRanges::Unsatisfiable => {
            let headers = vec![
                ("accept-ranges".into(), "bytes".to_owned()),
                ("content-range".into(), format!("bytes */{}", current.size)),
            ];
            without_content(ReadStatus::RangeNotSatisfiable, headers)
        }
        ResolvedRanges::Satisfiable(ranges) => partial(ranges, current, boundary),
    }
}

fn whole(current: &Representation) -> ReadPlan {
    let mut headers = content_headers(current);
    headers.push(("content-type".into(), current.content_type.clone()));
    let segments = if current.size > 0 { vec![Segment::File(0..current.size)] } else { Vec::new() };
    ReadPlan { status: ReadStatus::Ok, headers, content_length: current.size, segments }
}

fn partial(ranges: Vec<Range<u64>>, current: &Representation, boundary: &str) -> ReadPlan {
    let mut headers = content_headers(current);
    let segments = if let [only] = ranges.as_slice() {
        headers.push(("content-type".into(), current.content_type.clone()));
        headers.push(("content-range".into(), content_range(only, current.size)));
        vec![Segment::File(only.clone())]
    } else {
        headers.push(("content-type".into(), format!("multipart/byteranges; boundary={boundary}")));
        multipart::body(ranges, current, boundary)
    };
    let content_length = segments.iter().map(Segment::len).fold(0, u64::saturating_add);
    ReadPlan { status: ReadStatus::PartialContent, headers, content_length, segments }
}

fn without_content(status: ReadStatus, headers: Vec<(Cow<'static, str>, String)>) -> ReadPlan {
    ReadPlan { status, headers, content_length: 0, segments: Vec::new() }
}

fn content_headers(current: &Representation) -> Vec<(Cow<'static, str>, String)> {
    let mut headers = validators(current);
    headers.push(("accept-ranges".into(), "bytes".to_owned()));
    headers
}

fn validators(current: &Representation) -> Vec<(Cow<'static, str>, String)> {
    let mut headers = vec![("etag".into(), current.etag.clone())];
    if let Some(date) = current.last_modified.and_then(format_http_date) {
        headers.push(("last-modified".into(), date));
    }
    headers
}
