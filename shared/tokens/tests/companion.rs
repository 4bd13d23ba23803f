//! Tokens of the companion: each kind opens its own door and no other.

use causeway_tokens::{
    BOOTSTRAP_SECONDS, CompanionScope, HeldLock, LINK_SECONDS, MAX_COMPANION_PATH_BYTES, OPERATION_SECONDS,
    TokenKey, TokenRefused,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: &str = "8f0b6a1a2f3e4d5c6b7a8990a1b2c3d4e5f60718293a4b5c6d7e8f9001122334";
const NOW: u64 = 1_790_000_000;

fn key() -> TokenKey {
    TokenKey::new(SECRET)
}

fn scope() -> CompanionScope {
    CompanionScope {
        user_id: Uuid::from_u128(7),
        token_version: 3,
        connection: "ea06db0f-c73c-4f64-b4d6-cc2ce24bd436".to_owned(),
        path: "docs//a \"quoted\" ü.txt".to_owned(),
    }
}

fn lock() -> HeldLock {
    HeldLock {
        lock_id: Uuid::from_u128(8),
        operation_id: "54b44323e208454293b0a3ddcf1a9cf9".to_owned(),
        fence: u64::MAX,
        session: Uuid::from_u128(9),
    }
}

/// One of each kind, a browser's last.
fn tokens() -> [String; 4] {
    let (key, scope) = (key(), scope());
    [
        key.mint_link(&scope, Uuid::from_u128(1), NOW).unwrap().token,
        key.mint_bootstrap(&scope, NOW).unwrap().token,
        key.mint_operation(&scope, &lock(), Uuid::from_u128(2), NOW).unwrap().token,
        key.mint(scope.user_id, 3, 300, NOW).unwrap().token,
    ]
}

fn claims_of(token: &str) -> Value {
    let _ = key();
    let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

fn signed(claims: &Value) -> String {
    let _ = key();
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

#[test]
fn each_kind_opens_its_own_door_only() {
    let key = key();
    for (index, token) in tokens().iter().enumerate() {
        let opened = [
            key.verify_link(token, NOW).map(|_| ()),
            key.verify_bootstrap(token, NOW).map(|_| ()),
            key.verify_operation(token, NOW).map(|_| ()),
            key.verify(token, NOW).map(|_| ()),
        ];
        for (door, opened) in opened.iter().enumerate() {
            let expected = if door == index { Ok(()) } else { Err(TokenRefused::Foreign) };
            assert_eq!(*opened, expected, "token {index} at door {door}");
        }
    }
}

#[test]
fn a_companions_token_says_what_its_clients_know() {
    let [link, bootstrap, operation, _] = tokens();
    let base = json!({
        "sub": Uuid::from_u128(7), "tv": 3, "conn_id": scope().connection, "path": scope().path,
    });
    let with = |more: Value| {
        let mut claims = base.clone();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    assert_eq!(
        claims_of(&link),
        with(json!({
            "companion_uri": true, "token_class": "uri_bootstrap", "purpose": "open_in_companion",
            "jti": "00000000000000000000000000000001", "exp": NOW + 300,
        }))
    );
    assert_eq!(
        claims_of(&bootstrap),
        with(json!({
            "companion_session": true, "token_class": "companion_session", "purpose": "bootstrap", "exp": NOW + 300,
        }))
    );
    assert_eq!(
        claims_of(&operation),
        with(json!({
            "companion_session": true, "token_class": "companion_session", "purpose": "edit_operation",
            "jti": "00000000000000000000000000000002", "lock_id": Uuid::from_u128(8),
            "op_id": "54b44323e208454293b0a3ddcf1a9cf9", "fence": u64::MAX, "session": Uuid::from_u128(9),
            "exp": NOW + 900,
        }))
    );
    // They stand in a deep link unencoded.
    for token in tokens() {
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");
    }
}

#[test]
fn each_kind_holds_until_its_very_second() {
    let (key, [link, bootstrap, operation, _]) = (key(), tokens());
    for early in [true, false] {
        let at = |lifetime: u64| if early { NOW + lifetime - 1 } else { NOW + lifetime };
        let ends = [
            key.verify_link(&link, at(LINK_SECONDS)).map(|_| ()),
            key.verify_bootstrap(&bootstrap, at(BOOTSTRAP_SECONDS)).map(|_| ()),
            key.verify_operation(&operation, at(OPERATION_SECONDS)).map(|_| ()),
        ];
        assert_eq!(ends, [if early { Ok(()) } else { Err(TokenRefused::Expired) }; 3]);
    }
}

#[test]
fn only_a_genuine_token_is_said_to_have_expired() {
    let operation = tokens()[2].clone();
    let late = NOW + OPERATION_SECONDS;
    assert_eq!(key().verify_operation(&operation, late), Err(TokenRefused::Expired));
    assert_eq!(TokenKey::new("another").verify_operation(&operation, late), Err(TokenRefused::Forged));
}

#[test]
fn a_token_that_lacks_something_is_none() {
    let whole = claims_of(&tokens()[2]);
    assert!(key().verify_operation(&signed(&whole), NOW).is_ok());
    for claim in whole.as_object().unwrap().keys().filter(|claim| *claim != "jti") {
        let mut claims = whole.clone();
        claims.as_object_mut().unwrap().remove(claim);
        assert!(key().verify_operation(&signed(&claims), NOW).is_err(), "without {claim}");
        claims[claim] = json!({ "of": "another type" });
        assert!(key().verify_operation(&signed(&claims), NOW).is_err(), "another {claim}");
    }
    let mut link = claims_of(&tokens()[0]);
    link.as_object_mut().unwrap().remove("jti");
    assert_eq!(key().verify_link(&signed(&link), NOW), Err(TokenRefused::Malformed));
}

#[test]
fn the_longest_path_fits() {
    let path = "\\".repeat(MAX_COMPANION_PATH_BYTES);
    let scope = CompanionScope { path, ..scope() };
    let operation = key().mint_operation(&scope, &lock(), Uuid::from_u128(2), NOW).unwrap().token;
    assert_eq!(key().verify_operation(&operation, NOW).unwrap().scope, scope);
}

proptest! {
    #[test]
    fn what_was_minted_is_what_is_read(
        (user, lock_id, session, id) in any::<(u128, u128, u128, u128)>(),
        (version, fence) in any::<(u32, u64)>(),
        connection in ".{0,40}",
        path in ".{0,200}",
        now in 0u64..10_000_000_000,
    ) {
        let key = key();
        let scope = CompanionScope { user_id: Uuid::from_u128(user), token_version: version, connection, path };
        let lock = HeldLock {
            lock_id: Uuid::from_u128(lock_id),
            operation_id: Uuid::from_u128(id).simple().to_string(),
            fence,
            session: Uuid::from_u128(session),
        };
        let id = Uuid::from_u128(id);
        let link = key.verify_link(&key.mint_link(&scope, id, now).unwrap().token, now).unwrap();
        prop_assert_eq!((&link.scope, link.id, link.expires_at), (&scope, id, now + LINK_SECONDS));
        let bootstrap = key.mint_bootstrap(&scope, now).unwrap().token;
        prop_assert_eq!(&key.verify_bootstrap(&bootstrap, now).unwrap(), &scope);
        let operation = key.mint_operation(&scope, &lock, id, now).unwrap().token;
        let operation = key.verify_operation(&operation, now).unwrap();
        prop_assert_eq!((operation.scope, operation.lock, operation.expires_at), (scope, lock, now + OPERATION_SECONDS));
    }

    #[test]
    fn no_claims_break_the_reader(purpose in "bootstrap|edit_operation|open_in_companion", lock_id in ".{0,40}", fence in any::<f64>()) {
        let claims = json!({
            "sub": Uuid::nil(), "tv": 0, "exp": NOW + 1, "companion_session": true, "companion_uri": true,
            "token_class": "companion_session", "purpose": purpose, "conn_id": "", "path": "", "jti": lock_id,
            "lock_id": lock_id, "op_id": "", "fence": fence, "session": Uuid::nil(),
        });
        let token = signed(&claims);
        prop_assert!(key().verify(&token, NOW).is_err());
        prop_assert!(key().verify_operation(&token, NOW).is_err());
        prop_assert!(key().verify_link(&token, NOW).is_err());
    }
}
