//! A locked file is locked whatever way leads to it: another address of its server, another share, a link.

use std::os::unix::fs::{MetadataExt as _, symlink};

use causeway_tests::{Folder, Share, World};
use serde_json::json;

/// Ways of the administrator to what the shared connection shows, each with what it is called.
async fn other_ways(world: &World) -> Vec<(&'static str, Share)> {
    let admin = world.admin();
    let mut by_name = world.draft("By the server's name");
    by_name["host"] = json!("localhost");
    let by_name = world.connect(&admin, by_name).await;
    let again = world.connect(&admin, world.draft_of("By another share", "again")).await;
    vec![
        ("another address", admin.on(&by_name)),
        ("another share", admin.on(&again)),
        ("a link", admin.on(world.connection())),
    ]
}

/// The directory of the locked file, seen by one of these ways.
fn seen(way: &str, path: &str) -> String {
    if way == "a link" { path.replacen("docs", "link", 1) } else { path.to_owned() }
}

fn furnish(world: &World) -> Folder {
    let folder = world.folder("aliases");
    folder.write("docs/plan.odt", "locked");
    folder.write("other.odt", "other");
    folder.write("tree/plan.odt", "other");
    symlink("docs", folder.on_disk("link")).expect("a link");
    folder
}

#[tokio::test]
async fn who_comes_to_a_locked_file_by_another_way_changes_nothing() {
    let world = World::shared().await;
    let mine = world.editor().on(world.connection());
    let elsewhere = world.connect(&world.admin(), world.second_share_draft("Aliases from elsewhere")).await;
    let there = world.folder_of("second", "aliases");
    there.write("other.odt", "other");
    there.write("tree/plan.odt", "other");
    let (from, to) = (world.admin().on(&elsewhere), &elsewhere);
    for (way, theirs) in other_ways(&world).await {
        let folder = furnish(&world);
        let held = mine.browser_lock(&folder.at("docs/plan.odt")).send().await.expect(200).json();
        let number = || std::fs::metadata(folder.on_disk("docs/plan.odt")).expect("the locked file").ino();
        let born = number();
        let plan = folder.at(&seen(way, "docs/plan.odt"));
        let docs = folder.at(&seen(way, "docs"));
        let (other, tree) = (folder.at("other.odt"), folder.at("tree"));
        let here = Some(theirs.connection());
        for (ask, status) in [
            (theirs.copy(&other, &plan, true), 423),
            (theirs.r#move(&other, &plan, true), 423),
            (from.transfer("copy", &there.at("other.odt"), here, &plan, true), 423),
            (from.transfer("move", &there.at("other.odt"), here, &plan, true), 423),
            // Merged file by file, and this is the first one.
            (from.transfer("copy", &there.at("tree"), here, &docs, true), 423),
            (from.transfer("move", &there.at("tree"), here, &docs, true), 423),
            (theirs.delete(&plan), 423),
            (theirs.rename(&plan, "renamed.odt"), 423),
            (theirs.r#move(&plan, &folder.at("moved.odt"), false), 423),
            (theirs.transfer("move", &plan, Some(to), &there.at("moved.odt"), false), 423),
            (theirs.put(&plan, "x"), 409),
            (theirs.browser_lock(&plan), 409),
        ] {
            let shown = format!("by {way}: {ask:?}");
            let answer = ask.send().await;
            assert_eq!(answer.status(), status, "{shown}: {}", answer.text());
            let detail = answer.detail();
            assert!(detail.starts_with("File is locked for editing by editor"), "{shown}: {detail}");
        }
        assert_eq!((folder.read("docs/plan.odt"), number()), (b"locked".to_vec(), born), "by {way}");
        assert_eq!(folder.names("docs"), ["plan.odt"], "by {way}");
        assert_eq!(folder.names(""), ["docs", "link", "other.odt", "tree"], "by {way}");
        assert_eq!(there.names(""), ["other.odt", "tree"], "by {way}");
        assert_eq!(there.names("tree"), ["plan.odt"], "by {way}");
        // What is in the way is the lock.
        let _ = theirs.copy(&plan, &folder.at("copy.odt"), false).send().await.expect(204);
        let _ = mine.browser_unlock(&folder.at("docs/plan.odt"), &held).send().await.expect(200);
        let merged = from.transfer("copy", &there.at("tree"), here, &docs, true).send().await;
        let _ = merged.expect(204);
        assert_eq!(folder.read("docs/plan.odt"), b"other", "by {way}");
        let _ = theirs.copy(&tree, &folder.at("tree copy"), false).send().await.expect(204);
        let _ = theirs.r#move(&other, &plan, true).send().await.expect(204);
        let _ = theirs.delete(&plan).send().await.expect(204);
        assert!(folder.names("docs").is_empty(), "by {way}");
    }
}
