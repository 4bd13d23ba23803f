//! The secrets of an installation: made at the first start, kept in one file that only its owner may read.

mod file;
mod sealer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use rand::TryRngCore as _;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

pub(crate) use self::file::SecretsError;
pub(crate) use self::sealer::{SealError, Sealer};
use crate::config::SecretOverrides;

/// Bytes of the token secret and of the service token, before they are written in hex (256 bits: RFC 7518 3.2).
const TOKEN_BYTES: usize = 32;

/// Shortest secret accepted from outside, in bytes: 128 bits even when it is written in hex.
const MIN_OVERRIDE_BYTES: usize = 32;

/// What signs, proves and encrypts. `Debug` shows nothing of it; its memory is wiped on drop.
pub(crate) struct Secrets {
    token_secret: Zeroizing<String>,
    service_token: Zeroizing<String>,
    encryption_key: Zeroizing<[u8; sealer::KEY_BYTES]>,
}

impl Secrets {
    /// Reads the secrets of that data directory, or makes them there. What is given from outside takes precedence and
    /// is not written down.
    pub(crate) fn load_or_create(data_dir: &Path, overrides: &SecretOverrides) -> Result<Self, SecretsError> {
        let mut secrets = match file::load(data_dir)? {
            Some(secrets) => secrets,
            None => file::create(data_dir, Self::generate()?)?,
        };
        if let Some(given) = chosen("the token secret", overrides.token_secret.as_deref())? {
            secrets.token_secret = given;
        }
        if let Some(given) = chosen("the service token", overrides.service_token.as_deref())? {
            secrets.service_token = given;
        }
        Ok(secrets)
    }

    /// Key of the browsers' access tokens, used as the bytes that it is written with (64 hex digits when generated).
    pub(crate) fn token_secret(&self) -> &str {
        &self.token_secret
    }

    /// What functions prove themselves with.
    pub(crate) fn service_token(&self) -> &str {
        &self.service_token
    }

    /// Encrypts what the database keeps for others.
    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(&self.encryption_key)
    }

    fn generate() -> Result<Self, SecretsError> {
        Ok(Self {
            token_secret: hex(random::<TOKEN_BYTES>()?.as_slice()),
            service_token: hex(random::<TOKEN_BYTES>()?.as_slice()),
            encryption_key: random()?,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// A secret from outside, refused when it is so short that it must be a mistake; a blank one counts as none.
fn chosen(what: &'static str, given: Option<&str>) -> Result<Option<Zeroizing<String>>, SecretsError> {
    match given.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) if text.len() < MIN_OVERRIDE_BYTES => Err(SecretsError::TooShort(what)),
        Some(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
    }
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, SecretsError> {
    let mut bytes = Zeroizing::new([0; N]);
    OsRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(|error| SecretsError::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

/// Lower-case hex.
fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0x0f)]);
    Zeroizing::new(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect())
}
