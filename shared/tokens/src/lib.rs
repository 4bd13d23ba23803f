//! Tokens: JSON web tokens (RFC 7519) signed with HS256.
//!
//! A browser's access token says who calls (`sub`), of which generation his tokens are (`tv`) and until when it holds
//! (`exp`). Those of the desktop companion say besides which file they are for, and under which lock. Functions check
//! them without asking anybody; whether the user still exists and the generation is still his is for the sidecar.

mod claims;
mod companion;
mod hmac_provider;
mod key;

pub use claims::Claims;
pub use companion::{
    BOOTSTRAP_SECONDS, CompanionScope, HeldLock, LINK_SECONDS, Link, MAX_COMPANION_PATH_BYTES,
    OPERATION_SECONDS, Operation,
};
pub use key::{MintError, Minted, TokenKey, TokenRefused};
