//! The headers of a request.

/// Headers as the client sent them, names in lower-case.
#[derive(Debug, Clone, Default)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// From names and values as the host has them.
    pub fn new(entries: Vec<(String, Vec<u8>)>) -> Self {
        let lower = |(name, value): (String, Vec<u8>)| (name.to_ascii_lowercase(), value);
        Self(entries.into_iter().map(lower).collect())
    }

    /// The first value of that name (in lower-case) as text; `None` when it is missing or no UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// All values of that name as one list (RFC 9110 5.3).
    pub fn joined(&self, name: &str) -> Option<String> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        let values: Vec<_> = values.filter_map(|(_, value)| std::str::from_utf8(value).ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The media type of the body without its parameters, in lower-case.
    pub fn media_type(&self) -> Option<String> {
        let value = self.get("content-type")?;
        let essence = value.split(';').next().unwrap_or(value);
        Some(essence.trim().to_ascii_lowercase())
    }
}
