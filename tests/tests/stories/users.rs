//! Administrators and their users.

use causeway_tests::{User, World};
use serde_json::{Value, json};

const USERS: &str = "/api/admin/users";

async fn make(admin: &User, user: Value) -> Value {
    admin.post(USERS).json(user).send().await.expect(201).json()
}

#[tokio::test]
async fn a_user_is_made_changed_and_deleted() {
    let world = World::shared().await;
    let admin = world.admin();
    let made =
        make(&admin, json!({"username": " berta ", "email": "Berta@Example.ORG", "role": "viewer"})).await;
    assert_eq!(made["username"], "berta");
    assert_eq!(made["email"], "berta@example.org");
    assert_eq!(made["must_change_password"], true);
    assert_eq!(made["temporary_password"].as_str().map(str::len), Some(20));
    let at = format!("{USERS}/{}", made["id"].as_str().expect("an id"));

    admin
        .post(USERS)
        .json(json!({"username": "berta"}))
        .send()
        .await
        .refused(400, "A user with that username already exists");
    admin
        .post(USERS)
        .json(json!({"username": "other", "email": "BERTA@example.org"}))
        .send()
        .await
        .refused(400, "A user with that email address already exists");

    let patch = json!({"name": "Berta B.", "role": "editor"});
    let changed = admin.ask(reqwest::Method::PATCH, &at).json(patch).send().await.expect(200).json();
    assert_eq!((changed["name"].as_str(), changed["role"].as_str()), (Some("Berta B."), Some("editor")));

    let gone = admin.delete(&at).send().await.expect(200).json();
    assert_eq!(gone["message"], "User deleted successfully");
    admin.delete(&at).send().await.refused(404, "User not found");
}

#[tokio::test]
async fn users_are_searched_sorted_and_paged() {
    let world = World::shared().await;
    let admin = world.admin();
    for name in ["page-c", "page-a", "page-b"] {
        make(&admin, json!({"username": name, "password": "a-password-1", "role": "viewer"})).await;
    }
    let page = admin.get(USERS).query("q", "PAGE-").query("page_size", "2").send().await.expect(200).json();
    assert_eq!(page["total"], 3);
    let names: Vec<_> =
        page["items"].as_array().expect("items").iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["page-a", "page-b"]);
    let last = admin
        .get(USERS)
        .query("q", "page-")
        .query("direction", "desc")
        .query("page", "3")
        .query("page_size", "1");
    assert_eq!(last.send().await.expect(200).json()["items"][0]["username"], "page-a");
    admin.get(USERS).query("page_size", "1000").send().await.expect(422).json();
    admin.get(USERS).query("role", "regular").send().await.expect(422).json();
}

#[tokio::test]
async fn nobody_locks_himself_out() {
    let world = World::shared().await;
    let admin = world.admin();
    let me = admin.get("/api/auth/me").send().await.expect(200).json();
    let at = format!("{USERS}/{}", me["id"].as_str().expect("an id"));
    for patch in [json!({"role": "viewer"}), json!({"is_active": false})] {
        admin
            .ask(reqwest::Method::PATCH, &at)
            .json(patch)
            .send()
            .await
            .refused(400, "You cannot remove your own admin access");
    }
    admin.delete(&at).send().await.expect(400).detail();
}

#[tokio::test]
async fn only_administrators_see_users() {
    let world = World::shared().await;
    for user in [world.editor(), world.viewer()] {
        user.get(USERS).send().await.refused(403, "Not enough permissions");
        user.post(USERS)
            .json(json!({"username": "evil", "role": "admin"}))
            .send()
            .await
            .refused(403, "Not enough permissions");
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once() {
    let world = World::shared().await;
    let admin = world.admin();
    let made =
        make(&admin, json!({"username": "dora", "password": "doras-password", "role": "editor"})).await;
    let dora = User::sign_in(world.product().address(), "dora", "doras-password").await;
    dora.get("/api/connections").send().await.expect(200).json();

    let at = format!("{USERS}/{}", made["id"].as_str().expect("an id"));
    let disabled = admin.ask(reqwest::Method::PATCH, &at).json(json!({"is_active": false})).send().await;
    assert_eq!(disabled.expect(200).json()["is_active"], false);
    dora.get("/api/connections").send().await.refused(401, "Could not validate credentials");
    dora.try_sign_in("dora", "doras-password").await.refused(401, "Incorrect username or password");
}

#[tokio::test]
async fn a_reset_password_ends_the_users_tokens() {
    let world = World::shared().await;
    let admin = world.admin();
    let made = make(&admin, json!({"username": "emil", "password": "emils-password"})).await;
    let emil = User::sign_in(world.product().address(), "emil", "emils-password").await;
    let at = format!("{USERS}/{}/reset-password", made["id"].as_str().expect("an id"));
    let reset = admin.post(&at).json(json!({"new_password": "another-one"})).send().await.expect(200).json();
    assert_eq!(reset["message"], "Password reset successfully");
    emil.get("/api/auth/me").send().await.refused(401, "Could not validate credentials");
}
