//! Files that are replaced by many at once, and what of the old file the new one keeps.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use causeway_tests::{Pattern, Share, World, WorldOptions};
use futures::future::join_all;
use serde_json::json;

const MIB: u64 = 1024 * 1024;

fn writer(world: &World) -> Share {
    world.editor().on(world.connection())
}

#[tokio::test]
async fn twelve_who_save_one_file_at_once_all_succeed() {
    let world = World::shared().await;
    let folder = world.folder("crowd");
    folder.write("one.txt", "old");
    let (share, path) = (writer(&world), folder.at("one.txt"));
    let texts: Vec<String> = (0..12).map(|number| format!("{number} ").repeat(5000)).collect();
    let saved = join_all(texts.iter().map(|text| share.put(&path, text.clone()).send())).await;
    let statuses: Vec<u16> = saved.iter().map(causeway_tests::Answer::status).collect();
    assert_eq!(statuses, [200; 12]);
    let now = folder.read("one.txt");
    assert!(texts.iter().any(|text| text.as_bytes() == now), "one of them, whole");
    assert_eq!(folder.names(""), ["one.txt"]);
}

#[tokio::test]
async fn of_twelve_who_saw_the_same_version_one_saves() {
    let world = World::shared().await;
    let folder = world.folder("same-version");
    folder.write("one.txt", "old");
    let (share, path) = (writer(&world), folder.at("one.txt"));
    let tag = share.head("file", &path).send().await.expect(200).header("etag").to_owned();
    let saving =
        (0..12).map(|number| share.put(&path, format!("new {number}")).header("if-match", &tag).send());
    let mut statuses: Vec<u16> = join_all(saving).await.iter().map(causeway_tests::Answer::status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[412; 11][..]));
    assert_eq!(folder.names(""), ["one.txt"]);
}

#[tokio::test]
async fn saving_and_renaming_one_file_at_once_loses_no_content() {
    let world = World::shared().await;
    let folder = world.folder("save-and-rename");
    let share = writer(&world);
    for round in 0..10 {
        let name = format!("{round}.txt");
        folder.write(&name, "old");
        let path = folder.at(&name);
        let away = format!("{round} moved.txt");
        let (first, renamed, second) = tokio::join!(
            share.put(&path, "first").send(),
            share.rename(&path, &away).send(),
            share.put(&path, "second").send(),
        );
        for put in [&first, &second] {
            assert!(matches!(put.status(), 200 | 201), "{}: {}", put.status(), put.text());
        }
        assert!(
            matches!(renamed.status(), 200 | 404 | 409 | 423),
            "{}: {}",
            renamed.status(),
            renamed.text()
        );
        let whole = |name: &str| [&b"old"[..], b"first", b"second"].contains(&folder.read(name).as_slice());
        let found: Vec<bool> =
            [&name, &away].into_iter().filter(|name| folder.has(name)).map(|name| whole(name)).collect();
        assert!(!found.is_empty() && found.iter().all(|whole| *whole), "{found:?}");
    }
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
}

#[tokio::test]
async fn a_file_keeps_its_permissions_when_it_is_saved_or_copied_over() {
    let world = World::shared().await;
    let folder = world.folder("kept");
    let share = writer(&world);
    for name in ["put.txt", "form.txt", "copied.txt"] {
        folder.write(name, "old");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.on_disk(name), private).expect("a private file");
    }
    folder.write("source.txt", "new");
    let _ = share.put(&folder.at("put.txt"), "new").send().await.expect(200);
    let _ = share.upload(&folder.at("form.txt"), "new").send().await.expect(200);
    let copied = share.copy(&folder.at("source.txt"), &folder.at("copied.txt"), true).send().await;
    let _ = copied.expect(204);
    for name in ["put.txt", "form.txt", "copied.txt"] {
        assert_eq!(folder.read(name), b"new");
        let mode = folder.on_disk(name).metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o707, 0o600, "{name}: what was private stays private");
    }
    assert!(folder.rubbish().is_empty());
}

#[tokio::test]
async fn deleting_a_directory_takes_links_away_and_leaves_what_is_behind_them() {
    let world = World::shared().await;
    let share = writer(&world);
    let folder = world.folder("links");
    folder.write("precious/deep/kept.txt", "precious");
    folder.write("tree/sub/gone.txt", "gone");
    folder.write("tree/twin/gone.txt", "gone");
    let link = |to: &str, at: &str| symlink(to, folder.on_disk(at)).expect("a link");
    link("../precious", "tree/away");
    link("../../precious/deep", "tree/sub/deeper");
    link("twin", "tree/a twin");
    link("twin", "tree/z twin");
    link("../precious/deep/kept.txt", "tree/file");
    let _ = share.delete(&folder.at("tree")).send().await.expect(204);
    assert_eq!(folder.names(""), ["precious"]);
    assert_eq!(folder.read("precious/deep/kept.txt"), b"precious");

    // The link itself, with what it leads to right beside it and elsewhere.
    link("precious", "beside");
    link("precious/deep", "elsewhere");
    for name in ["beside", "elsewhere"] {
        let _ = share.delete(&folder.at(name)).send().await.expect(204);
    }
    assert_eq!(folder.names(""), ["precious"]);
    link("precious", "beside");
    let _ = share.delete(&folder.at("precious")).send().await.expect(204);
    assert!(!folder.has("precious"), "the directory goes, though a link leads to it");
}

#[tokio::test]
async fn a_move_to_another_share_does_not_empty_what_a_link_leads_to() {
    let world = World::shared().await;
    let editor = world.editor();
    let other = world.connect(&editor, world.second_share_draft("links to another share")).await;
    let (folder, there) = (world.folder("moved-links"), world.folder_of("second", "moved-links"));
    folder.write("precious/kept.txt", "precious");
    folder.write("tree/a.txt", "a");
    symlink("../precious", folder.on_disk("tree/link")).expect("a link");
    let share = writer(&world);
    let moved =
        share.transfer("move", &folder.at("tree"), Some(&other), &there.at("tree"), false).send().await;
    assert_eq!(moved.status(), 409, "{}", moved.text());
    assert_eq!(folder.read("precious/kept.txt"), b"precious");
    assert_eq!(folder.read("tree/a.txt"), b"a");
    assert!(there.names("").is_empty(), "{:?}", there.names(""));
}

#[tokio::test]
async fn a_copy_that_nobody_waits_for_any_more_leaves_nothing() {
    let world = World::shared().await;
    let editor = world.editor();
    let other = world.connect(&editor, world.second_share_draft("given up")).await;
    let (folder, there) = (world.folder("given-up"), world.folder_of("second", "given-up"));
    let size = 1024 * MIB;
    for name in ["a.bin", "b.bin", "c.bin"] {
        let file = std::fs::File::create(folder.on_disk(&format!("tree-{name}"))).expect("a file");
        file.set_len(size).expect("a sparse file");
    }
    folder.make_directory("tree");
    for name in ["a.bin", "b.bin", "c.bin"] {
        let moved =
            std::fs::rename(folder.on_disk(&format!("tree-{name}")), folder.on_disk(&format!("tree/{name}")));
        moved.expect("a tree");
    }
    there.write("tree.bin", "the old one");
    let share = writer(&world);
    for (source, dest, how) in [("tree/a.bin", "tree.bin", "copy"), ("tree", "tree", "move")] {
        let asked = share.transfer(how, &folder.at(source), Some(&other), &there.at(dest), true);
        let copying = tokio::spawn(asked.try_send());
        world.until("the copy is under way", || !there.rubbish().is_empty()).await;
        assert!(!copying.is_finished(), "the copy must still be under way");
        copying.abort();
        world.until("nothing of it is left", || there.rubbish().is_empty()).await;
        assert_eq!(there.names(""), ["tree.bin"]);
        assert_eq!(there.read("tree.bin"), b"the old one");
        assert_eq!(folder.names("tree"), ["a.bin", "b.bin", "c.bin"]);
    }
}

#[tokio::test]
async fn a_part_of_a_file_cannot_be_put() {
    let world = World::shared().await;
    let folder = world.folder("content-range");
    folder.write("whole.txt", "the whole file");
    let put = writer(&world).put(&folder.at("whole.txt"), "part").header("content-range", "bytes 4-7/14");
    let _ = put.send().await.expect(400).detail();
    assert_eq!(folder.read("whole.txt"), b"the whole file");
}

#[tokio::test]
async fn who_loses_the_right_to_write_while_uploading_changes_nothing() {
    let world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("revoked");
    folder.write("old.bin", "the old content");
    let admin = world.admin();
    let share = writer(&world);
    let (path, pattern) = (folder.at("old.bin"), Pattern::new(3));
    let (send, receive) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|piece| (piece, receive))
    });
    let upload = tokio::spawn(share.put(&path, reqwest::Body::wrap_stream(body)).try_send());
    send.send(Ok(pattern.bytes(0, 100_000))).await.expect("somebody reads");
    world.until("the upload is under way", || !folder.rubbish().is_empty()).await;

    let read_only = json!({"access_mode": "read_only"});
    let _ = admin
        .put(&format!("/api/connections/{}", world.connection()))
        .json(read_only)
        .send()
        .await
        .expect(200);
    send.send(Ok(pattern.bytes(100_000, 100_000))).await.expect("somebody reads");
    drop(send);
    let answer = upload.await.expect("a task").expect("an answer");
    assert_eq!(answer.status(), 403, "{}", answer.text());
    world.until("nothing of it is left", || folder.rubbish().is_empty()).await;
    assert_eq!(folder.read("old.bin"), b"the old content");
}

#[tokio::test]
async fn what_is_put_in_place_is_as_visible_as_it_should_be() {
    let world = World::shared().await;
    let folder = world.folder("visible");
    let share = writer(&world);
    for name in ["old.txt", "source.txt", "tree/inner.txt", "tree/below/deep.txt"] {
        folder.write(name, "old");
    }
    let _ = share.put(&folder.at("old.txt"), "new").send().await.expect(200);
    let _ = share.put(&folder.at("new.txt"), "new").send().await.expect(201);
    let _ = share.copy(&folder.at("source.txt"), &folder.at("copy.txt"), false).send().await.expect(204);
    let _ = share.copy(&folder.at("source.txt"), &folder.at("new.txt"), true).send().await.expect(204);
    let _ = share.copy(&folder.at("tree"), &folder.at("tree copy"), false).send().await.expect(204);
    for directory in ["", "tree copy", "tree copy/below"] {
        let at = folder.at(directory).replace('/', "\\");
        let listed =
            world.samba().smbclient("data", &["-c", &format!("cd \"{at}\"; ls")]).expect("smbclient ran");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.lines().count() > 3, "{listed}");
        // Name, attributes, size, and a date of five words.
        let attributes = listed.lines().filter_map(|line| line.split_whitespace().rev().nth(6));
        assert!(!attributes.clone().any(|attributes| attributes.contains('H')), "{listed}");
    }
}

#[tokio::test]
async fn nothing_takes_the_name_of_a_deleted_file_that_somebody_still_reads() {
    let world = World::shared().await;
    let folder = world.folder("being-deleted");
    let (share, path) = (writer(&world), folder.at("old.bin"));
    // More than waits anywhere on the way to somebody who takes nothing.
    std::fs::File::create(folder.on_disk("old.bin")).expect("a file").set_len(256 * MIB).expect("its length");
    folder.write("other.txt", "other");
    let download = share.download(&path).stream().await.expect("an answer");
    let _ = share.delete(&path).send().await;
    assert_eq!(share.info(&path).send().await.status(), 404);
    let other = folder.at("other.txt");
    // Once the download ends, the server deletes whatever has the name by then.
    for (ask, status) in [
        (share.put(&path, "new"), 409),
        (share.upload(&path, "new"), 409),
        (share.copy(&other, &path, true), 423),
        (share.r#move(&other, &path, true), 423),
        (share.copy(&other, &path, false), 423),
        (share.create(&folder.at(""), "old.bin", "file"), 409),
        (share.rename(&other, "old.bin"), 409),
    ] {
        ask.send().await.expect(status).detail();
    }
    drop(download);
    world.until("the name is free", || !folder.on_disk("old.bin").exists()).await;
    let _ = share.put(&path, "new").send().await.expect(201);
    assert_eq!(folder.read("old.bin"), b"new");
    assert_eq!(folder.names(""), ["old.bin", "other.txt"]);
}
