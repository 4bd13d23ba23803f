//! Connections: made, tried, changed, deleted, and every way in which the server behind can be wrong.

use causeway_tests::{Proxy, World};
use serde_json::{Value, json};

const CONNECTIONS: &str = "/api/connections";
const TEST_CONFIG: &str = "/api/connections/test-config";

fn with(mut draft: Value, field: &str, value: impl Into<Value>) -> Value {
    draft[field] = value.into();
    draft
}

#[tokio::test]
async fn a_connection_is_tried_made_renamed_and_deleted() {
    let world = World::shared().await;
    let admin = world.admin();
    let draft = world.draft("Büro Share");
    let tried = admin.post(TEST_CONFIG).json(draft.clone()).send().await.expect(200).json();
    assert_eq!(tried, json!({"status": "success", "message": "Successfully connected to the SMB share."}));

    let made = admin.post(CONNECTIONS).json(draft).send().await.expect(200).json();
    assert_eq!(made["slug"], "buro-share");
    assert_eq!(made["type"], "smb");
    assert_eq!(made["can_manage"], true);
    assert!(made.get("password").is_none(), "passwords never come back");
    let again = admin.post(CONNECTIONS).json(world.draft("Büro Share")).send().await.expect(200).json();
    assert_eq!(again["slug"], "buro-share-2");

    let at = format!("{CONNECTIONS}/{}", made["id"].as_str().expect("an id"));
    let renamed = admin.put(&at).json(json!({"name": "Office"})).send().await.expect(200).json();
    assert_eq!((renamed["name"].as_str(), renamed["slug"].as_str()), (Some("Office"), Some("buro-share")));

    let tried = admin.post(&format!("{at}/test")).send().await.expect(200).json();
    assert_eq!(tried["status"], "success");
    assert!(tried["message"].as_str().is_some_and(|text| text.starts_with("Successfully connected. Found ")));

    let gone = admin.delete(&at).send().await.expect(200).json();
    assert_eq!(gone, json!({"message": "Connection deleted successfully"}));
    admin.delete(&at).send().await.refused(404, "Connection not found");
    admin.on(made["id"].as_str().expect("an id")).list("").send().await.refused(404, "Connection not found");
}

#[tokio::test]
async fn a_draft_that_cannot_work_is_refused_with_the_reason() {
    let world = World::shared().await;
    let admin = world.admin();
    let wrong = [
        with(world.draft("wrong password"), "password", "not it"),
        with(world.draft("wrong user"), "username", "nobody-of-that-name"),
        with(world.draft("missing share"), "share_name", "no-such-share"),
        with(world.draft("nobody listens"), "port", 9),
        with(world.draft("no such host"), "host", "no-such-host.invalid"),
        with(world.draft("missing prefix"), "path_prefix", "/no/such/directory"),
    ];
    for draft in wrong {
        for path in [TEST_CONFIG, CONNECTIONS] {
            let answer = admin.post(path).json(draft.clone()).send().await;
            answer.refused_with(400, "Failed to connect to SMB share: ");
        }
    }
}

#[tokio::test]
async fn an_incomplete_draft_is_named_field_by_field() {
    let world = World::shared().await;
    let answer = world.admin().post(CONNECTIONS).json(json!({"name": "x"})).send().await.expect(422).json();
    let missing: Vec<_> =
        answer["detail"].as_array().expect("a list").iter().map(|fault| fault["loc"].clone()).collect();
    for field in ["host", "share_name", "username", "password"] {
        assert!(missing.contains(&json!(["body", field])), "{field} is not among {missing:?}");
    }
    for field in ["name", "host", "share_name", "username"] {
        let draft = with(world.draft("blank"), field, "  ");
        world.admin().post(CONNECTIONS).json(draft).send().await.expect(422).json();
    }
    let draft = with(world.draft("scope"), "scope", "public");
    world.admin().post(CONNECTIONS).json(draft).send().await.expect(422).json();
}

#[tokio::test]
async fn a_stored_connection_that_stopped_working_is_an_answer_not_an_error() {
    let world = World::shared().await;
    let admin = world.admin();
    let id = world.connect(&admin, world.draft("to be tried")).await;
    let at = format!("{CONNECTIONS}/{id}/test");
    let tried = admin.post(&at).json(json!({"password": "not it"})).send().await.expect(200).json();
    assert_eq!(tried["status"], "error");
    assert!(tried["message"].as_str().is_some_and(|text| !text.is_empty()));
    let tried =
        admin.post(&at).json(json!({"password": "", "path_prefix": "/"})).send().await.expect(200).json();
    assert_eq!(tried["status"], "success", "an empty password stands for the stored one: {tried}");
}

#[tokio::test]
async fn a_change_that_breaks_the_connection_is_not_stored() {
    let world = World::shared().await;
    let admin = world.admin();
    let id = world.connect(&admin, world.draft("to be changed")).await;
    let at = format!("{CONNECTIONS}/{id}");
    admin
        .put(&at)
        .json(json!({"share_name": "no-such-share"}))
        .send()
        .await
        .refused_with(400, "Failed to connect to SMB share: ");
    admin.put(&at).json(json!({"password": ""})).send().await.expect(200).json();
    admin.on(&id).list("").send().await.expect(200).json();
}

#[tokio::test]
async fn a_prefix_is_the_root_and_stays_invisible() {
    let world = World::shared().await;
    let folder = world.folder("prefix");
    folder.write("inside/a.txt", "inside");
    folder.write("outside.txt", "outside");
    let draft = with(world.draft("prefixed"), "path_prefix", format!("/{}/inside/", folder.path()));
    let share = world.admin().on(&world.connect(&world.admin(), draft).await);
    let listing = share.list("").send().await.expect(200).json();
    assert_eq!((listing["path"].as_str(), listing["total"].as_u64()), (Some("/"), Some(1)));
    assert_eq!(listing["items"][0]["path"], "a.txt");
    assert_eq!(share.download("a.txt").send().await.expect(200).text(), "inside");
    for escape in ["../outside.txt", "a/../../outside.txt", "..\\outside.txt"] {
        share.download(escape).send().await.expect(400).detail();
    }
    share.download(&folder.at("outside.txt")).send().await.expect(404).detail();
}

#[tokio::test]
async fn an_encrypted_share_works_like_any_other() {
    let world = World::shared().await;
    let draft = world.encrypted_draft("encrypted");
    let share = world.admin().on(&world.connect(&world.admin(), draft).await);
    share.upload("secret.txt", "sealed").send().await.expect(200).json();
    assert_eq!(share.download("secret.txt").send().await.expect(200).text(), "sealed");
    share.delete("secret.txt").send().await.expect(204).body();
}

#[tokio::test]
async fn a_server_that_is_away_is_a_bad_gateway_and_comes_back() {
    let world = World::shared().await;
    let folder = world.folder("away");
    folder.write("a.txt", "content");
    let proxy = Proxy::start(world.samba_port()).expect("a relay");
    let draft = with(world.draft("by relay"), "port", proxy.port());
    let share = world.admin().on(&world.connect(&world.admin(), draft).await);
    let a = folder.at("a.txt");
    share.info(&a).send().await.expect(200).json();

    proxy.cut();
    for ask in
        [share.info(&a), share.list(folder.path()), share.download(&a), share.view(&a), share.upload(&a, "x")]
    {
        ask.send().await.expect(502).detail();
    }
    assert_eq!(folder.read("a.txt"), b"content");

    // A server that has just failed is not asked again for a moment, so that nobody waits for it in vain.
    proxy.restore();
    world.until_answered(200, || share.info(&a)).await;
    assert_eq!(share.download(&a).send().await.expect(200).text(), "content");
}
