//! [`Sealer`]: encryption of single values at rest.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes of the key.
pub(super) const KEY_BYTES: usize = 32;

/// Bytes of the nonce: long enough to be drawn at random for every value (draft-irtf-cfrg-xchacha-03 section 3.1).
const NONCE_BYTES: usize = 24;

/// How sealed values begin. Another algorithm or key gets another number, and the old one stays readable.
const VERSION: &str = "v1.";

/// Encrypts values for one place each: what was sealed for one row and column does not open in another
/// (XChaCha20-Poly1305 with the place as associated data).
pub(crate) struct Sealer {
    cipher: XChaCha20Poly1305,
}

/// The value was sealed with another key or for another place, or has been altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open with this key")]
pub(crate) struct UnsealError;

/// The system's source of randomness fails, or the value is too long for the cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value could not be sealed")]
pub(crate) struct SealError;

impl Sealer {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()) }
    }

    /// Seals a value for that field of that row.
    pub(crate) fn seal(&self, row: Uuid, field: &str, value: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        OsRng.try_fill_bytes(&mut nonce).map_err(|_| SealError)?;
        let place = place(row, field);
        let payload = Payload { msg: value.as_bytes(), aad: &place };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| SealError)?;
        Ok(format!("{VERSION}{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Opens what [`seal`](Self::seal) made for the same field of the same row.
    pub(crate) fn open(
        &self,
        row: Uuid,
        field: &str,
        sealed: &str,
    ) -> Result<Zeroizing<String>, UnsealError> {
        let encoded = sealed.strip_prefix(VERSION).ok_or(UnsealError)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| UnsealError)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(UnsealError)?;
        let place = place(row, field);
        let payload = Payload { msg: sealed, aad: &place };
        let value = self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| UnsealError)?;
        match String::from_utf8(value) {
            Ok(value) => Ok(Zeroizing::new(value)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(UnsealError)
            }
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// The id has a fixed length, so no two places have the same bytes.
fn place(row: Uuid, field: &str) -> Vec<u8> {
    [row.as_bytes().as_slice(), field.as_bytes()].concat()
}
