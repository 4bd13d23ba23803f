//! [`RequestConditions`]: the headers that decide whether, and how much of, a file is sent or replaced.

use crate::entity_tag::EntityTagList;
use crate::{EntityTag, Representation, parse_http_date};

/// Names of the headers that [`RequestConditions`] takes, lower-case.
pub const CONDITION_HEADERS: [&str; 6] =
    ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"];

/// The conditional headers and `Range`, as the client sent them. Nothing is checked here: what a malformed one means
/// depends on the method.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RequestConditions {
    /// RFC 9110 13.1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// RFC 9110 13.1.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_none_match: Option<String>,
    /// RFC 9110 13.1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_modified_since: Option<String>,
    /// RFC 9110 13.1.4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_unmodified_since: Option<String>,
    /// RFC 9110 13.1.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_range: Option<String>,
    /// RFC 9110 14.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

impl RequestConditions {
    /// Picks the headers out of a request's; others are passed over. Several lines of one name are one list (RFC 9110
    /// 5.3). Bytes that are not UTF-8 become U+FFFD, which no tag of ours holds: the condition stays, and fails.
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut conditions = Self::default();
        for (name, value) in headers {
            let Some(slot) = conditions.slot(name) else { continue };
            let value = String::from_utf8_lossy(value);
            match slot {
                Some(list) => {
                    list.push_str(", ");
                    list.push_str(&value);
                }
                None => *slot = Some(value.into_owned()),
            }
        }
        conditions
    }

    /// The same without `Range` and `If-Range`: for `HEAD`, for which ranges are not defined (RFC 9110 14.2).
    #[must_use]
    pub fn without_range(self) -> Self {
        Self { if_range: None, range: None, ..self }
    }

    /// Whether the request is unconditional and for the whole.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        let slots = [
            &mut self.if_match,
            &mut self.if_none_match,
            &mut self.if_modified_since,
            &mut self.if_unmodified_since,
            &mut self.if_range,
            &mut self.range,
        ];
        CONDITION_HEADERS
            .iter()
            .zip(slots)
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, slot)| slot)
    }

    /// Steps 1 and 2 of RFC 9110 13.2.2: whether the client's idea of the present state holds. A malformed `If-Match`
    /// holds for nothing; `If-Unmodified-Since` is ignored beside `If-Match`, when malformed, and when there is no date
    /// to compare with.
    pub(crate) fn state_is_as_expected(&self, current: Option<&Representation>) -> bool {
        if let Some(if_match) = &self.if_match {
            return current.is_some_and(|current| match EntityTagList::parse(if_match) {
                Some(EntityTagList::Any) => true,
                Some(EntityTagList::Tags(tags)) => {
                    let own = EntityTag::parse(&current.etag);
                    own.is_some_and(|own| tags.iter().any(|tag| tag.strong_eq(&own)))
                }
                None => false,
            });
        }
        let limit = self.if_unmodified_since.as_deref().and_then(parse_http_date);
        match (limit, current.and_then(|current| current.last_modified)) {
            (Some(limit), Some(last_modified)) => last_modified <= limit,
            _ => true,
        }
    }

    /// Step 3 of RFC 9110 13.2.2. `None` without the header, or when it is malformed.
    pub(crate) fn none_match(&self, current: Option<&Representation>) -> Option<bool> {
        let list = EntityTagList::parse(self.if_none_match.as_deref()?)?;
        let Some(current) = current else { return Some(true) };
        Some(match list {
            EntityTagList::Any => false,
            EntityTagList::Tags(tags) => {
                EntityTag::parse(&current.etag).is_none_or(|own| !tags.iter().any(|tag| tag.weak_eq(&own)))
            }
        })
    }

    /// Step 4 of RFC 9110 13.2.2, for reads without `If-None-Match`.
    pub(crate) fn modified_since(&self, current: &Representation) -> bool {
        let limit = self.if_modified_since.as_deref().and_then(parse_http_date);
        match (limit, current.last_modified) {
            (Some(limit), Some(last_modified)) => last_modified > limit,
            _ => true,
        }
    }

    /// Step 5 of RFC 9110 13.2.2: whether `Range` applies to the file as it stands.
    ///
    /// A date must be the one that we sent, to the second. Strictly it never is a strong validator for a file that may
    /// change twice in a second; but we always send an entity tag, and who has one must not send a date (13.1.5).
    pub(crate) fn range_applies(&self, current: &Representation) -> bool {
        let Some(if_range) = self.if_range.as_deref() else { return true };
        match EntityTag::parse(if_range.trim()) {
            Some(tag) => EntityTag::parse(&current.etag).is_some_and(|own| tag.strong_eq(&own)),
            None => current.last_modified.is_some_and(|own| parse_http_date(if_range) == Some(own)),
        }
    }
}
