//! Tokens of a life: made, checked, out of date, tampered with, foreign.

use causeway_tokens::{TokenKey, TokenRefused};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: &str = "8f0b6a1a2f3e4d5c6b7a8990a1b2c3d4e5f60718293a4b5c6d7e8f9001122334";
const NOW: u64 = 1_790_000_000;

/// Signed with our secret. A key made before lets the library sign.
fn signed(algorithm: Algorithm, claims: &Value) -> String {
    let _ = TokenKey::new(SECRET);
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn verdict(claims: &Value) -> Result<u32, TokenRefused> {
    let token = signed(Algorithm::HS256, claims);
    TokenKey::new(SECRET).verify(&token, NOW).map(|claims| claims.token_version)
}

#[test]
fn a_token_holds_until_the_very_second() {
    let key = TokenKey::new(SECRET);
    let minted = key.mint(Uuid::from_u128(1), 2, 60, NOW).unwrap();
    assert_eq!(minted.expires_at, NOW + 60);
    assert!(key.verify(&minted.token, NOW + 59).is_ok());
    assert_eq!(key.verify(&minted.token, NOW + 60), Err(TokenRefused::Expired));
}

#[test]
fn a_token_without_generation_is_of_the_first() {
    let user = Uuid::from_u128(9);
    assert_eq!(verdict(&json!({ "sub": user, "exp": NOW + 1 })), Ok(0));
    assert_eq!(verdict(&json!({ "sub": user, "exp": NOW + 1, "tv": 4, "sid": "x" })), Ok(4));
    assert_eq!(verdict(&json!({ "sub": user, "exp": NOW + 1, "tv": "4" })), Err(TokenRefused::Malformed));
    assert_eq!(verdict(&json!({ "sub": user, "exp": NOW + 1, "tv": -1 })), Err(TokenRefused::Malformed));
}

#[test]
fn what_lacks_owner_or_end_is_no_token() {
    assert_eq!(verdict(&json!({ "exp": NOW + 1 })), Err(TokenRefused::Malformed));
    assert_eq!(verdict(&json!({ "sub": "admin", "exp": NOW + 1 })), Err(TokenRefused::Malformed));
    assert_eq!(verdict(&json!({ "sub": Uuid::nil() })), Err(TokenRefused::Malformed));
    assert_eq!(verdict(&json!({ "sub": Uuid::nil(), "exp": "later" })), Err(TokenRefused::Malformed));
    assert_eq!(verdict(&json!({ "sub": Uuid::nil(), "exp": -5 })), Err(TokenRefused::Expired));
}

#[test]
fn a_companions_token_is_not_for_browsers() {
    let base = json!({ "sub": Uuid::nil(), "exp": NOW + 1 });
    for (claim, value) in [
        ("companion_uri", json!("x")),
        ("companion_session", json!(true)),
        ("token_class", json!("companion_session")),
    ] {
        let mut claims = base.clone();
        claims[claim] = value;
        assert_eq!(verdict(&claims), Err(TokenRefused::Foreign), "{claim}");
    }
    let mut harmless = base;
    harmless["companion_uri"] = json!("");
    harmless["token_class"] = json!("browser");
    assert_eq!(verdict(&harmless), Ok(0));
}

#[test]
fn only_hs256_with_our_secret_is_ours() {
    let claims = json!({ "sub": Uuid::nil(), "exp": NOW + 1 });
    let key = TokenKey::new(SECRET);
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert_eq!(key.verify(&signed(algorithm, &claims), NOW), Err(TokenRefused::Forged));
    }
    let foreign = TokenKey::new("another secret").mint(Uuid::nil(), 0, 60, NOW).unwrap();
    assert_eq!(key.verify(&foreign.token, NOW), Err(TokenRefused::Forged));
    // {"alg":"none","typ":"JWT"}
    let unsigned =
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", foreign.token.split('.').nth(1).unwrap());
    assert!(key.verify(&unsigned, NOW).is_err());
}

#[test]
fn the_secret_does_not_show() {
    assert!(!format!("{:?}", TokenKey::new(SECRET)).contains(&SECRET[..8]));
}

proptest! {
    #[test]
    fn what_was_minted_is_what_is_read(user: u128, version: u32, lifetime in 1u64..1_000_000_000, now in 0u64..10_000_000_000) {
        let key = TokenKey::new(SECRET);
        let user = Uuid::from_u128(user);
        let minted = key.mint(user, version, lifetime, now).unwrap();
        let claims = key.verify(&minted.token, now).unwrap();
        prop_assert_eq!((claims.user_id, claims.token_version, claims.expires_at), (user, version, now + lifetime));
    }

    #[test]
    fn one_changed_character_spoils_a_token(at: prop::sample::Index, with in "[A-Za-z0-9_.-]") {
        let key = TokenKey::new(SECRET);
        let token = key.mint(Uuid::from_u128(5), 1, 60, NOW).unwrap().token;
        // The last character of the signature carries two bits of padding, which base64 readers may ignore.
        let at = at.index(token.len() - 1);
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != token);
        prop_assert!(key.verify(&changed, NOW).is_err());
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".*") {
        prop_assert!(TokenKey::new(SECRET).verify(&text, NOW).is_err());
    }
}
