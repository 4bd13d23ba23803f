//! Signing and checking.

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use uuid::Uuid;

use crate::Claims;
use crate::claims::{ReadClaims, WrittenClaims};
use crate::hmac_provider;

/// No token of ours is nearly as long; longer ones are not looked at.
const MAX_TOKEN_BYTES: usize = 4096;

/// The secret that tokens are signed with: the ASCII bytes of the deployment's token secret.
pub struct TokenKey {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

/// A new token.
#[derive(Clone)]
pub struct Minted {
    /// For `Authorization: Bearer …`.
    pub token: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

/// Why a token is refused. For the log: the client is told the same in all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// It is no token, or one that lacks what a token must say.
    #[error("the token is malformed")]
    Malformed,
    /// The signature is not ours, or of another algorithm.
    #[error("the token is forged")]
    Forged,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is ours, but not for browsers.
    #[error("the token is for another audience")]
    Foreign,
}

/// The token cannot be signed; no input leads to this.
#[derive(Debug, thiserror::Error)]
#[error("the token cannot be signed: {0}")]
pub struct MintError(#[from] jsonwebtoken::errors::Error);

impl TokenKey {
    /// From the deployment's token secret.
    pub fn new(secret: &str) -> Self {
        hmac_provider::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // The clock is the caller's, so that expiry is checked by hand: to the second, without leeway.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self {
            signing: EncodingKey::from_secret(secret.as_bytes()),
            checking: DecodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    /// Makes a token that holds for `lifetime` seconds from `now` (seconds since 1970).
    pub fn mint(
        &self,
        user_id: Uuid,
        token_version: u32,
        lifetime: u64,
        now: u64,
    ) -> Result<Minted, MintError> {
        let expires_at = now.saturating_add(lifetime);
        let claims = WrittenClaims { sub: user_id, tv: token_version, exp: expires_at };
        Ok(Minted { token: encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?, expires_at })
    }

    /// What a token says, if it is one of ours for a browser and still holds at `now` (seconds since 1970).
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenRefused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefused::Malformed);
        }
        let claims = decode::<ReadClaims>(token, &self.checking, &self.validation)
            .map_err(|error| refusal(&error))?
            .claims;
        let expires_at = claims.exp.as_ref().and_then(whole_seconds).ok_or(TokenRefused::Malformed)?;
        if expires_at <= now {
            return Err(TokenRefused::Expired);
        }
        if claims.is_for_companion() {
            return Err(TokenRefused::Foreign);
        }
        let subject = claims.sub.as_deref().ok_or(TokenRefused::Malformed)?;
        let user_id = Uuid::parse_str(subject).map_err(|_| TokenRefused::Malformed)?;
        Ok(Claims { user_id, token_version: claims.tv, expires_at })
    }
}

/// NumericDate (RFC 7519 2) may have a fraction, which is cut off.
fn whole_seconds(number: &serde_json::Number) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is meant"
    )]
    let cut = |seconds: f64| seconds as u64;
    number.as_u64().or_else(|| number.as_f64().map(cut))
}

fn refusal(error: &jsonwebtoken::errors::Error) -> TokenRefused {
    match error.kind() {
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            TokenRefused::Forged
        }
        _ => TokenRefused::Malformed,
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKey(…)")
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Minted(until {})", self.expires_at)
    }
}
