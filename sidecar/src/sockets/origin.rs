//! Which pages may open a socket.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderMap, Uri, header};

/// The address that browsers use, of which only the origin matters (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
}

/// A text that is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be like https://files.example.org")]
pub struct NoPublicUrl;

impl PublicUrl {
    /// Whether a page of that origin may connect. Programs that are no browsers send none.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => {
                origin.to_str().is_ok_and(|origin| origin.eq_ignore_ascii_case(&self.origin))
            }
            (Some(_), Some(_)) => false,
        }
    }
}

impl FromStr for PublicUrl {
    type Err = NoPublicUrl;

    fn from_str(text: &str) -> Result<Self, NoPublicUrl> {
        let uri: Uri = text.trim().parse().map_err(|_| NoPublicUrl)?;
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return Err(NoPublicUrl),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(NoPublicUrl)?;
        // Browsers leave the scheme's own port out of an origin.
        let origin = match uri.port_u16().filter(|port| *port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self { origin: origin.to_lowercase() })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn admits(url: &str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        url.parse::<PublicUrl>().unwrap().admits(&headers)
    }

    #[test]
    fn only_pages_of_the_public_address_may_connect() {
        let url = "https://Files.example.org:443/causeway/";
        assert!(admits(url, Some("https://files.example.org")));
        assert!(admits(url, None), "programs");
        for origin in [
            "http://files.example.org",
            "https://files.example.org:444",
            "https://evil.example",
            "https://files.example.org.evil.example",
            "null",
            "",
        ] {
            assert!(!admits(url, Some(origin)), "{origin}");
        }
        assert!(admits("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")));
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append(header::ORIGIN, HeaderValue::from_static("https://a.example"));
        }
        assert!(!"https://a.example".parse::<PublicUrl>().unwrap().admits(&headers));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "files.example.org", "ftp://files.example.org", "https://", "/path"] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
