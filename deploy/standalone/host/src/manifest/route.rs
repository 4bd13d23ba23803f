//! The pattern of a route.

use std::fmt;

use routefinder::RouteSpec;

/// A route such as `/hello`, `/user/:id` or `/files/...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    raw: String,
    segments: Vec<SegmentPattern>,
    wildcard: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SegmentPattern {
    Exact(String),
    Any,
}

impl RoutePattern {
    /// Reads a pattern; the error is a phrase about it.
    pub fn parse(raw: &str) -> Result<Self, String> {
        if !raw.starts_with('/') {
            return Err(format!("route `{raw}` does not start with `/`"));
        }
        let (fixed, wildcard) = match raw.strip_suffix("/...") {
            Some(prefix) => (prefix, true),
            None => (raw, false),
        };
        if fixed.contains('*') || fixed.contains("...") {
            return Err(format!("route `{raw}` may have a wildcard only as `/...` at its end"));
        }
        if fixed.contains(['?', '#']) {
            return Err(format!("route `{raw}` has a query or a fragment"));
        }
        let mut segments = Vec::new();
        let mut names = Vec::new();
        for segment in fixed.split('/').filter(|segment| !segment.is_empty()) {
            segments.push(match segment.strip_prefix(':') {
                Some(name) => {
                    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                    if name.is_empty() || !plain {
                        return Err(format!(
                            "route `{raw}` has a parameter `{segment}` without a plain name"
                        ));
                    }
                    if names.contains(&name) {
                        return Err(format!("route `{raw}` has the parameter `{segment}` twice"));
                    }
                    names.push(name);
                    SegmentPattern::Any
                }
                None => SegmentPattern::Exact(segment.to_owned()),
            });
        }
        Ok(Self { raw: raw.to_owned(), segments, wildcard })
    }

    /// The pattern as written in the manifest.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The pattern without a trailing `/...`.
    pub fn prefix(&self) -> &str {
        self.raw.strip_suffix("/...").unwrap_or(&self.raw)
    }

    /// The pattern in the syntax of `routefinder`.
    pub(crate) fn spec(&self) -> Result<RouteSpec, String> {
        if self.wildcard { format!("{}/*", self.prefix()).parse() } else { self.raw.parse() }
    }

    /// Whether a path agrees with the pattern segment by segment.
    ///
    /// `routefinder` finds the best pattern but lets `/filesystem` through for `/files/...`, because it compares
    /// prefixes without looking at the end of a segment; this is the second look.
    pub(crate) fn fits(&self, path: &str) -> bool {
        let mut given = path.split('/').filter(|segment| !segment.is_empty());
        for wanted in &self.segments {
            match (wanted, given.next()) {
                (SegmentPattern::Exact(exact), Some(segment)) if exact == segment => {}
                (SegmentPattern::Any, Some(_)) => {}
                _ => return false,
            }
        }
        self.wildcard || given.next().is_none()
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}
