//! How many connections one peer may have.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use tokio::sync::OwnedSemaphorePermit;

use crate::config::Limits;

/// Bits of an IPv6 address that tell one subscriber from another; the rest he may choose himself (RFC 6177).
const SUBSCRIBER_BITS: u32 = 64;

/// The connections of each peer. Loopback and the networks of [`Limits::unbounded_peers`] are not counted: many users
/// come through one proxy.
pub(super) struct Peers {
    bound: usize,
    unbounded: Vec<IpNet>,
    /// Only peers that have a connection.
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place among all and among those of its peer, given back when dropped.
pub(super) struct Place {
    _among_all: OwnedSemaphorePermit,
    counted: Option<(Arc<Peers>, IpAddr)>,
}

impl Peers {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            bound: limits.connections_per_peer,
            unbounded: limits.unbounded_peers.clone(),
            open: Mutex::default(),
        })
    }

    /// A place for one more connection of this peer; `None` if it has too many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, among_all: OwnedSemaphorePermit) -> Option<Place> {
        let address = address.to_canonical();
        if address.is_loopback() || self.unbounded.iter().any(|net| net.contains(&address)) {
            return Some(Place { _among_all: among_all, counted: None });
        }
        let peer = subscriber(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= self.bound {
            if *count == 0 {
                open.remove(&peer);
            }
            return None;
        }
        *count += 1;
        Some(Place { _among_all: among_all, counted: Some((Arc::clone(self), peer)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((peers, peer)) = &self.counted else { return };
        let mut open = peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(peer);
            }
        }
    }
}

fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => {
            IpAddr::V6(Ipv6Addr::from_bits(whole.to_bits() & (u128::MAX << (128 - SUBSCRIBER_BITS))))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn admit(peers: &Arc<Peers>, address: &str) -> Option<Place> {
        let all = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("it is free");
        peers.admit(address.parse().expect("an address"), all)
    }

    fn peers() -> Arc<Peers> {
        let unbounded = vec!["10.1.0.0/16".parse().expect("a network")];
        Peers::new(&Limits { connections_per_peer: 2, unbounded_peers: unbounded, ..Limits::default() })
    }

    #[test]
    fn a_peer_has_so_many_connections_and_gets_its_places_back() {
        let peers = peers();
        for (one, other) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")] {
            let first = admit(&peers, one).expect("the first");
            let _second = admit(&peers, one).expect("the second");
            assert!(admit(&peers, one).is_none());
            let _another_peer = admit(&peers, other).expect("another peer");
            drop(first);
            assert!(admit(&peers, one).is_some());
        }
        assert!(peers.open.lock().expect("no panic").is_empty(), "nothing is kept of peers that have gone");
    }

    #[test]
    fn an_address_is_a_peer_however_it_is_written_and_a_subscriber_is_one() {
        let peers = peers();
        let _held = [admit(&peers, "192.0.2.1"), admit(&peers, "::ffff:192.0.2.1")].map(Option::unwrap);
        assert!(admit(&peers, "192.0.2.1").is_none());
        let _held = [admit(&peers, "2001:db8::1"), admit(&peers, "2001:db8::ffff:2")].map(Option::unwrap);
        assert!(admit(&peers, "2001:db8::3").is_none());
    }

    #[test]
    fn proxies_and_programs_of_the_machine_are_not_counted() {
        let peers = peers();
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3"] {
            let held: Vec<_> = (0..10).map(|_| admit(&peers, address)).collect();
            assert!(held.iter().all(Option::is_some), "{address}");
        }
    }
}
