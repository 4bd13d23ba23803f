//! One's own account and settings.

use causeway_tests::World;
use serde_json::json;

const SETTINGS: &str = "/api/auth/me/settings";

#[tokio::test]
async fn the_account_says_how_one_signs_in() {
    let world = World::shared().await;
    let account = world.editor().get("/api/auth/account").send().await.expect(200).json();
    assert_eq!(account["username"], "editor");
    assert_eq!(account["role"], "editor");
    assert_eq!(account["has_local_password"], true);
    assert_eq!(account["identity_source"], "local");
    assert_eq!(account["password_change_available"], true);
    assert_eq!(account["current_session"]["kind"], "password");
}

#[tokio::test]
async fn settings_begin_with_defaults_and_change_in_part() {
    let world = World::shared().await;
    let viewer = world.viewer();
    let all = viewer.get(SETTINGS).send().await.expect(200).json();
    assert_eq!(all["localization"]["language"], "browser");
    assert_eq!(all["browser"]["pane_mode"], "single");
    assert_eq!(all["text_editor"]["max_file_size_bytes"], 52_428_800);
    assert_eq!(all["appearance"]["custom_themes"], json!([]));

    let change = json!({"browser": {"pane_mode": "dual", "viewer_associations": {".TXT": "text"}}});
    let after = viewer.put(SETTINGS).json(change).send().await.expect(200).json();
    assert_eq!(after["browser"]["pane_mode"], "dual");
    assert_eq!(after["browser"]["viewer_associations"], json!({".txt": "text"}));
    assert_eq!(after["localization"], all["localization"]);
    assert_eq!(viewer.get(SETTINGS).send().await.expect(200).json(), after);
    let editor = world.editor().get(SETTINGS).send().await.expect(200).json();
    assert_eq!(editor["browser"]["pane_mode"], "single", "settings belong to one user");
}

#[tokio::test]
async fn one_bad_setting_spoils_the_whole_change() {
    let world = World::shared().await;
    let admin = world.admin();
    let before = admin.get(SETTINGS).send().await.expect(200).json();
    let change =
        json!({"browser": {"file_browser_view_mode": "details"}, "text_editor": {"max_file_size_bytes": 1}});
    admin.put(SETTINGS).json(change).send().await.expect(400).detail();
    admin
        .put(SETTINGS)
        .json(json!({"appearance": {"theme_id": "  "}}))
        .send()
        .await
        .refused(400, "Theme ID cannot be empty");
    let answer =
        admin.put(SETTINGS).json(json!({"localization": {"language": "klingon"}})).send().await.expect(422);
    assert!(answer.json()["detail"].is_array());
    assert_eq!(admin.get(SETTINGS).send().await.expect(200).json(), before);
}
