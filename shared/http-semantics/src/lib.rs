//! Ranges, conditional requests, entity tags and content disposition (RFC 9110, 6266, 8187).
//!
//! The headers of a request travel as they came, in [`RequestConditions`], to where the file is open. There
//! [`plan_read`] says what of it to send and under which status, and [`plan_write`] whether a file may be replaced.
//! Both are pure: the same headers and the same [`Representation`] give the same plan.

mod conditions;
mod content_disposition;
mod date;
mod entity_tag;
mod multipart;
mod range;
mod read_plan;
mod representation;
mod security_headers;
mod write_plan;

pub use conditions::{CONDITION_HEADERS, RequestConditions};
pub use content_disposition::{Disposition, content_disposition};
pub use date::{format_http_date, parse_http_date};
pub use entity_tag::{EntityTag, EntityTagList};
pub use range::{MAX_RANGES, RangeSpec, ResolvedRanges, parse_range, resolve_ranges};
pub use read_plan::{ReadPlan, ReadStatus, Segment, plan_read};
pub use representation::Representation;
pub use security_headers::{Surface, security_headers};
pub use write_plan::{WriteVerdict, plan_write};
