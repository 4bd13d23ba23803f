use uuid::Uuid;

/// Header with the user's id (hyphenated UUID).
pub const USER_HEADER: &str = "x-causeway-user";

/// Header with the token version that the user's token was made for (decimal).
pub const TOKEN_VERSION_HEADER: &str = "x-causeway-token-version";

/// Header with the address of the client's end of the connection, where the host tells it.
pub const PEER_HEADER: &str = "x-causeway-peer";

/// Header with the client's `X-Forwarded-For`, all of it. What of it is believed is for the sidecar to decide.
pub const FORWARDED_FOR_HEADER: &str = "x-causeway-forwarded-for";

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
