use uuid::Uuid;

/// Header with the user's id (hyphenated UUID).
pub const USER_HEADER: &str = "x-causeway-user";

/// Header with the token version that the user's token was made for (decimal).
pub const TOKEN_VERSION_HEADER: &str = "x-causeway-token-version";

/// The user for whom a function calls, as its access token names him.
///
/// The function has checked the token's signature and expiry; that the user still exists, is active and has not had
/// his tokens revoked (the version) is for the sidecar to check, on every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// Id of the user.
    pub user_id: Uuid,
    /// Version of the user's tokens at the time when this one was made.
    pub token_version: u32,
}
