//! The one registry of file types: MIME types, categories, what needs conversion.
