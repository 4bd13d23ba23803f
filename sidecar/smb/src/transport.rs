//! The TCP transport with a hand on NEGOTIATE.
//!
//! smb2 0.39 offers ciphers in its NEGOTIATE request and does not set `SMB2_GLOBAL_CAP_ENCRYPTION`, so that servers must
//! not encrypt with it (MS-SMB2 3.3.5.4, 3.3.5.7). It also says only that signing is possible. This transport sets both
//! bits on the way out. Because the keys of SMB 3.1.1 derive from a hash over the exact bytes of NEGOTIATE (MS-SMB2
//! 3.1.4.4.1), it keeps them, and [`NegotiateTap::preauth_hash`] gives the hash that the server has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smb2::crypto::kdf::PreauthHasher;
use smb2::transport::{ReceiveProgress, TcpTransport, TransportReceive, TransportSend};
use smb2::types::flags::{Capabilities, SecurityMode};

/// Where the command stands in a header (MS-SMB2 2.2.1.2); NEGOTIATE is 0.
const COMMAND: std::ops::Range<usize> = 12..14;
/// `SecurityMode` of a NEGOTIATE request: 4 bytes after the 64 of the header (MS-SMB2 2.2.3).
const SECURITY_MODE: usize = 68;
/// `Capabilities` of a NEGOTIATE request.
const CAPABILITIES: usize = 72;
/// The fixed part of a NEGOTIATE request with its header.
const NEGOTIATE_MIN: usize = 64 + 36;

/// What went over the wire as NEGOTIATE.
#[derive(Debug, Default)]
pub(crate) struct NegotiateTap {
    seen: Mutex<Exchange>,
}

#[derive(Debug, Default)]
struct Exchange {
    request: Option<Vec<u8>>,
    response: Option<Vec<u8>>,
}

impl NegotiateTap {
    /// The hash over the exchange as it went over the wire; `None` before it is complete.
    pub(crate) fn preauth_hash(&self) -> Option<PreauthHasher> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (request, response) = (seen.request.take()?, seen.response.take()?);
        let mut hasher = PreauthHasher::new();
        hasher.update(&request);
        hasher.update(&response);
        Some(hasher)
    }

    /// The first request with the bits set, `None` for every later one.
    fn amend(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.request.is_some() || message.len() < NEGOTIATE_MIN || message[COMMAND] != [0, 0] {
            return None;
        }
        let mut amended = message.to_vec();
        set_bits(&mut amended[SECURITY_MODE..], &SecurityMode::SIGNING_REQUIRED.to_le_bytes());
        set_bits(&mut amended[CAPABILITIES..], &Capabilities::ENCRYPTION.to_le_bytes());
        seen.request = Some(amended.clone());
        Some(amended)
    }

    fn note_response(&self, message: &[u8]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.response.is_none() {
            seen.response = Some(message.to_vec());
        }
    }
}

fn set_bits(field: &mut [u8], bits: &[u8]) {
    for (byte, bit) in field.iter_mut().zip(bits) {
        *byte |= bit;
    }
}

/// One TCP connection, tapped.
pub(crate) struct TappedTransport {
    tcp: TcpTransport,
    tap: Arc<NegotiateTap>,
    /// Whether a direction still waits for its half of NEGOTIATE; afterwards nothing is looked at.
    sending: std::sync::atomic::AtomicBool,
    receiving: std::sync::atomic::AtomicBool,
}

impl TappedTransport {
    /// Dials. `timeout` covers name resolution and all addresses.
    pub(crate) async fn connect(address: &str, timeout: Duration) -> smb2::Result<Self> {
        Ok(Self {
            tcp: TcpTransport::connect(address, timeout).await?,
            tap: Arc::default(),
            sending: true.into(),
            receiving: true.into(),
        })
    }

    pub(crate) fn tap(&self) -> Arc<NegotiateTap> {
        Arc::clone(&self.tap)
    }
}

use std::sync::atomic::Ordering::Relaxed;

/// The two halves that smb2 wants, of one transport.
pub(crate) struct SendHalf(pub(crate) Arc<TappedTransport>);
pub(crate) struct ReceiveHalf(pub(crate) Arc<TappedTransport>);

#[async_trait]
impl TransportSend for SendHalf {
    async fn send(&self, data: &[u8]) -> smb2::Result<()> {
        if self.0.sending.swap(false, Relaxed)
            && let Some(amended) = self.0.tap.amend(data)
        {
            return self.0.tcp.send(&amended).await;
        }
        self.0.tcp.send(data).await
    }
}

#[async_trait]
impl TransportReceive for ReceiveHalf {
    async fn receive(&self) -> smb2::Result<Vec<u8>> {
        let message = self.0.tcp.receive().await?;
        if self.0.receiving.swap(false, Relaxed) {
            self.0.tap.note_response(&message);
        }
        Ok(message)
    }

    fn receive_progress(&self) -> Option<Arc<ReceiveProgress>> {
        self.0.tcp.receive_progress()
    }
}
