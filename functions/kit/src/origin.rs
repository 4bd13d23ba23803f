//! Where a request comes from. What of it is believed is for the sidecar, which knows the proxies.

use std::net::SocketAddr;

use crate::Headers;

/// More of `X-Forwarded-For` is not passed on, in bytes: proxies append to it, and what matters is the end.
const MAX_FORWARDED_FOR: usize = 4096;

/// The client's address, as far as the host and proxies tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Address of the other end of the connection, without its port.
    pub peer: Option<String>,
    /// `X-Forwarded-For`.
    pub forwarded_for: Option<String>,
}

impl Origin {
    /// What a request's headers say; the host sets the one with the peer, whatever a client has sent.
    pub(crate) fn of(headers: &Headers) -> Self {
        Self {
            peer: headers.get("spin-client-addr").map(without_port),
            forwarded_for: headers.joined("x-forwarded-for").map(end_of),
        }
    }
}

/// `127.0.0.1:50000` or `[::1]:50000` without the port; anything else as it is.
fn without_port(peer: &str) -> String {
    peer.parse::<SocketAddr>().map_or_else(|_| peer.to_owned(), |address| address.ip().to_string())
}

fn end_of(forwarded_for: String) -> String {
    let mut from = forwarded_for.len().saturating_sub(MAX_FORWARDED_FOR);
    while !forwarded_for.is_char_boundary(from) {
        from += 1;
    }
    if from == 0 { forwarded_for } else { forwarded_for[from..].to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)]) -> Origin {
        let entries = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Origin::of(&Headers::new(entries.collect()))
    }

    #[test]
    fn the_peers_port_is_left_out() {
        for (told, peer) in
            [("127.0.0.1:50000", "127.0.0.1"), ("[::1]:50000", "::1"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(of(&[("spin-client-addr", told)]).peer.as_deref(), Some(peer));
        }
        assert_eq!(of(&[]), Origin::default());
    }

    #[test]
    fn of_a_long_list_of_proxies_the_end_counts() {
        let both = of(&[("X-Forwarded-For", "10.0.0.1"), ("x-forwarded-for", "10.0.0.2")]);
        assert_eq!(both.forwarded_for.as_deref(), Some("10.0.0.1, 10.0.0.2"));
        let long = format!("{}, 10.0.0.3", "ü".repeat(MAX_FORWARDED_FOR));
        let kept = of(&[("x-forwarded-for", &long)]).forwarded_for.unwrap();
        assert!(kept.len() <= MAX_FORWARDED_FOR && kept.ends_with(", 10.0.0.3"), "{}", kept.len());
    }
}
