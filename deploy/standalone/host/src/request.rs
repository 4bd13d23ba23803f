//! What a request has to look like before a component sees it.

use std::net::SocketAddr;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri, Version};

use crate::routes::RouteMatch;

/// Spin's headers begin with this; a client's own are taken out, since components trust them.
const SPIN_PREFIX: &str = "spin-";

/// The host of requests that name none (HTTP/1.0).
const DEFAULT_HOST: &str = "localhost";

/// Headers of which there is one at most, and what is said to a request with more. A proxy in front may heed another
/// of them than we do (RFC 9110 5.3, RFC 9112 3.2 and 6.3). Of HTTP/1.1 hyper takes the same length twice as one, and
/// refuses two.
const SINGLETONS: &[(HeaderName, &str)] = &[
    (HOST, "There is more than one Host header"),
    (AUTHORIZATION, "There is more than one Authorization header"),
    (CONTENT_LENGTH, "There is more than one Content-Length header"),
    (CONTENT_TYPE, "There is more than one Content-Type header"),
];

/// Why a request may mean one thing to us and another to whoever else reads it; a phrase for the client.
pub(crate) fn ambiguity<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    // RFC 9112 3.2: also when the target is absolute.
    if request.version() == Version::HTTP_11 && !headers.contains_key(HOST) {
        return Some("There is no Host header");
    }
    SINGLETONS.iter().find(|(name, _)| headers.get_all(name).iter().nth(1).is_some()).map(|(_, fault)| *fault)
}

/// Makes the URI absolute and puts Spin's headers in. The error is a phrase for the client.
pub(crate) fn prepare(
    parts: &mut Parts,
    found: &RouteMatch<'_, '_>,
    peer: SocketAddr,
) -> Result<(), &'static str> {
    let forged: Vec<HeaderName> =
        parts.headers.keys().filter(|name| name.as_str().starts_with(SPIN_PREFIX)).cloned().collect();
    for name in forged {
        parts.headers.remove(name);
    }
    let authority = authority(parts)?;
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let full_url = format!("http://{authority}{path}");
    parts.uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| "the request's address is malformed")?;

    let target = found.target;
    let mut put = |name: HeaderName, value: &str| {
        // Parts of a URI and of the manifest; a value that no header can carry is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            parts.headers.insert(name, value);
        }
    };
    put(HeaderName::from_static("spin-full-url"), &full_url);
    put(HeaderName::from_static("spin-path-info"), &found.path_info);
    put(HeaderName::from_static("spin-matched-route"), &target.based);
    put(HeaderName::from_static("spin-base-path"), "/");
    put(HeaderName::from_static("spin-raw-component-route"), target.pattern.as_str());
    put(HeaderName::from_static("spin-component-route"), target.pattern.prefix());
    put(HeaderName::from_static("spin-client-addr"), &peer.to_string());
    for (parameter, value) in &found.parameters {
        let name = format!("spin-path-match-{}", parameter.to_ascii_lowercase().replace('_', "-"));
        if let Ok(name) = HeaderName::try_from(name) {
            put(name, value);
        }
    }
    Ok(())
}

/// Whom the request is addressed to: `:authority` of HTTP/2 or an absolute target, else `Host`.
fn authority(parts: &Parts) -> Result<Authority, &'static str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let authority = match (parts.uri.authority(), hosts.next(), hosts.next()) {
        (_, _, Some(_)) => return Err("there is more than one Host header"),
        (Some(authority), _, None) => authority.clone(),
        (None, Some(host), None) => {
            Authority::try_from(host.as_bytes()).map_err(|_| "the Host header is malformed")?
        }
        (None, None, None) => Authority::from_static(DEFAULT_HOST),
    };
    // RFC 9110 4.2.4: user information has no place here.
    if authority.as_str().contains('@') { Err("the Host header is malformed") } else { Ok(authority) }
}
