//! [`Target`]: which share, and as whom.

use std::fmt;

use zeroize::Zeroizing;

/// The port of SMB over TCP (MS-SMB2 2.1).
pub const DEFAULT_PORT: u16 = 445;

/// A share and the account that signs in to it. `Debug` never shows the password; its memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    share: String,
    domain: String,
    user: String,
    password: Zeroizing<String>,
}

impl Target {
    /// `host` is a name or an address, IPv6 with or without brackets; `username` may carry its domain as `DOMAIN\user`
    /// or `user@domain`.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        share: impl Into<String>,
        username: &str,
        password: impl Into<String>,
    ) -> Self {
        let (domain, user) = split_domain(username);
        let host: String = host.into();
        let host = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .map_or(host.clone(), str::to_owned);
        Self {
            host,
            port,
            share: share.into().trim_matches(['/', '\\']).to_owned(),
            domain: domain.to_owned(),
            user: user.to_owned(),
            password: Zeroizing::new(password.into()),
        }
    }

    /// The server's name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The server's TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The share's name.
    pub fn share(&self) -> &str {
        &self.share
    }

    /// The account's domain; empty for an account of the server itself.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The account's name without its domain.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// `host:port` as a dialler wants it.
    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// `(domain, user)`. A name with both forms keeps the backslash as the separator, as Windows does.
fn split_domain(username: &str) -> (&str, &str) {
    if let Some((domain, user)) = username.split_once('\\') {
        return (domain, user);
    }
    match username.rsplit_once('@') {
        Some((user, domain)) if !user.is_empty() && !domain.is_empty() => (domain, user),
        _ => ("", username),
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Target")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("share", &self.share)
            .field("domain", &self.domain)
            .field("user", &self.user)
            .field("password", &"***")
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_comes_in_two_spellings() {
        for (username, domain, user) in [
            ("anna", "", "anna"),
            ("WORK\\anna", "WORK", "anna"),
            ("anna@work.example", "work.example", "anna"),
            ("a@b@work.example", "work.example", "a@b"),
            ("@anna", "", "@anna"),
            ("anna@", "", "anna@"),
        ] {
            let target = Target::new("nas", DEFAULT_PORT, "data", username, "secret");
            assert_eq!((target.domain(), target.user()), (domain, user), "{username}");
        }
    }

    #[test]
    fn addresses_are_ready_to_dial() {
        assert_eq!(Target::new("nas", 445, "data", "u", "p").address(), "nas:445");
        assert_eq!(Target::new("::1", 1445, "data", "u", "p").address(), "[::1]:1445");
        assert_eq!(Target::new("[::1]", 1445, "data", "u", "p").host(), "::1");
    }

    #[test]
    fn the_password_is_never_shown() {
        let shown = format!("{:?}", Target::new("nas", 445, "data", "anna", "correct horse"));
        assert!(!shown.contains("horse"), "{shown}");
    }
}
