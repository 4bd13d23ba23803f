//! Who may do what, and who sees what.

use causeway_tests::World;
use serde_json::json;

const ROLE_IS_READ_ONLY: &str = "Your user role is read-only";
const CONNECTION_IS_READ_ONLY: &str = "Connection is read-only";

#[tokio::test]
async fn a_viewer_reads_everything_and_changes_nothing() {
    let world = World::shared().await;
    let folder = world.folder("viewer");
    folder.write("a.txt", "content");
    let viewer = world.viewer().on(world.connection());
    viewer.list(folder.path()).send().await.expect(200).json();
    assert_eq!(viewer.download(&folder.at("a.txt")).send().await.expect(200).text(), "content");

    let a = folder.at("a.txt");
    let attempts = [
        viewer.create(folder.path(), "b.txt", "file"),
        viewer.rename(&a, "b.txt"),
        viewer.delete(&a),
        viewer.copy(&a, &folder.at("b.txt"), false),
        viewer.r#move(&a, &folder.at("b.txt"), false),
        viewer.upload(&a, "x"),
        viewer.put(&a, "x"),
    ];
    for attempt in attempts {
        attempt.send().await.refused(403, ROLE_IS_READ_ONLY);
    }
    assert_eq!(folder.names(""), ["a.txt"]);
    assert_eq!(folder.read("a.txt"), b"content");

    let shown = viewer.user().get("/api/connections").send().await.expect(200).json();
    assert_eq!(shown[0]["access_mode"], "read_only");
    assert_eq!(shown[0]["can_manage"], false);
    viewer
        .user()
        .post("/api/connections")
        .json(world.draft("evil"))
        .send()
        .await
        .refused(403, ROLE_IS_READ_ONLY);
}

#[tokio::test]
async fn a_read_only_connection_is_read_only_for_administrators_too() {
    let world = World::shared().await;
    let folder = world.folder("read-only");
    folder.write("a.txt", "content");
    let mut draft = world.draft("read only");
    draft["access_mode"] = json!("read_only");
    let guarded = world.connect(&world.admin(), draft).await;
    let share = world.admin().on(&guarded);
    let a = folder.at("a.txt");
    assert_eq!(share.download(&a).send().await.expect(200).text(), "content");
    for attempt in [share.delete(&a), share.upload(&a, "x"), share.put(&a, "x"), share.rename(&a, "b")] {
        attempt.send().await.refused(403, CONNECTION_IS_READ_ONLY);
    }
    // A copy out of it is allowed, a move is not: it would take something away.
    let to = Some(world.connection());
    share
        .transfer("move", &a, to, &folder.at("moved.txt"), false)
        .send()
        .await
        .refused(403, CONNECTION_IS_READ_ONLY);
    let copied = share.transfer("copy", &a, to, &folder.at("copied.txt"), false).send().await;
    assert!(copied.expect(204).body().is_empty());
    assert_eq!(folder.read("copied.txt"), b"content");
}

#[tokio::test]
async fn a_private_connection_does_not_exist_for_others() {
    let world = World::shared().await;
    let private = world.connect(&world.editor(), world.draft("mine")).await;
    for stranger in [world.admin(), world.viewer()] {
        let theirs = stranger.on(&private);
        theirs.list("").send().await.refused(404, "Connection not found");
        theirs.download("x").send().await.refused(404, "Connection not found");
        let seen = stranger.get("/api/connections").send().await.expect(200).json();
        let seen = seen.as_array().expect("connections").iter().any(|one| one["id"] == private.as_str());
        assert!(!seen);
    }
    let at = format!("/api/connections/{private}");
    world.admin().delete(&at).send().await.refused(404, "Connection not found");
    world.editor().delete(&at).send().await.expect(200).json();
}

#[tokio::test]
async fn an_editor_shares_nothing_and_manages_nothing_of_others() {
    let world = World::shared().await;
    let editor = world.editor();
    let mut draft = world.draft("to all");
    draft["scope"] = json!("shared");
    let made = editor.post("/api/connections").json(draft).send().await.expect(200).json();
    assert_eq!(made["scope"], "private", "only administrators share");
    assert_eq!(made["can_manage"], true);
    let at = format!("/api/connections/{}", made["id"].as_str().expect("an id"));
    editor.put(&at).json(json!({"scope": "shared"})).send().await.refused(403, "Not enough permissions");
    editor.delete(&at).send().await.expect(200).json();
    let shared = format!("/api/connections/{}", world.connection());
    editor.delete(&shared).send().await.refused(403, "Not enough permissions");
    let options = editor.get("/api/connections/visibility-options").send().await.expect(200).json();
    assert_eq!(
        (options[0]["value"].as_str(), options[0]["available"].as_bool()),
        (Some("shared"), Some(false))
    );
    assert_eq!(
        (options[1]["value"].as_str(), options[1]["available"].as_bool()),
        (Some("private"), Some(true))
    );
}
