//! Signing and checking.

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::claims::{WrittenClaims, expires_at, is_for_companion};
use crate::companion::{self, Kind, MAX_COMPANION_TOKEN_BYTES, ReadId, Written};
use crate::{
    BOOTSTRAP_SECONDS, Claims, CompanionScope, HeldLock, LINK_SECONDS, Link, OPERATION_SECONDS, Operation,
    hmac_provider,
};

/// No browser token of ours is nearly as long; longer ones are not looked at.
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
    /// It is ours, but of another kind than the route takes.
    #[error("the token is of another kind")]
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
        self.sign(&WrittenClaims { sub: user_id, tv: token_version, exp: expires_at }, expires_at)
    }

    /// What a token says, if it is one of ours for a browser and still holds at `now` (seconds since 1970).
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenRefused> {
        let (claims, expires_at) = self.open(token, MAX_TOKEN_BYTES, now)?;
        if is_for_companion(&claims) {
            return Err(TokenRefused::Foreign);
        }
        let subject = claims.get("sub").and_then(Value::as_str).ok_or(TokenRefused::Malformed)?;
        let user_id = Uuid::parse_str(subject).map_err(|_| TokenRefused::Malformed)?;
        // A token that does not say is of the first generation.
        let token_version = match claims.get("tv") {
            None => 0,
            Some(version) => {
                version.as_u64().and_then(|version| version.try_into().ok()).ok_or(TokenRefused::Malformed)?
            }
        };
        Ok(Claims { user_id, token_version, expires_at })
    }

    /// Makes the link of that id, which lets the companion open a file once within [`LINK_SECONDS`].
    pub fn mint_link(&self, scope: &CompanionScope, id: Uuid, now: u64) -> Result<Minted, MintError> {
        let expires_at = now.saturating_add(LINK_SECONDS);
        self.sign(&Written::new(Kind::Link, scope, expires_at).named(id), expires_at)
    }

    /// What a link says, if it still holds. Whether it was used before is for the sidecar to say.
    pub fn verify_link(&self, token: &str, now: u64) -> Result<Link, TokenRefused> {
        let (claims, expires_at) = self.open(token, MAX_COMPANION_TOKEN_BYTES, now)?;
        let ReadId { jti: id } = companion::read(Kind::Link, &claims)?;
        Ok(Link { scope: companion::read(Kind::Link, &claims)?, id, expires_at })
    }

    /// Makes the token for which a link is exchanged; it holds for [`BOOTSTRAP_SECONDS`].
    pub fn mint_bootstrap(&self, scope: &CompanionScope, now: u64) -> Result<Minted, MintError> {
        let expires_at = now.saturating_add(BOOTSTRAP_SECONDS);
        self.sign(&Written::new(Kind::Bootstrap, scope, expires_at), expires_at)
    }

    /// Which file a bootstrap token is for, if it still holds.
    pub fn verify_bootstrap(&self, token: &str, now: u64) -> Result<CompanionScope, TokenRefused> {
        let (claims, _) = self.open(token, MAX_COMPANION_TOKEN_BYTES, now)?;
        companion::read(Kind::Bootstrap, &claims)
    }

    /// Makes a token of a lock, of the id given; it holds for [`OPERATION_SECONDS`].
    pub fn mint_operation(
        &self,
        scope: &CompanionScope,
        lock: &HeldLock,
        id: Uuid,
        now: u64,
    ) -> Result<Minted, MintError> {
        let expires_at = now.saturating_add(OPERATION_SECONDS);
        self.sign(&Written::new(Kind::Operation, scope, expires_at).named(id).holding(lock), expires_at)
    }

    /// What an operation token says, if it still holds. [`TokenRefused::Expired`] is said of genuine tokens only.
    pub fn verify_operation(&self, token: &str, now: u64) -> Result<Operation, TokenRefused> {
        let (claims, expires_at) = self.open(token, MAX_COMPANION_TOKEN_BYTES, now)?;
        let scope = companion::read(Kind::Operation, &claims)?;
        Ok(Operation { scope, lock: companion::read(Kind::Operation, &claims)?, expires_at })
    }

    fn sign(&self, claims: &impl Serialize, expires_at: u64) -> Result<Minted, MintError> {
        Ok(Minted { token: encode(&Header::new(Algorithm::HS256), claims, &self.signing)?, expires_at })
    }

    /// The claims of a token that we signed and whose time, which they name, is not over.
    fn open(&self, token: &str, longest: usize, now: u64) -> Result<(Map<String, Value>, u64), TokenRefused> {
        if token.len() > longest {
            return Err(TokenRefused::Malformed);
        }
        let claims = decode::<Map<String, Value>>(token, &self.checking, &self.validation)
            .map_err(|error| refusal(&error))?
            .claims;
        let expires_at = expires_at(&claims).ok_or(TokenRefused::Malformed)?;
        if expires_at <= now { Err(TokenRefused::Expired) } else { Ok((claims, expires_at)) }
    }
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
