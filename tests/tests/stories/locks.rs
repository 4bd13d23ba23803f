//! Edit locks of editors in the browser, and what others are told of them, word by word.

use causeway_tests::{Answer, Ask, Share, World};
use serde_json::{Value, json};

async fn lock(share: &Share, path: &str) -> Value {
    share.browser_lock(path).send().await.expect(200).json()
}

fn keep_lock(share: &Share, path: &str, lock: &Value) -> Ask {
    let route = format!("/api/browse/{}/lock/heartbeat", share.connection());
    share.user().post(&route).query("path", path).json(lock.clone())
}

fn companion_status(share: &Share, path: &str) -> Ask {
    let route = format!("/api/companion/{}/lock-status", share.connection());
    share.user().get(&route).query("path", path)
}

/// What a lock was answered with, with one field changed.
fn with(lock: &Value, field: &str, value: &str) -> Value {
    let mut other = lock.clone();
    other[field] = json!(value);
    other
}

async fn status(share: &Share, path: &str) -> Value {
    share.lock_status(path).send().await.expect(200).json()
}

const FREE: fn() -> Value = || json!({"locked": false, "locked_by": null, "locked_at": null});

#[tokio::test]
async fn a_lock_is_taken_kept_and_given_back() {
    let world = World::shared().await;
    let folder = world.folder("lock-life");
    folder.write("up.txt", "content");
    let path = folder.at("up.txt");
    let mine = world.admin().on(world.connection());
    let theirs = world.editor().on(world.connection());

    let held = lock(&mine, &path).await;
    let length = |field: &str| held[field].as_str().map(str::len);
    assert_eq!(
        (length("lock_id"), length("lock_capability"), length("operation_id")),
        (Some(36), Some(43), Some(32))
    );
    assert_eq!((&held["file_path"], &held["locked_by"]), (&json!(path), &json!("admin")));
    assert_eq!(held.as_object().map(serde_json::Map::len), Some(6), "{held}");
    // Who opens it a second time shares the lock.
    assert_eq!(lock(&mine, &path).await, held);

    theirs.browser_lock(&path).send().await.refused(409, "File is locked for editing by admin");
    for user in [&mine, &theirs] {
        let expected = json!({"locked": true, "locked_by": "admin", "locked_at": held["locked_at"]});
        assert_eq!(status(user, &path).await, expected);
    }

    let ok = |answer: Answer| assert_eq!(answer.expect(200).json(), json!({"status": "ok"}));
    ok(keep_lock(&mine, &path, &held).send().await);
    let mismatch = "Edit lock context mismatch";
    let lost = "Lock not found or expired";
    for (field, value, status, text) in [
        ("lock_capability", "x", 403, mismatch),
        ("operation_id", "x", 403, mismatch),
        ("lock_id", "x", 404, lost),
        ("lock_id", "00000000-0000-0000-0000-000000000000", 404, lost),
    ] {
        let wrong = with(&held, field, value);
        keep_lock(&mine, &path, &wrong).send().await.refused(status, text);
        mine.browser_unlock(&path, &wrong).send().await.refused(status, text);
    }
    // The secrets are of no use to somebody else.
    keep_lock(&theirs, &path, &held).send().await.refused(403, "Lock is held by another user");
    theirs.browser_unlock(&path, &held).send().await.refused(403, "Lock is held by another user");
    ok(keep_lock(&mine, &path, &held).send().await);

    ok(mine.browser_unlock(&path, &held).send().await);
    ok(mine.browser_unlock(&path, &held).send().await);
    keep_lock(&mine, &path, &held).send().await.refused(404, lost);
    assert_eq!(status(&mine, &path).await, FREE());
    let next = lock(&theirs, &path).await;
    assert_ne!(next["lock_id"], held["lock_id"]);
    ok(theirs.browser_unlock(&path, &next).send().await);
}

#[tokio::test]
async fn what_is_not_there_yet_can_be_locked_and_what_is_not_to_be_written_cannot() {
    let world = World::shared().await;
    let folder = world.folder("lock-who");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let editor = world.editor().on(world.connection());
    let none = folder.at("none.txt");
    let new = lock(&editor, &none).await;
    world
        .admin()
        .on(world.connection())
        .browser_lock(&none)
        .send()
        .await
        .refused(409, "File is locked for editing by editor");
    let _ = editor.upload(&none, "made under its lock").send().await.expect(200);
    let _ = editor.browser_unlock(&none, &new).send().await.expect(200);

    let viewer = world.viewer().on(world.connection());
    viewer.browser_lock(&path).send().await.refused(403, "Your user role is read-only");
    assert_eq!(status(&viewer, &path).await, FREE());
    let mut draft = world.draft("locks read only");
    draft["access_mode"] = json!("read_only");
    let guarded = world.connect(&world.editor(), draft).await;
    world.editor().on(&guarded).browser_lock(&path).send().await.refused(403, "Connection is read-only");
    world.admin().on(&guarded).browser_lock(&path).send().await.refused(404, "Connection not found");
    editor.browser_lock("").send().await.refused(400, "Path is not a file");
    editor.browser_lock("//").send().await.refused(400, "Path is not a file");
    assert_eq!(editor.browser_lock("../a.txt").send().await.status(), 400);
}

#[tokio::test]
async fn what_a_request_lacks_is_named() {
    let world = World::shared().await;
    let share = world.editor().on(world.connection());
    let base = format!("/api/browse/{}", world.connection());
    let missing = |place: &str, names: &[&str], input: &Value| -> Value {
        let one =
            |name| json!({"type": "missing", "loc": [place, name], "msg": "Field required", "input": input});
        json!(names.iter().map(one).collect::<Vec<_>>())
    };
    for ask in [
        share.user().post(&format!("{base}/lock")),
        share.user().post(&format!("{base}/lock/heartbeat")).json(json!({})),
        share.user().get(&format!("{base}/lock-status")),
    ] {
        assert_eq!(ask.send().await.expect(422).json()["detail"], missing("query", &["path"], &Value::Null));
    }
    let shown = json!({"lock_id": "x"});
    let expected = missing("body", &["operation_id", "lock_capability"], &shown);
    let unlock = share.user().delete(&format!("{base}/lock")).query("path", "a").json(shown.clone());
    for ask in [keep_lock(&share, "a", &shown), unlock] {
        assert_eq!(ask.send().await.expect(422).json()["detail"], expected);
    }
    assert_eq!(keep_lock(&share, "a", &json!([1])).send().await.status(), 422);
    let wrong_method = share.user().put(&format!("{base}/lock")).send().await.expect(405);
    assert_eq!(wrong_method.header("allow"), "POST, DELETE");
    let unknown = share.user().post(&format!("{base}/lock/steal")).send().await;
    unknown.refused(404, "Not Found");
}

#[tokio::test]
async fn nobody_else_changes_a_locked_file() {
    let world = World::shared().await;
    let folder = world.folder("lock-guard");
    folder.write("d/a.txt", "mine");
    folder.write("b.txt", "other");
    let path = folder.at("d/a.txt");
    let mine = world.admin().on(world.connection());
    let theirs = world.editor().on(world.connection());
    let held = lock(&mine, &path).await;
    let since = held["locked_at"].as_str().expect("a time").split('.').next().expect("seconds").to_owned();
    let by = format!("File is locked for editing by admin since {}", since.trim_end_matches('Z'));

    let (dir, b) = (folder.at("d"), folder.at("b.txt"));
    for (ask, status) in [
        (theirs.upload(&path, "x"), 409),
        (theirs.put(&path, "x"), 409),
        (theirs.delete(&path), 423),
        (theirs.rename(&path, "c.txt"), 423),
        (theirs.r#move(&path, &folder.at("c.txt"), false), 423),
        (theirs.copy(&b, &path, true), 423),
        (theirs.r#move(&b, &path, true), 423),
        (theirs.delete(&dir), 423),
        (theirs.rename(&dir, "e"), 423),
        (theirs.r#move(&dir, &folder.at("e"), false), 423),
    ] {
        let shown = format!("{ask:?}");
        let answer = ask.send().await;
        assert_eq!(answer.status(), status, "{shown}: {}", answer.text());
        assert!(answer.detail().starts_with(&by), "{by}: {}", answer.detail());
    }
    let after = |path: &str| format!("{by}Z: {path}");
    theirs.delete(&path).send().await.refused(423, &after(&path));
    theirs.upload(&path, "x").send().await.refused(409, &after(&path));
    assert_eq!((folder.read("d/a.txt"), folder.read("b.txt")), (b"mine".to_vec(), b"other".to_vec()));
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
    // Reading is free, and so is what is beside it.
    assert_eq!(theirs.download(&path).send().await.expect(200).text(), "mine");
    let _ = theirs.copy(&path, &folder.at("copy.txt"), false).send().await.expect(204);
    let _ = theirs.upload(&folder.at("d/beside.txt"), "x").send().await.expect(200);
    // The holder himself is not kept from his file.
    let _ = mine.upload(&path, "saved").send().await.expect(200);
    assert_eq!(folder.read("d/a.txt"), b"saved");
    let _ = keep_lock(&mine, &path, &held).send().await.expect(200);
    theirs.put(&path, "x").send().await.refused_with(409, "File is locked");
    let _ = mine.browser_unlock(&path, &held).send().await.expect(200);
    let _ = theirs.put(&path, "theirs").send().await.expect(200);
    assert_eq!(folder.read("d/a.txt"), b"theirs");
}

#[tokio::test]
async fn a_lock_is_taken_away_by_its_holder_or_an_administrator_only() {
    let world = World::shared().await;
    let folder = world.folder("lock-force");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let [admin, editor, viewer] =
        [world.admin(), world.editor(), world.viewer()].map(|user| user.on(world.connection()));
    let ok = |answer: Answer| assert_eq!(answer.expect(200).json(), json!({"status": "ok"}));
    ok(editor.force_unlock(&path).send().await);

    let held = lock(&admin, &path).await;
    for other in [&editor, &viewer] {
        let refusal = "Only admins and the lock holder can force-unlock";
        other.force_unlock(&path).send().await.refused(403, refusal);
    }
    let own = companion_status(&admin, &path).send().await.expect(200).json();
    let left = own["expires_in"].as_u64().expect("seconds");
    assert!((1..=120).contains(&left), "{own}");
    let expected = json!({
        "lock_id": held["lock_id"], "operation_id": held["operation_id"], "locked_by_current_user": true,
        "lock_active": true, "expires_in": left,
    });
    assert_eq!(own, expected);
    let other = companion_status(&editor, &path).send().await.expect(200).json();
    assert_eq!((&other["lock_active"], &other["locked_by_current_user"]), (&json!(true), &json!(false)));
    ok(admin.force_unlock(&path).send().await);
    let free = json!({
        "lock_id": null, "operation_id": null, "locked_by_current_user": false, "lock_active": false, "expires_in": 0,
    });
    assert_eq!(companion_status(&admin, &path).send().await.expect(200).json(), free);

    let held = lock(&editor, &path).await;
    ok(admin.force_unlock(&path).send().await);
    keep_lock(&editor, &path, &held).send().await.refused(404, "Lock not found or expired");
    let held = lock(&editor, &path).await;
    ok(editor.force_unlock(&path).send().await);
    ok(editor.browser_unlock(&path, &held).send().await);
}

#[tokio::test]
async fn a_locked_directory_is_its_holders_with_all_that_is_in_it() {
    let world = World::shared().await;
    let folder = world.folder("lock-directory");
    folder.write("d/a.txt", "old");
    folder.write("d/sub/b.txt", "old");
    folder.write("beside.txt", "beside");
    let mine = world.admin().on(world.connection());
    let theirs = world.editor().on(world.connection());
    let (dir, beside) = (folder.at("d"), folder.at("beside.txt"));
    let (a, sub) = (folder.at("d/a.txt"), folder.at("d/sub"));
    let held = lock(&mine, &dir).await;

    for (ask, status) in [
        (theirs.upload(&a, "x"), 409),
        (theirs.upload(&folder.at("d/new.txt"), "x"), 409),
        (theirs.put(&folder.at("D/Sub/B.txt"), "x"), 409),
        (theirs.browser_lock(&folder.at("d/sub/b.txt")), 409),
        (theirs.create(&dir, "new.txt", "file"), 423),
        (theirs.create(&sub, "new", "directory"), 423),
        (theirs.delete(&a), 423),
        (theirs.delete(&sub), 423),
        (theirs.delete(&dir), 423),
        (theirs.rename(&a, "c.txt"), 423),
        (theirs.rename(&dir, "e"), 423),
        (theirs.r#move(&sub, &folder.at("sub"), false), 423),
        (theirs.r#move(&beside, &folder.at("d/beside.txt"), false), 423),
        (theirs.copy(&beside, &folder.at("d/beside.txt"), false), 423),
        (theirs.copy(&beside, &a, true), 423),
    ] {
        let shown = format!("{ask:?}");
        let answer = ask.send().await;
        assert_eq!(answer.status(), status, "{shown}: {}", answer.text());
        assert!(answer.detail().starts_with("File is locked for editing by admin"), "{}", answer.detail());
    }
    assert_eq!((folder.names("d"), folder.names("d/sub")), (names(&["a.txt", "sub"]), names(&["b.txt"])));
    assert_eq!((folder.read("d/a.txt"), folder.read("d/sub/b.txt")), (b"old".to_vec(), b"old".to_vec()));
    let _ = theirs.copy(&dir, &folder.at("copy"), false).send().await.expect(204);

    let _ = mine.upload(&a, "new").send().await.expect(200);
    let _ = mine.create(&dir, "new.txt", "file").send().await.expect(200);
    let _ = mine.r#move(&beside, &folder.at("d/beside.txt"), false).send().await.expect(204);
    let _ = mine.delete(&sub).send().await.expect(204);
    assert_eq!(folder.names("d"), ["a.txt", "beside.txt", "new.txt"]);
    assert_eq!(folder.read("d/a.txt"), b"new");
    let _ = mine.browser_unlock(&dir, &held).send().await.expect(200);
    let _ = theirs.upload(&a, "theirs").send().await.expect(200);
    let _ = theirs.delete(&dir).send().await.expect(204);
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
