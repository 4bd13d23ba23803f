//! Signing in, and what becomes of a token.

use causeway_tests::{ADMIN_PASSWORD, Product, ProductOptions, User, World};
use serde_json::json;

/// Sign-in attempts from one address before the next must wait.
const ATTEMPTS: usize = 10;

fn product() -> Product {
    Product::start(ProductOptions::default()).expect("a running product")
}

#[tokio::test]
async fn the_first_administrator_signs_in_and_sees_himself() {
    let product = product();
    let nobody = User::anonymous(product.address());
    let answer = nobody.try_sign_in("admin", ADMIN_PASSWORD).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let token = answer.json();
    assert_eq!(token["token_type"], "bearer");
    assert_eq!(token["username"], "admin");
    assert_eq!(token["role"], "admin");
    assert_eq!(token["must_change_password"], false);
    assert!(token["expires_at"].is_null() && token["email"].is_null() && token["name"].is_null());
    assert!(token["access_token_expires_at"].as_str().is_some_and(|time| time.starts_with("20")));

    let admin = nobody.with_token(token["access_token"].as_str().expect("a token"));
    let me = admin.get("/api/auth/me").send().await.expect(200).json();
    assert_eq!(me["id"], token["user_id"]);
    assert_eq!(me["role"], "admin");
    assert_eq!(me["is_active"], true);
}

#[tokio::test]
async fn a_form_without_script_signs_in_too() {
    let product = product();
    let nobody = User::anonymous(product.address());
    let form = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let answer = nobody.post("/api/auth/token").urlencoded(&form).send().await.expect(200);
    assert!(answer.json()["access_token"].is_string());
}

#[tokio::test]
async fn wrong_names_and_passwords_are_told_apart_by_nobody() {
    let product = product();
    let nobody = User::anonymous(product.address());
    for (name, password) in [("admin", "wrong"), ("nobody", "wrong"), ("Admin", ADMIN_PASSWORD)] {
        let answer = nobody.try_sign_in(name, password).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        answer.refused(401, "Incorrect username or password");
    }
    nobody.try_sign_in("admin", "").await.refused(422, "Username and password are required");
    nobody
        .post("/api/auth/token")
        .json(json!({"username": "admin", "password": "x"}))
        .send()
        .await
        .refused(422, "Username and password are required");
}

#[tokio::test]
async fn who_guesses_too_often_must_wait() {
    let product = product();
    let nobody = User::anonymous(product.address());
    for attempt in 0..ATTEMPTS {
        let answer = nobody.try_sign_in("admin", "wrong").await;
        assert_eq!(answer.status(), 401, "attempt {attempt}");
    }
    let answer = nobody.try_sign_in("admin", ADMIN_PASSWORD).await;
    let wait: u32 = answer.header("retry-after").parse().expect("seconds to wait");
    assert!(wait >= 1);
    answer.refused(429, "Incorrect username or password");
}

#[tokio::test]
async fn a_sign_in_form_of_a_novels_length_is_not_read() {
    let product = product();
    let nobody = User::anonymous(product.address());
    let novel = "x".repeat(65_536);
    let form = [("username", "admin"), ("password", novel.as_str())];
    nobody.post("/api/auth/token").urlencoded(&form).send().await.refused(413, "Request body too large");
}

#[tokio::test]
async fn a_changed_password_ends_every_token() {
    let product = product();
    let nobody = User::anonymous(product.address());
    let admin = User::sign_in(product.address(), "admin", ADMIN_PASSWORD).await;
    let change = |current: &str, new: &str| {
        admin
            .post("/api/auth/change-password")
            .json(json!({"current_password": current, "new_password": new}))
            .send()
    };
    change("wrong", "another-password-1").await.refused(400, "Current password is incorrect");
    let message = change(ADMIN_PASSWORD, "another-password-1").await.expect(200).json();
    assert_eq!(message["message"], "Password changed successfully. Please sign in again.");
    admin.get("/api/auth/me").send().await.refused(401, "Could not validate credentials");
    nobody.try_sign_in("admin", ADMIN_PASSWORD).await.refused(401, "Incorrect username or password");
    User::sign_in(product.address(), "admin", "another-password-1").await;
}

#[tokio::test]
async fn a_token_survives_a_restart() {
    let mut product = product();
    let admin = User::sign_in(product.address(), "admin", ADMIN_PASSWORD).await;
    assert!(product.stop().expect("a clean end").success());
    product.start_again().expect("a second start");
    admin.with_token(admin.token()).get("/api/auth/me").send().await.expect(200).json();
}

#[tokio::test]
async fn without_an_identity_provider_browsers_are_told_so() {
    let world = World::shared().await;
    let nobody = world.anonymous();
    let config = nobody.get("/api/auth/config").send().await.expect(200).json();
    assert_eq!(config, json!({"sign_in_mode": "password_only", "oidc": null}));
    let answer = nobody.post("/api/auth/oidc/refresh").send().await.expect(401);
    assert_eq!(answer.json()["detail"], json!({"code": "oidc_reauthentication_required"}));
    let answer = nobody.post("/api/auth/oidc/logout").send().await.expect(204);
    assert!(answer.body().is_empty());
}
