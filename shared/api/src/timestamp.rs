//! Moments in JSON.

use std::borrow::Cow;

use causeway_internal::UnixMicros;
use causeway_versions::FileTime;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// A moment, written in UTC as `2026-01-02T03:04:05Z` or, when the microseconds are not zero, with six digits of them.
///
/// Read with any zone; without a zone it is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub UnixMicros);

/// A text that is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseTimestampError;

impl std::fmt::Display for ParseTimestampError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Input should be a valid datetime")
    }
}

impl std::error::Error for ParseTimestampError {}

impl Timestamp {
    /// Reads ISO 8601: date and time with or without zone, or a date alone (its midnight).
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        let text = text.trim();
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| Self::parse_without_zone(text));
        let micros = moment.ok_or(ParseTimestampError)?.unix_timestamp_nanos() / 1_000;
        i64::try_from(micros).map(|micros| Self(UnixMicros(micros))).map_err(|_| ParseTimestampError)
    }

    fn parse_without_zone(text: &str) -> Option<OffsetDateTime> {
        let seconds = format_description!(
            version = 2,
            "[year]-[month]-[day][first [T] [ ]][hour]:[minute][optional [:[second][optional [.[subsecond]]]]]"
        );
        let date = format_description!("[year]-[month]-[day]");
        let utc = |moment: PrimitiveDateTime| moment.assume_offset(UtcOffset::UTC);
        PrimitiveDateTime::parse(text, seconds)
            .map(utc)
            .or_else(|_| time::Date::parse(text, date).map(|date| utc(date.midnight())))
            .ok()
    }

    /// The form with `+00:00`, which `access_token_expires_at` has.
    pub fn to_offset_form(self) -> String {
        let text = self.to_string();
        format!("{}+00:00", text.trim_end_matches('Z'))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What RFC 3339 cannot write (before 1601, after 9999) comes out of no clock; the epoch stands for it.
        let text = FileTime::from_unix_micros(self.0.0).to_rfc3339_z();
        formatter.write_str(text.as_deref().unwrap_or("1970-01-01T00:00:00Z"))
    }
}

impl From<UnixMicros> for Timestamp {
    fn from(micros: UnixMicros) -> Self {
        Self(micros)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
