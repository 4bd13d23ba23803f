//! What a save keeps of the file that it replaces, what may happen while it is under way, and what is on record of it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use bytes::Bytes;
use causeway_tests::{Folder, Proxy, Share, User, World, WorldOptions};
use futures::SinkExt as _;
use futures::channel::mpsc;
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

fn editor(world: &World) -> Share {
    world.editor().on(world.connection())
}

fn admin(world: &World) -> Share {
    world.admin().on(world.connection())
}

/// What somebody on the share is told when he does something with a file.
fn smbclient(world: &World, command: &str) -> String {
    let Output { stdout, stderr, .. } =
        world.samba().smbclient("data", &["-c", command]).expect("smbclient ran");
    String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr)
}

/// The lines of `allinfo` that begin with one of these words.
fn told(world: &World, path: &str, words: &[&str]) -> Vec<String> {
    let info = smbclient(world, &format!("allinfo \"{path}\""));
    info.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_save_keeps_what_the_share_knows_of_a_file_beside_its_content() {
    let world = World::shared().await;
    let folder = world.folder("kept-by-saves");
    folder.write("plan.odt", "old");
    folder.write("notes", "notes of somebody");
    let (path, notes) = (folder.at("plan.odt"), folder.on_disk("notes"));
    let put = format!("put {} \"{path}:notes\"; setmode \"{path}\" +h", notes.display());
    let _ = smbclient(&world, &put);
    let words = ["create_time:", "attributes:", "stream: [:notes"];
    let before = told(&world, &path, &words);
    if before.len() < words.len() {
        println!("skipped: this smbd keeps no {words:?}: {before:?}");
        return;
    }
    assert!(before.iter().any(|line| line.contains('H')), "{before:?}");
    // Births of two files are told apart.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let edit = editor(&world).edit(&path).await;
    for content in ["new", "newer and longer"] {
        let _ = edit.save(content).send().await.expect(200);
        assert_eq!(folder.read("plan.odt"), content.as_bytes());
        assert_eq!(told(&world, &path, &words), before, "after {content:?}");
    }
    let copy = folder.on_disk("copy");
    let _ = smbclient(&world, &format!("get \"{path}:notes\" {}", copy.display()));
    assert_eq!(std::fs::read(copy).expect("the stream"), b"notes of somebody");
    let _ = edit.release().send().await.expect(200);
}

/// A body that comes piece by piece.
fn slow_body() -> (mpsc::Sender<std::io::Result<Bytes>>, reqwest::Body) {
    let (sender, pieces) = mpsc::channel(0);
    (sender, reqwest::Body::wrap_stream(pieces))
}

async fn send(body: &mut mpsc::Sender<std::io::Result<Bytes>>, length: usize) {
    body.send(Ok(vec![b'n'; length].into())).await.expect("somebody reads");
}

#[tokio::test]
async fn a_lock_that_is_taken_away_in_the_middle_of_a_save_ends_it() {
    let world = World::shared().await;
    for keeps_copy in [false, true] {
        let folder = world.folder("forced-in-a-save");
        folder.write("plan.odt", "old");
        let path = folder.at("plan.odt");
        let edit = editor(&world).edit(&path).await;
        let (mut pieces, body) = slow_body();
        let ask = if keeps_copy { edit.save_or_copy(body) } else { edit.save(body) };
        let saving = tokio::spawn(ask.try_send());
        send(&mut pieces, MIB).await;
        send(&mut pieces, MIB).await;
        world.until("it is being saved", || !folder.rubbish().is_empty()).await;
        let _ = admin(&world).force_unlock(&path).send().await.expect(200);
        let theirs = admin(&world).edit(&path).await;
        send(&mut pieces, MIB).await;
        drop(pieces);
        let answer = saving.await.expect("no panic").expect("an answer");
        if keeps_copy {
            assert_eq!(folder.read(&answer.kept_copy()), vec![b'n'; 3 * MIB]);
        } else {
            answer.edit_refused(404, "lock_lost");
            assert_eq!(folder.names(""), ["plan.odt"]);
        }
        assert_eq!(folder.read("plan.odt"), b"old");
        let _ = theirs.save("theirs").send().await.expect(200);
        assert_eq!(folder.read("plan.odt"), b"theirs");
        let _ = theirs.release().send().await.expect(200);
    }
}

#[tokio::test]
async fn a_locked_file_is_held_again_after_the_network_was_cut() {
    let world = World::shared().await;
    let folder = world.folder("cut");
    folder.write("plan.odt", "old");
    folder.write("theirs.txt", "theirs");
    let proxy = Proxy::start(world.samba_port()).expect("a proxy");
    let mut draft = world.draft("By a network that is cut");
    draft["port"] = proxy.port().into();
    let share = world.editor().on(&world.connect(&world.editor(), draft).await);
    let path = folder.at("plan.odt");
    let edit = share.edit(&path).await;
    let put = format!("put {} \"{path}\"", folder.on_disk("theirs.txt").display());
    for _ in 0..2 {
        world.until("it is held", || world.is_open(&folder, "plan.odt")).await;
        assert!(smbclient(&world, &put).contains("NT_STATUS_SHARING_VIOLATION"));
        proxy.cut();
        world.until("it is not held", || !world.is_open(&folder, "plan.odt")).await;
        let _ = edit.heartbeat().send().await.expect(200);
        proxy.restore();
    }
    world.until("it is held", || world.is_open(&folder, "plan.odt")).await;
    assert_eq!(folder.read("plan.odt"), b"old");
    let saved = world.until_answered(200, || edit.save("new")).await;
    assert_eq!(saved.json()["status"], json!("ok"));
    let _ = edit.release().send().await.expect(200);
    assert!(!world.is_open(&folder, "plan.odt"));
}

#[tokio::test]
async fn who_saves_again_what_he_was_never_told_was_saved_meets_no_conflict() {
    let world = World::shared().await;
    let folder = world.folder("lost-answer");
    folder.write("plan.odt", "old");
    let edit = editor(&world).edit(&folder.at("plan.odt")).await;
    for content in [vec![b'n'; 3 * MIB], b"short".to_vec(), Vec::new()] {
        // As an earlier attempt has put it there whose answer was lost.
        folder.write("plan.odt", &content);
        let saved = edit.save(content.clone()).send().await.expect(200).json();
        assert_eq!((&saved["status"], folder.read("plan.odt")), (&json!("ok"), content));
        assert_eq!(folder.names(""), ["plan.odt"]);
        let _ = edit.save("and goes on from there").send().await.expect(200);
    }
    // Of the same length is not the same.
    folder.write("plan.odt", "theirs, and just as long");
    let theirs = folder.read("plan.odt");
    let mut mine = theirs.clone();
    mine[20] = b'!';
    let _ = edit.save(mine.clone()).send().await.expect(409);
    assert_eq!((folder.read("plan.odt"), folder.names("")), (theirs, vec!["plan.odt".to_owned()]));
    let copy = edit.save_or_copy(mine.clone()).send().await.kept_copy();
    assert_eq!(folder.read(&copy), mine);
    let _ = edit.release().send().await.expect(200);
}

#[tokio::test]
async fn where_a_file_may_be_changed_and_not_deleted_a_conflict_leaves_a_copy_and_no_rubbish() {
    let rights = causeway_samba::Share::new("rights")
        .option("vfs objects", "acl_xattr")
        .option("acl_xattr:ignore system acls", "yes")
        .option("force user", "daemon");
    let samba = causeway_samba::Samba::builder().share(rights);
    let world = World::start(WorldOptions { samba, ..WorldOptions::default() }).await.expect("a world");
    if !world.samba().has_share("limited") {
        println!("skipped: only root can act as somebody else");
        return;
    }
    let folder = world.folder_of("rights", "edit-only");
    folder.write("plan.odt", "old");
    for (path, mode) in [("plan.odt", 0o666), ("", 0o777)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.on_disk(path), mode).expect("a mode");
    }
    let share = world.admin().on(&world.connect(&world.admin(), world.draft_of("Rights", "rights")).await);
    share.delete(&folder.at("plan.odt")).send().await.expect(403).detail();
    let edit = share.edit(&folder.at("plan.odt")).await;
    let _ = edit.save("mine").send().await.expect(200);
    folder.write("plan.odt", "ours");
    let _ = edit.save("mine").send().await.expect(409);
    let copy = edit.save_or_copy("mine").send().await.kept_copy();
    assert_eq!((folder.read("plan.odt"), folder.read(&copy)), (b"ours".to_vec(), b"mine".to_vec()));
    assert_eq!(folder.names("").len(), 2, "{:?}", folder.names(""));
    let _ = edit.release().send().await.expect(200);
}

/// What `causeway audit` tells of a folder, in the order of time: what, how it went, who, and what there was to say.
fn on_record(world: &World, folder: &Folder) -> Vec<(String, String, String, String)> {
    let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
    let records = world.product().audit(10_000);
    let mine = records.iter().filter(|record| text(record, "detail").starts_with(folder.path()));
    mine.map(|record| {
        assert_eq!(text(record, "origin"), "127.0.0.1", "{record}");
        let share = format!("127.0.0.1:{}/data", world.samba_port());
        assert_eq!(
            (text(record, "subject"), text(record, "subject_id").as_str()),
            (share, world.connection())
        );
        let what = (text(record, "event"), text(record, "result"));
        (what.0, what.1, text(record, "actor"), text(record, "detail"))
    })
    .collect()
}

#[tokio::test]
async fn every_lock_save_and_conflict_is_on_the_record() {
    let world = World::shared().await;
    let folder = world.folder("on-record");
    folder.write("plan.odt", "old");
    let path = folder.at("plan.odt");
    let edit = editor(&world).edit(&path).await;
    let _ = edit.save("new").send().await.expect(200);
    folder.write("plan.odt", "theirs, longer");
    let _ = edit.save("mine").send().await.expect(409);
    let _ = edit.save_or_copy("mine").send().await.expect(200);
    let _ = edit.release().send().await.expect(200);
    // Once more makes no difference.
    let _ = edit.release().send().await;
    let edit = editor(&world).edit(&path).await;
    let _ = admin(&world).force_unlock(&path).send().await.expect(200);
    let _ = edit.save("too late").send().await.expect(404);
    let _ = edit.save_or_copy("too late").send().await.expect(200);

    let records = on_record(&world, &folder);
    let told: Vec<(&str, &str, &str)> = records
        .iter()
        .map(|(event, result, actor, _)| (event.as_str(), result.as_str(), actor.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("lock.acquired", "succeeded", "editor"),
            ("edit.saved", "succeeded", "editor"),
            ("edit.conflict", "failed", "editor"),
            ("edit.conflict", "failed", "editor"),
            ("edit.copied", "succeeded", "editor"),
            ("lock.released", "succeeded", "editor"),
            ("lock.acquired", "succeeded", "editor"),
            ("lock.forced", "succeeded", "admin"),
            ("edit.conflict", "failed", "editor"),
            ("edit.conflict", "failed", "editor"),
            ("edit.copied", "succeeded", "editor"),
        ],
        "{records:#?}"
    );
    for (.., detail) in &records {
        assert!(detail.starts_with(&format!("{path}: ")), "{detail}");
    }
    assert!(records[7].3.contains("editor had it"), "{}", records[7].3);
}

#[tokio::test]
async fn the_trail_is_shown_by_whoever_has_the_data_directory() {
    let world = World::shared().await;
    let refused = User::anonymous(world.product().address()).try_sign_in("nobody", "at all").await;
    assert_eq!(refused.status(), 401);
    let records = world.product().audit(10_000);
    let is_it = |record: &&Value| record["event"] == "sign_in" && record["actor"] == "nobody";
    let attempt = records.iter().find(is_it).expect("on record");
    assert_eq!((&attempt["result"], &attempt["actor_id"]), (&json!("failed"), &Value::Null), "{attempt}");
    let at = attempt["at"].as_str().expect("a time");
    assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
    assert_eq!(world.product().audit(1).len(), 1);
}
