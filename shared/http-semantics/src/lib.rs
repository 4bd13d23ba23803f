//! Ranges, conditional requests, entity tags and content disposition (RFC 9110, 6266, 8187).
