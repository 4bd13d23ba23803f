//! Who calls.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_internal::Principal;
use causeway_tokens::TokenKey;

use crate::{Headers, Problem};

/// The caller that the access token of a request names. Whether he still exists and the token was not revoked is for
/// the sidecar to check.
pub(crate) fn authenticate(headers: &Headers, key: &TokenKey) -> Result<Principal, Problem> {
    let Some(token) = bearer(headers) else { return Err(Problem::not_authenticated()) };
    match key.verify(token, unix_seconds()) {
        Ok(claims) => Ok(Principal { user_id: claims.user_id, token_version: claims.token_version }),
        Err(refusal) => Err(Problem::bad_token().because(refusal)),
    }
}

/// The token of `Authorization: Bearer …`; the scheme is case-insensitive (RFC 9110 11.1). Another scheme counts as none.
pub(crate) fn bearer(headers: &Headers) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Now, in seconds since 1970.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use causeway_tokens::TokenKey;
    use uuid::Uuid;

    use super::{authenticate, unix_seconds};
    use crate::Headers;

    fn with(authorization: &str) -> Headers {
        Headers::new(vec![("Authorization".into(), authorization.into())])
    }

    #[test]
    fn only_a_good_bearer_token_names_a_caller() {
        let key = TokenKey::new("0123456789abcdef");
        let user = Uuid::from_u128(7);
        let token = key.mint(user, 3, 60, unix_seconds()).unwrap().token;

        for scheme in ["Bearer", "bearer", "BEARER"] {
            let caller = authenticate(&with(&format!("{scheme} {token}")), &key).unwrap();
            assert_eq!((caller.user_id, caller.token_version), (user, 3));
        }
        let detail = |headers: &Headers| authenticate(headers, &key).unwrap_err().body().detail;
        for absent in
            [Headers::default(), with(&format!("Basic {token}")), with("Bearer"), with("Bearer  "), with("")]
        {
            assert_eq!(detail(&absent), "Not authenticated");
        }
        for bad in ["Bearer x", "Bearer a.b.c", &format!("Bearer {token}x")] {
            assert_eq!(detail(&with(bad)), "Could not validate credentials");
        }
    }
}
