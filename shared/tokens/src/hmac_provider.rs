//! Signatures with a shared secret (RFC 7518 3.2), and no others.
//!
//! `jsonwebtoken` brings providers with every algorithm there is. Nothing here uses the others: they would triple the
//! size of each function, and the one for RSA has a known weakness (RUSTSEC-2023-0071) without a remedy.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::{Sha256, Sha384, Sha512};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| {
        Ok(match algorithm {
            Algorithm::HS256 => signer::<Hmac<Sha256>>(*algorithm, key.as_bytes())?,
            Algorithm::HS384 => signer::<Hmac<Sha384>>(*algorithm, key.as_bytes())?,
            Algorithm::HS512 => signer::<Hmac<Sha512>>(*algorithm, key.as_bytes())?,
            _ => return Err(ErrorKind::InvalidAlgorithm.into()),
        })
    },
    verifier_factory: |algorithm, key: &DecodingKey| {
        Ok(match algorithm {
            Algorithm::HS256 => verifier::<Hmac<Sha256>>(*algorithm, key.try_get_as_bytes()?)?,
            Algorithm::HS384 => verifier::<Hmac<Sha384>>(*algorithm, key.try_get_as_bytes()?)?,
            Algorithm::HS512 => verifier::<Hmac<Sha512>>(*algorithm, key.try_get_as_bytes()?)?,
            _ => return Err(ErrorKind::InvalidAlgorithm.into()),
        })
    },
    // Asked only for JSON web keys, which nothing here has.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Lets `jsonwebtoken` sign and check with HMAC. A provider that the process has chosen before stays: it can do as much.
pub(crate) fn install() {
    // The error is that provider.
    let _ = PROVIDER.install_default();
}

struct Keyed<M> {
    algorithm: Algorithm,
    mac: M,
}

impl<M: Mac + Clone> Signer<Vec<u8>> for Keyed<M> {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.mac.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl<M: Mac + Clone> Verifier<Vec<u8>> for Keyed<M> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        // In constant time.
        self.mac.clone().chain_update(message).verify_slice(signature).map_err(signature::Error::from_source)
    }
}

impl<M: Mac + Clone> JwtSigner for Keyed<M> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl<M: Mac + Clone> JwtVerifier for Keyed<M> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn keyed<M: Mac + Clone + KeyInit>(algorithm: Algorithm, secret: &[u8]) -> Result<Keyed<M>, Error> {
    let mac = <M as KeyInit>::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    Ok(Keyed { algorithm, mac })
}

fn signer<M: Mac + Clone + KeyInit + 'static>(
    algorithm: Algorithm,
    secret: &[u8],
) -> Result<Box<dyn JwtSigner>, Error> {
    Ok(Box::new(keyed::<M>(algorithm, secret)?))
}

fn verifier<M: Mac + Clone + KeyInit + 'static>(
    algorithm: Algorithm,
    secret: &[u8],
) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(Box::new(keyed::<M>(algorithm, secret)?))
}
