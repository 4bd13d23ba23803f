//! The address of a server: whom the person trusts, and where requests go.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It cannot be read.
    #[error("{0:?} is not the address of a server")]
    NotAnAddress(String),
    /// Neither `http` nor `https`.
    #[error("a server is reached by https, not by {0:?}")]
    Scheme(String),
    /// It carries a user, a password, a query or a fragment.
    #[error("the address of a server has no user name, question mark or hash sign in it")]
    Extras,
}

/// The address that a deep link names: scheme, host, port, and the path below which `/api` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerAddress(Url);

impl ServerAddress {
    /// Reads an address such as `https://files.example.org`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim()).map_err(|_| AddressError::NotAnAddress(text.to_owned()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme(url.scheme().to_owned()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(AddressError::NotAnAddress(text.to_owned()));
        }
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(Self(url)) } else { Err(AddressError::Extras) }
    }

    /// Scheme, host and port: what is trusted or not. International host names are in their ASCII form, so that no
    /// letter looks like another.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether everybody on the way reads what is said.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || number.is_ok_and(|address| address.is_loopback())
    }

    /// The URL of something below the address. Each segment is encoded, so that none can add another.
    pub fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Addresses with a host always have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl TryFrom<String> for ServerAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<ServerAddress> for String {
    fn from(address: ServerAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressError, ServerAddress};

    fn address(text: &str) -> ServerAddress {
        ServerAddress::parse(text).expect(text)
    }

    #[test]
    fn its_origin_is_what_is_trusted() {
        assert_eq!(address("https://Files.Example.org:443/").origin(), "https://files.example.org");
        assert_eq!(address("http://127.0.0.1:8080/below/it/").origin(), "http://127.0.0.1:8080");
        assert_eq!(
            address("https://exаmple.org").origin(),
            "https://xn--exmple-4nf.org",
            "a Cyrillic letter"
        );
    }

    #[test]
    fn loopback_is_known_by_number_and_name() {
        for text in ["http://localhost:1", "http://127.0.0.1", "http://127.9.9.9:80", "http://[::1]:3"] {
            assert!(address(text).is_loopback(), "{text}");
        }
        for text in ["http://127.0.0.1.example.org", "http://localhost.example.org", "http://10.0.0.1"] {
            assert!(!address(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn segments_stay_segments() {
        let url = address("https://a.example/sub/").at(&["api", "companion", "../x?y", "lock"]);
        assert_eq!(url.as_str(), "https://a.example/sub/api/companion/..%2Fx%3Fy/lock");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert!(matches!(ServerAddress::parse("files.example.org"), Err(AddressError::NotAnAddress(_))));
        assert!(matches!(ServerAddress::parse("file:///etc"), Err(AddressError::Scheme(_))));
        assert!(matches!(ServerAddress::parse("javascript:alert(1)"), Err(AddressError::Scheme(_))));
        for text in ["https://u:p@a.example", "https://a.example/?x", "https://a.example/#x"] {
            assert_eq!(ServerAddress::parse(text), Err(AddressError::Extras), "{text}");
        }
    }
}
