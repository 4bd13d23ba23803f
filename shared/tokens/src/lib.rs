//! Browser access tokens: JSON web tokens (RFC 7519) signed with HS256.
//!
//! A token says who calls (`sub`), of which generation his tokens are (`tv`) and until when it holds (`exp`). Functions
//! check it without asking anybody; whether the user still exists and the generation is still his is for the sidecar.

mod claims;
mod hmac_provider;
mod key;

pub use claims::Claims;
pub use key::{MintError, Minted, TokenKey, TokenRefused};
