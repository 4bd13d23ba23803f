//! What a lock is worth: against our own users on every route, against everybody else on the share, and over restarts.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use causeway_tests::{Share, World, WorldOptions};
use serde_json::json;

fn editor(world: &World) -> Share {
    world.editor().on(world.connection())
}

fn admin(world: &World) -> Share {
    world.admin().on(world.connection())
}

#[tokio::test]
async fn whatever_changes_a_locked_file_is_refused_to_others() {
    let world = World::shared().await;
    let folder = world.folder("locked");
    for name in ["plan.odt", "other.odt", "sub/inner.odt"] {
        folder.write(name, "old");
    }
    let (mine, others) = (editor(&world), admin(&world));
    let (plan, other) = (folder.at("plan.odt"), folder.at("other.odt"));
    let _plan = mine.edit(&plan).await;
    let _inner = mine.edit(&folder.at("sub/inner.odt")).await;

    let renamed = folder.at("renamed.odt");
    for asked in [
        others.delete(&plan),
        others.rename(&plan, "renamed.odt"),
        others.rename(&other, "PLAN.odt"),
        others.r#move(&plan, &renamed, false),
        others.copy(&other, &plan, true),
        others.r#move(&other, &plan, true),
        others.create(folder.path(), "plan.odt", "file"),
        others.create(folder.path(), "Plan.ODT", "directory"),
        // The locked file below counts.
        others.delete(&folder.at("sub")),
        others.rename(&folder.at("sub"), "moved"),
        others.r#move(&folder.at("sub"), &folder.at("moved"), false),
        others.delete(folder.path()),
    ] {
        let answer = asked.send().await;
        assert_eq!(answer.status(), 423, "{}", answer.text());
        let detail = answer.detail();
        assert!(detail.starts_with("File is locked for editing by editor since 20"), "{detail}");
    }
    // Editors of the contract know a file that is somebody else's by 409.
    for asked in
        [others.upload(&plan, "theirs"), others.put(&plan, "theirs"), others.put(&folder.at("PLAN.ODT"), "x")]
    {
        asked.send().await.refused_with(409, "File is locked for editing by editor");
    }
    for name in ["plan.odt", "other.odt", "sub/inner.odt"] {
        assert_eq!(folder.read(name), b"old", "{name}");
    }
    assert_eq!(folder.names(""), ["other.odt", "plan.odt", "sub"]);
    // Reading, copying from it, and what is beside it are for everybody.
    let _ = others.download(&plan).send().await.expect(200);
    let _ = others.copy(&plan, &folder.at("copy.odt"), false).send().await.expect(204);
    let _ = others.put(&folder.at("plan.odt.bak"), "beside").send().await.expect(201);
}

#[tokio::test]
async fn the_holder_himself_may_do_as_he_likes() {
    let world = World::shared().await;
    let folder = world.folder("own");
    for name in ["a.txt", "b.txt", "c.txt"] {
        folder.write(name, "old");
    }
    let mine = editor(&world);
    for name in ["a.txt", "b.txt", "c.txt"] {
        let _ = mine.browser_lock(&folder.at(name)).send().await.expect(200);
    }
    let _ = mine.put(&folder.at("a.txt"), "new").send().await.expect(200);
    let _ = mine.rename(&folder.at("b.txt"), "d.txt").send().await.expect(200);
    let _ = mine.delete(&folder.at("c.txt")).send().await.expect(204);
    assert_eq!(folder.names(""), ["a.txt", "d.txt"]);
    assert_eq!(folder.read("a.txt"), b"new");
    // What he has just saved is held for him again.
    let refused = world.samba().smbclient("data", &["-c", &format!("del {}", smb(&folder.at("a.txt")))]);
    let _ = refused.expect("smbclient ran");
    assert!(folder.has("a.txt"));
}

#[tokio::test]
async fn nobody_on_the_share_writes_or_deletes_a_locked_file() {
    let world = World::shared().await;
    let folder = world.folder("denied");
    folder.write("plan.odt", "old");
    folder.write("theirs.txt", "theirs");
    let edit = editor(&world).edit(&folder.at("plan.odt")).await;
    let path = smb(&folder.at("plan.odt"));
    let attempts = [
        format!("put {} {path}", folder.on_disk("theirs.txt").display()),
        format!("del {path}"),
        format!("rename {path} {}", smb(&folder.at("gone.odt"))),
    ];
    let ask = |attempt: &str| {
        let said = world.samba().smbclient("data", &["-c", attempt]).expect("smbclient ran");
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    for attempt in &attempts {
        let said = ask(attempt);
        assert!(said.contains("NT_STATUS_SHARING_VIOLATION"), "{attempt}: {said}");
        assert_eq!(folder.read("plan.odt"), b"old", "{attempt}");
    }
    // Saved: the file that is there now is held as the one before was.
    let _ = edit.save("new").send().await.expect(200);
    for attempt in &attempts {
        let said = ask(attempt);
        assert!(said.contains("NT_STATUS_SHARING_VIOLATION"), "{attempt}: {said}");
        assert_eq!(folder.read("plan.odt"), b"new", "{attempt}");
    }
    let _ = edit.release().send().await.expect(200);
    let [put, delete, rename] = &attempts;
    ask(put);
    assert_eq!(folder.read("plan.odt"), b"theirs");
    ask(rename);
    assert_eq!(folder.names(""), ["gone.odt", "theirs.txt"]);
    ask(put);
    ask(delete);
    assert_eq!(folder.names(""), ["gone.odt", "theirs.txt"]);
}

#[tokio::test]
async fn what_somebody_on_the_share_has_open_is_not_locked() {
    let world = World::shared().await;
    let folder = world.folder("open");
    folder.write("plan.odt", "old");
    let (share, path) = (editor(&world), folder.at("plan.odt"));
    let bootstrap = share.bootstrap(&path).await;
    let held = world.hold_open(&folder, "plan.odt");
    share.ask_lock(&bootstrap, &path).send().await.refused_with(409, "in use");
    share.browser_lock(&path).send().await.refused_with(409, "in use");
    let status = share.lock_status(&path).send().await.expect(200).json();
    assert_eq!(status["locked"], json!(false), "nobody of ours has it");
    drop(held);
    world.until("it is closed", || !world.is_open(&folder, "plan.odt")).await;
    let _ = share.ask_lock(&bootstrap, &path).send().await.expect(200);
}

#[tokio::test]
async fn office_programs_tell_who_has_a_file_open() {
    let world = World::shared().await;
    let folder = world.folder("office");
    let share = editor(&world);
    let mut word = vec![0_u8; 162];
    word[0] = 5;
    word[1..6].copy_from_slice(b"Paula");
    word[54] = 5;
    for (at, byte) in b"Paula".iter().enumerate() {
        word[56 + 2 * at] = *byte;
    }
    for (name, mark, content) in [
        ("quarterly.docx", "~$arterly.docx", word.as_slice()),
        ("plan.odt", ".~lock.plan.odt#", b"Paula,paula,desk,21.11.2026 12:00,file:///home/paula;".as_slice()),
    ] {
        folder.write(name, "old");
        folder.write(mark, content);
        let path = folder.at(name);
        share.browser_lock(&path).send().await.refused_with(409, "in use by Paula");
        let status = share.lock_status(&path).send().await.expect(200).json();
        assert_eq!((&status["locked"], &status["locked_by"]), (&json!(true), &json!("Paula")));
        std::fs::remove_file(folder.on_disk(mark)).expect("closed");
        let _ = share.browser_lock(&path).send().await.expect(200);
    }
    // Word's short mark may be of either of these.
    for name in ["01 Plans.docx", "02 Plans.docx"] {
        folder.write(name, "old");
    }
    folder.write("~$ Plans.docx", &word);
    let _ = share.browser_lock(&folder.at("02 Plans.docx")).send().await.expect(200);
}

#[tokio::test]
async fn every_spelling_and_every_way_leads_to_one_lock() {
    let world = World::shared().await;
    let folder = world.folder("spellings");
    folder.write("sub/caf\u{e9}.txt", "old");
    let (mine, others) = (editor(&world), admin(&world));
    let edit = mine.edit(&folder.at("sub/caf\u{e9}.txt")).await;
    let base = folder.path();
    for spelling in [
        format!("{base}/sub/CAF\u{c9}.TXT"),
        format!("{base}/sub/cafe\u{301}.txt"),
        format!("{base}//sub//caf\u{e9}.txt"),
        format!("/{base}/sub/caf\u{e9}.txt/"),
        format!("{base}\\sub\\Caf\u{e9}.txt"),
    ] {
        others.browser_lock(&spelling).send().await.refused(409, "File is locked for editing by editor");
        let again = mine.browser_lock(&spelling).send().await.expect(200).json();
        assert_eq!(again["lock_id"], edit.lock()["lock_id"], "{spelling}");
    }
    // Another connection whose root is the folder.
    let mut draft = world.draft("Folder of spellings");
    draft["path_prefix"] = json!(format!("/{base}/sub"));
    draft["host"] = json!("127.0.0.1");
    let below = world.admin().on(&world.connect(&world.admin(), draft).await);
    below.browser_lock("Caf\u{e9}.txt").send().await.refused(409, "File is locked for editing by editor");
    below.put("caf\u{e9}.txt", "theirs").send().await.refused_with(409, "locked for editing by editor");
    assert_eq!(folder.read("sub/caf\u{e9}.txt"), b"old");
}

#[tokio::test]
async fn a_lock_outlives_the_product_and_its_server() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("restarts");
    folder.write("plan.odt", "old");
    folder.write("theirs.txt", "theirs");
    let path = folder.at("plan.odt");
    let edit = editor(&world).edit(&path).await;
    let put = format!("put {} {}", folder.on_disk("theirs.txt").display(), smb(&path));

    world.product_mut().kill().expect("killed");
    world.product_mut().start_again().expect("started");
    let _ = edit.heartbeat().send().await.expect(200);
    admin(&world).delete(&path).send().await.refused_with(423, "locked for editing by editor");
    world.until("it is held again", || world.is_open(&folder, "plan.odt")).await;
    let _ = world.samba().smbclient("data", &["-c", &put]).expect("smbclient ran");
    assert_eq!(folder.read("plan.odt"), b"old");

    world.samba_mut().kill9();
    world.samba_mut().restart().expect("restarted");
    world.until("it is held again", || world.is_open(&folder, "plan.odt")).await;
    let _ = world.samba().smbclient("data", &["-c", &put]).expect("smbclient ran");
    assert_eq!(folder.read("plan.odt"), b"old");

    let _ = edit.save("new").send().await.expect(200);
    assert_eq!(folder.read("plan.odt"), b"new");
    world.product_mut().stop().expect("stopped");
    world.until("nothing is held", || !world.is_open(&folder, "plan.odt")).await;
}

#[tokio::test]
async fn a_lock_without_a_sign_of_life_ends() {
    let options = WorldOptions {
        product: causeway_tests::ProductOptions {
            environment: vec![("CAUSEWAY_LOCK_SECONDS".into(), "6".into())],
            ..Default::default()
        },
        ..Default::default()
    };
    let world = World::start(options).await.expect("a world");
    let folder = world.folder("expiry");
    folder.write("plan.odt", "old");
    let path = folder.at("plan.odt");
    let edit = editor(&world).edit(&path).await;
    admin(&world).browser_lock(&path).send().await.refused(409, "File is locked for editing by editor");
    let taken = world.until_answered(200, || admin(&world).browser_lock(&path)).await.json();
    for asked in [edit.heartbeat(), edit.save("too late")] {
        assert_eq!(asked.send().await.expect(404).json()["detail"]["code"], json!("lock_lost"));
    }
    assert_eq!(folder.read("plan.odt"), b"old");
    // The work is not lost.
    let kept = edit.save_or_copy("too late").send().await.expect(200).json();
    assert_eq!(kept["status"], json!("conflict_copy"));
    let copy = kept["path"].as_str().expect("a path").to_owned();
    assert!(
        copy.starts_with(&folder.at("plan (conflict copy, editor, ")) && copy.ends_with(".odt"),
        "{copy}"
    );
    assert_eq!(editor(&world).download(&copy).send().await.expect(200).text(), "too late");
    let _ = admin(&world).browser_unlock(&path, &taken).send().await.expect(200);
}

#[tokio::test]
async fn a_save_over_what_somebody_else_has_saved_is_a_conflict() {
    let world = World::shared().await;
    let folder = world.folder("conflicts");
    folder.write("plan.odt", "old");
    let edit = editor(&world).edit(&folder.at("plan.odt")).await;
    assert_eq!(edit.download().send().await.expect(200).text(), "old");
    // On the server's own disk nothing is in the way of that.
    folder.write("plan.odt", "theirs, longer");
    let conflict = edit.save("mine").send().await.expect(409).json();
    assert_eq!(conflict["detail"]["code"], json!("conflict"), "{conflict}");
    assert_eq!(conflict["detail"]["existing_file"]["size"], json!(14));
    assert_eq!(conflict["detail"]["base_file"]["size"], json!(3));
    assert_eq!(folder.read("plan.odt"), b"theirs, longer");
    // Kept beside it on request, more than once a second too.
    for text in ["mine", "mine again"] {
        let kept = edit.save_or_copy(text).send().await.expect(200).json();
        assert_eq!(kept["status"], json!("conflict_copy"));
        let copy = kept["path"].as_str().expect("a path").to_owned();
        assert_eq!(editor(&world).download(&copy).send().await.expect(200).text(), text);
    }
    assert_eq!(folder.read("plan.odt"), b"theirs, longer");
    // Who has seen what is there may decide to overwrite it.
    let _ = edit.info().send().await.expect(200);
    let _ = edit.save("mine").send().await.expect(200);
    assert_eq!(folder.read("plan.odt"), b"mine");
    // And goes on from there.
    let _ = edit.save("mine, too").send().await.expect(200);
    // Deleted meanwhile is changed, too.
    std::fs::remove_file(folder.on_disk("plan.odt")).expect("deleted");
    let conflict = edit.save("mine").send().await.expect(409).json();
    assert_eq!(conflict["detail"]["existing_file"], json!(null));
    let _ = edit.info().send().await.expect(404);
    let _ = edit.save("mine").send().await.expect(200);
    assert_eq!(folder.read("plan.odt"), b"mine");
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
}

#[tokio::test]
async fn a_change_of_the_same_length_on_the_servers_own_disk_is_a_conflict() {
    let world = World::shared().await;
    let folder = world.folder("same-length");
    folder.write("plan.odt", "old");
    let share = editor(&world);
    let edit = share.edit(&folder.at("plan.odt")).await;
    // Into the file, past the server, which tells old times of what we hold open.
    let path = folder.on_disk("plan.odt");
    let mut file = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
    std::io::Write::write_all(&mut file, b"cut").expect("written");
    drop(file);
    let _ = edit.save("new").send().await.expect(409);
    assert_eq!(folder.read("plan.odt"), b"cut");
}

#[tokio::test]
async fn of_two_edits_of_one_user_the_later_save_does_not_bury_the_earlier() {
    let world = World::shared().await;
    let folder = world.folder("twice");
    folder.write("plan.odt", "old");
    let share = editor(&world);
    let (one, other) = (share.edit(&folder.at("plan.odt")).await, share.edit(&folder.at("plan.odt")).await);
    assert_eq!(one.lock()["lock_id"], other.lock()["lock_id"]);
    let _ = one.save("from one").send().await.expect(200);
    let _ = other.save("from the other").send().await.expect(409);
    assert_eq!(folder.read("plan.odt"), b"from one");
}

#[tokio::test]
async fn where_nobody_may_replace_a_file_it_is_written_over() {
    let world = World::shared().await;
    if !world.samba().has_share("limited") {
        println!("skipped: only root can act as somebody else");
        return;
    }
    let folder = world.folder_of("limited", "sticky");
    folder.write("plan.odt", "old content");
    // Anybody may write the file and make others here; only its owner may remove it.
    let mode = |path: &str, mode| {
        std::fs::set_permissions(folder.on_disk(path), std::fs::Permissions::from_mode(mode))
            .expect("a mode");
    };
    mode("plan.odt", 0o666);
    mode("", 0o1777);
    let born = std::fs::metadata(folder.on_disk("plan.odt")).expect("a file").ino();
    let limited = world.connect(&world.admin(), world.draft_of("Limited", "limited")).await;
    let share = world.admin().on(&limited);
    let edit = share.edit(&folder.at("plan.odt")).await;
    for text in ["new", "a much longer new content", ""] {
        let _ = edit.save(text).send().await.expect(200);
        assert_eq!(folder.read("plan.odt"), text.as_bytes());
    }
    let _ = share.put(&folder.at("plan.odt"), "uploaded").send().await.expect(200);
    assert_eq!(folder.read("plan.odt"), b"uploaded");
    let _ = edit.save("on the edit's old base").send().await.expect(409);
    assert_eq!(std::fs::metadata(folder.on_disk("plan.odt")).expect("a file").ino(), born, "the same file");
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
}

#[tokio::test]
async fn a_lock_ends_with_its_connection_and_moves_to_the_one_that_is_used() {
    let world = World::shared().await;
    let folder = world.folder("connections");
    folder.write("moved.odt", "old");
    folder.write("ended.odt", "old");
    let own = world.connect(&world.editor(), world.draft("Own way to the share")).await;
    let (shared, private) = (editor(&world), world.editor().on(&own));
    let (moved, ended) = (folder.at("moved.odt"), folder.at("ended.odt"));
    let first = private.edit(&moved).await;
    let second = shared.edit(&moved).await;
    assert_eq!(first.lock()["lock_id"], second.lock()["lock_id"]);
    let lost = private.edit(&ended).await;
    let _ = world.editor().delete(&format!("/api/connections/{own}")).send().await.expect(200);
    let _ = second.heartbeat().send().await.expect(200);
    let _ = second.save("new").send().await.expect(200);
    assert_eq!(folder.read("moved.odt"), b"new");
    // What was locked by the one that is gone is free at once.
    assert_eq!(lost.heartbeat().send().await.status(), 404);
    let _ = admin(&world).edit(&ended).await;
}

#[tokio::test]
async fn what_somebody_puts_in_a_locked_files_place_is_held_from_the_next_look_on() {
    let world = World::shared().await;
    let folder = world.folder("replaced");
    folder.write("plan.odt", "old");
    folder.write("theirs.txt", "theirs");
    let edit = editor(&world).edit(&folder.at("plan.odt")).await;
    let (theirs, plan) = (folder.on_disk("theirs.txt"), smb(&folder.at("plan.odt")));
    let temporary = smb(&folder.at("temporary"));
    let replace = format!("put {} {temporary}; rename {temporary} {plan} -f", theirs.display());
    let _ = world.samba().smbclient("data", &["-c", &replace]).expect("smbclient ran");
    assert_eq!(folder.read("plan.odt"), b"theirs", "Samba lets no hold stand in the way of that");
    let _ = edit.save("mine").send().await.expect(409);
    let _ = edit.info().send().await.expect(200);
    folder.write("theirs.txt", "theirs again");
    let put = format!("put {} {plan}", theirs.display());
    let _ = world.samba().smbclient("data", &["-c", &put]).expect("smbclient ran");
    assert_eq!(folder.read("plan.odt"), b"theirs", "held again");
    let _ = edit.save("mine").send().await.expect(200);
    assert_eq!(folder.read("plan.odt"), b"mine");
}

#[tokio::test]
async fn a_save_that_cannot_take_its_place_is_kept_where_nobody_may_replace_the_file() {
    let world = World::shared().await;
    if !world.samba().has_share("limited") {
        println!("skipped: only root can act as somebody else");
        return;
    }
    let folder = world.folder_of("limited", "sticky-copy");
    folder.write("plan.odt", "old");
    for (path, mode) in [("plan.odt", 0o666), ("", 0o1777)] {
        std::fs::set_permissions(folder.on_disk(path), std::fs::Permissions::from_mode(mode))
            .expect("a mode");
    }
    let limited = world.connect(&world.admin(), world.draft_of("Limited copies", "limited")).await;
    let share = world.admin().on(&limited);
    let edit = share.edit(&folder.at("plan.odt")).await;
    // A download that stands still has the file open: nothing can be written over it. It is more than waits on the way.
    let long = std::fs::File::options().write(true).open(folder.on_disk("plan.odt")).expect("the file");
    long.set_len(256 * 1024 * 1024).expect("its length");
    drop(long);
    let _ = edit.info().send().await.expect(200);
    let reading = share.download(&folder.at("plan.odt")).stream().await.expect("an answer");
    let copy = edit.save_or_copy("mine").send().await.kept_copy();
    drop(reading);
    assert_eq!(share.download(&folder.at(&copy)).send().await.expect(200).text(), "mine");
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
}

#[tokio::test]
async fn a_form_of_very_many_parts_is_refused() {
    let world = World::shared().await;
    let folder = world.folder("parts");
    folder.write("plan.odt", "old");
    let edit = editor(&world).edit(&folder.at("plan.odt")).await;
    let boundary = "xyz";
    let part = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"lock_id\"\r\n\r\n\r\n");
    let form = format!("{}--{boundary}--\r\n", part.repeat(1000));
    let upload = world.editor().post(&format!("/api/browse/{}/upload", world.connection()));
    let upload = upload.query("path", &folder.at("new.odt")).body(form);
    let refused =
        upload.header("content-type", &format!("multipart/form-data; boundary={boundary}")).send().await;
    assert_eq!(refused.status(), 413, "{}", refused.text());
    let _ = edit.save("new").send().await.expect(200);
    assert!(!folder.has("new.odt"));
}

/// A path as smbclient takes it.
fn smb(path: &str) -> String {
    format!("\"{}\"", path.replace('/', "\\"))
}
