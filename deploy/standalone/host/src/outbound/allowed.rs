//! `allowed_outbound_hosts`.

use http::Uri;

/// The hosts that one component may reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AllowedHosts(Vec<AllowedHost>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedHost {
    /// `None` stands for `*`.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    Exact(String),
    /// `*.example.com`, kept as `.example.com`.
    Below(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortPattern {
    Any,
    Exact(u16),
    /// The port that the scheme stands for.
    Default,
}

impl AllowedHosts {
    /// Reads entries in which variables have been put.
    pub(crate) fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        entries.into_iter().map(AllowedHost::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a request to this address may be sent.
    pub(crate) fn allows(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
        let Some(port) = uri.port_u16().or_else(|| default_port(scheme)) else { return false };
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|allowed| allowed.allows(scheme, &host, port))
    }
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self, String> {
        let wrong = |reason: &str| Err(format!("allowed_outbound_hosts: `{entry}` {reason}"));
        let Some((scheme, rest)) = entry.split_once("://") else {
            return wrong("has no scheme");
        };
        let scheme = match scheme {
            "*" => None,
            _ if !scheme.is_empty()
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
            {
                Some(scheme.to_ascii_lowercase())
            }
            _ => return wrong("has no proper scheme"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return wrong("has more than scheme, host and port");
        }
        // The colons of an IPv6 address stand inside brackets.
        let (host, port) = match rest.rfind(':') {
            Some(colon) if !rest[colon..].contains(']') => (&rest[..colon], Some(&rest[colon + 1..])),
            _ => (rest, None),
        };
        let port = match port {
            Some("*") => PortPattern::Any,
            Some(number) => match number.parse() {
                Ok(port) => PortPattern::Exact(port),
                Err(_) => return wrong("has a port that is neither a number nor `*`"),
            },
            None => match &scheme {
                Some(scheme) if default_port(scheme).is_some() => PortPattern::Default,
                _ => return wrong("needs a port"),
            },
        };
        let host = match host.to_ascii_lowercase() {
            host if host == "*" => HostPattern::Any,
            host if host == "self" || host.ends_with(".spin.internal") => {
                return wrong("asks for calls from component to component, which this host does not have");
            }
            host => match host.strip_prefix('*') {
                Some(suffix) if suffix.starts_with('.') && suffix.len() > 1 && !suffix.contains('*') => {
                    HostPattern::Below(suffix.to_owned())
                }
                None if !host.is_empty() && !host.contains('*') => HostPattern::Exact(host),
                _ => return wrong("has no proper host"),
            },
        };
        Ok(Self { scheme, host, port })
    }

    fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
            && match &self.host {
                HostPattern::Any => true,
                HostPattern::Exact(exact) => exact == host,
                HostPattern::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
            }
            && match self.port {
                PortPattern::Any => true,
                PortPattern::Exact(exact) => exact == port,
                PortPattern::Default => default_port(scheme) == Some(port),
            }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}
