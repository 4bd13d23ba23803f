//! Where an attempt comes from.

use std::net::IpAddr;

use ipnet::IpNet;

/// Longest `X-Forwarded-For` that is read, in bytes: a chain of some fifty proxies.
const MAX_FORWARDED_BYTES: usize = 2048;

/// The source when the host saw no peer: all of these share one bucket.
const UNKNOWN: &str = "unknown";

/// Networks of reverse proxies whose `X-Forwarded-For` is believed.
pub(super) struct TrustedProxies {
    networks: Vec<IpNet>,
}

impl TrustedProxies {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// The client's address: the peer, or behind a trusted proxy the nearest address that is not one itself. A header
    /// that makes no sense is no reason to believe any part of it.
    pub(super) fn source(&self, peer: Option<&str>, forwarded_for: Option<&str>) -> String {
        let Some(peer) = peer.and_then(address) else { return UNKNOWN.to_owned() };
        if !self.trusts(peer) {
            return peer.to_string();
        }
        self.client(forwarded_for).unwrap_or(peer).to_string()
    }

    fn client(&self, forwarded_for: Option<&str>) -> Option<IpAddr> {
        let header = forwarded_for.filter(|header| header.len() <= MAX_FORWARDED_BYTES)?;
        let chain: Vec<IpAddr> = header.split(',').map(address).collect::<Option<_>>()?;
        chain.into_iter().rev().find(|address| !self.trusts(*address))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// An IPv4 address in IPv6 clothes is the IPv4 address.
fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(peer: Option<&str>, forwarded_for: Option<&str>) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
        TrustedProxies::new(networks.to_vec()).source(peer, forwarded_for)
    }

    #[test]
    fn a_stranger_cannot_choose_his_address() {
        assert_eq!(source(Some("203.0.113.9"), Some("192.0.2.1")), "203.0.113.9");
    }

    #[test]
    fn behind_proxies_the_nearest_untrusted_address_counts() {
        assert_eq!(source(Some("10.0.0.1"), Some("192.0.2.1")), "192.0.2.1");
        assert_eq!(source(Some("10.0.0.1"), Some("198.51.100.7, 192.0.2.1, 10.0.0.2")), "192.0.2.1");
        assert_eq!(source(Some("::ffff:10.0.0.1"), Some("2001:db8::1")), "2001:db8::1");
        assert_eq!(source(Some("fd00::1"), Some("::ffff:192.0.2.1")), "192.0.2.1");
    }

    #[test]
    fn a_header_without_sense_is_not_believed() {
        for header in [
            "",
            "unknown",
            "192.0.2.1, nonsense",
            "nonsense, 192.0.2.1",
            "192.0.2.1:80",
            "10.0.0.2, 10.0.0.3",
        ] {
            assert_eq!(source(Some("10.0.0.1"), Some(header)), "10.0.0.1", "{header}");
        }
        assert_eq!(source(Some("10.0.0.1"), None), "10.0.0.1");
        assert_eq!(source(Some("10.0.0.1"), Some(&"192.0.2.1,".repeat(1000))), "10.0.0.1");
    }

    #[test]
    fn no_peer_is_unknown() {
        assert_eq!(source(None, Some("192.0.2.1")), "unknown");
        assert_eq!(source(Some("not an address"), None), "unknown");
    }
}
