//! Copies and moves, within a connection and between two.

use causeway_tests::{Folder, Pattern, Share, World, WorldOptions};
use serde_json::Value;

const SAME: &str = "Source and destination paths must be different";
const INTO_ITSELF: &str = "Cannot copy or move a directory into itself";

/// One share, and two connections to it: what a case does within a connection it does between two as well.
async fn ways(world: &World) -> [(Share, Option<String>); 2] {
    let editor = world.editor();
    let other = world.connect(&editor, world.draft("second way")).await;
    [(editor.on(world.connection()), None), (editor.on(world.connection()), Some(other))]
}

fn tree(folder: &Folder) {
    folder.write("tree/a.txt", "a");
    folder.write("tree/sub/b.txt", "b");
    folder.make_directory("tree/empty");
}

#[track_caller]
fn is_the_tree(folder: &Folder, at: &str) {
    assert_eq!(folder.names(at), ["a.txt", "empty", "sub"]);
    assert_eq!(folder.read(&format!("{at}/a.txt")), b"a");
    assert_eq!(folder.read(&format!("{at}/sub/b.txt")), b"b");
    assert!(folder.names(&format!("{at}/empty")).is_empty());
}

#[tokio::test]
async fn files_and_trees_are_copied_and_moved() {
    let world = World::shared().await;
    for (share, to) in ways(&world).await {
        let folder = world.folder("transfer");
        tree(&folder);
        let send = async |how: &str, source: &str, dest: &str| {
            let ask = share.transfer(how, &folder.at(source), to.as_deref(), &folder.at(dest), false);
            assert!(ask.send().await.expect(204).body().is_empty());
        };
        send("copy", "tree/a.txt", "copied.txt").await;
        assert_eq!(folder.read("copied.txt"), b"a");
        send("copy", "tree", "copied").await;
        is_the_tree(&folder, "copied");
        is_the_tree(&folder, "tree");
        send("move", "copied.txt", "tree/sub/moved.txt").await;
        assert!(!folder.has("copied.txt"));
        assert_eq!(folder.read("tree/sub/moved.txt"), b"a");
        std::fs::remove_file(folder.on_disk("tree/sub/moved.txt")).expect("the moved file");
        send("move", "tree", "moved").await;
        is_the_tree(&folder, "moved");
        assert!(!folder.has("tree"));
    }
}

#[tokio::test]
async fn large_content_is_copied_byte_for_byte() {
    const LENGTH: u64 = 48 * 1024 * 1024 + 7;
    let world = World::shared().await;
    for (share, to) in ways(&world).await {
        let folder = world.folder("large-copy");
        let pattern = Pattern::new(11);
        pattern.write_file(&folder.on_disk("large.bin"), LENGTH).expect("a large file");
        let ask =
            share.transfer("copy", &folder.at("large.bin"), to.as_deref(), &folder.at("copy.bin"), false);
        assert!(ask.send().await.expect(204).body().is_empty());
        assert!(pattern.is_file(&folder.on_disk("copy.bin"), LENGTH).expect("the copy"));
        let times =
            |name: &str| folder.on_disk(name).metadata().and_then(|file| file.modified()).expect("a time");
        let apart = times("large.bin")
            .max(times("copy.bin"))
            .duration_since(times("large.bin").min(times("copy.bin")));
        assert!(apart.is_ok_and(|apart| apart.as_millis() < 1000), "a copy keeps the time of modification");
    }
}

#[tokio::test]
async fn a_taken_destination_is_a_conflict_that_shows_both_items() {
    let world = World::shared().await;
    for (share, to) in ways(&world).await {
        for how in ["copy", "move"] {
            let folder = world.folder("conflict");
            folder.write("new.txt", "new content");
            folder.write("old.txt", "old");
            let (source, dest) = (folder.at("new.txt"), folder.at("old.txt"));
            let answer =
                share.transfer(how, &source, to.as_deref(), &dest, false).send().await.expect(409).json();
            let detail = &answer["detail"];
            assert_eq!(
                (detail["existing_file"]["size"].as_u64(), detail["incoming_file"]["size"].as_u64()),
                (Some(3), Some(11))
            );
            assert_eq!(detail["existing_file"]["name"], "old.txt");
            assert_eq!(detail["incoming_file"]["name"], "new.txt");
            assert_eq!(folder.read("old.txt"), b"old");

            let answer = share.transfer(how, &source, to.as_deref(), &dest, true).send().await;
            assert_eq!(answer.expect(204).body().len(), 0);
            assert_eq!(folder.read("old.txt"), b"new content");
            assert_eq!(folder.has("new.txt"), how == "copy");
            assert!(folder.rubbish().is_empty(), "{:?}", folder.names(""));
        }
    }
}

#[tokio::test]
async fn a_missing_source_leaves_the_destination_alone() {
    let world = World::shared().await;
    for (share, to) in ways(&world).await {
        for how in ["copy", "move"] {
            let folder = world.folder("missing-source");
            folder.write("keep.txt", "keep");
            folder.write("keep/x.txt", "keep");
            let source = folder.at("none.txt");
            for dest in ["keep.txt", "keep"] {
                let answer = share.transfer(how, &source, to.as_deref(), &folder.at(dest), true).send().await;
                answer.refused(404, &format!("Source not found: {source}"));
            }
            assert_eq!(folder.read("keep.txt"), b"keep");
            assert_eq!(folder.read("keep/x.txt"), b"keep");
            let answer =
                share.transfer(how, &folder.at("keep.txt"), to.as_deref(), &folder.at("no/dir/x"), false);
            answer.send().await.expect(404).detail();
            assert!(folder.has("keep.txt"));
        }
    }
}

#[tokio::test]
async fn a_file_never_replaces_a_directory_nor_the_reverse() {
    let world = World::shared().await;
    for (share, to) in ways(&world).await {
        for how in ["copy", "move"] {
            let folder = world.folder("kinds");
            folder.write("file", "file");
            folder.write("dir/inside.txt", "inside");
            for (source, dest) in [("file", "dir"), ("dir", "file")] {
                let ask = share.transfer(how, &folder.at(source), to.as_deref(), &folder.at(dest), true);
                assert_eq!(ask.send().await.status(), 409, "{how} {source} onto {dest}");
            }
            assert_eq!(folder.read("file"), b"file");
            assert_eq!(folder.read("dir/inside.txt"), b"inside");
        }
    }
}

#[tokio::test]
async fn nothing_goes_onto_or_into_itself() {
    let world = World::shared().await;
    let folder = world.folder("itself");
    tree(&folder);
    let share = world.editor().on(world.connection());
    for how in ["copy", "move"] {
        let a = folder.at("tree/a.txt");
        share.transfer(how, &a, None, &a, true).send().await.refused(400, SAME);
        let (dir, inside) = (folder.at("tree"), folder.at("tree/sub/tree"));
        share.transfer(how, &dir, None, &inside, true).send().await.refused(400, INTO_ITSELF);
        share
            .transfer(how, "", None, &folder.at("x"), false)
            .send()
            .await
            .refused(400, "Source path must not be empty");
        share
            .transfer(how, &a, None, "/", false)
            .send()
            .await
            .refused(400, "Destination path must not be empty");
    }
    is_the_tree(&folder, "tree");
}

#[tokio::test]
async fn another_spelling_of_the_same_item_is_the_same_item() {
    let world = World::shared().await;
    for (share, to) in ways(&world).await {
        for how in ["copy", "move"] {
            let folder = world.folder("spelling");
            tree(&folder);
            let a = folder.at("tree/a.txt");
            let upper = folder.at("TREE/A.TXT");
            let slashes = folder.at("tree//a.txt");
            let backslashes = a.replace('/', "\\");
            for spelling in [&slashes, &upper, &backslashes] {
                // Moving a file onto its own name in another case is a rename, and may succeed as one.
                let answer = share.transfer(how, &a, to.as_deref(), spelling, true).send().await;
                let is_rename = how == "move" && spelling == &upper;
                assert!(
                    answer.status() == 400 || (is_rename && answer.status() == 204),
                    "{how} to {spelling}: {}",
                    answer.status()
                );
                assert_eq!(folder.names("").len(), 1, "{how} to {spelling}");
                let names = folder.names("tree").join(" ").to_lowercase();
                assert_eq!(names, "a.txt empty sub", "{how} to {spelling}");
            }
            let answer = share
                .transfer(how, &folder.at("tree"), to.as_deref(), &folder.at("Tree//SUB/x"), true)
                .send()
                .await;
            assert_eq!(answer.status(), 400, "{how} into itself");
            assert!(folder.has("tree/sub/b.txt"));
        }
    }
}

#[tokio::test]
async fn two_shares_over_one_directory_are_no_way_to_lose_it() {
    let world = World::shared().await;
    let folder = world.folder("two-ways");
    tree(&folder);
    folder.write("f.txt", "content");
    let again = world.connect(&world.editor(), world.draft_of("again", "again")).await;
    let share = world.editor().on(world.connection());
    let (f, dir) = (folder.at("f.txt"), folder.at("tree"));
    for (from, to) in [
        (f.clone(), f.clone()),
        (f.clone(), folder.at("F.TXT")),
        (dir.clone(), dir.clone()),
        (dir.clone(), folder.at("tree/sub/new")),
        (folder.at("tree/sub"), dir.clone()),
    ] {
        for how in ["copy", "move"] {
            let answer = share.transfer(how, &from, Some(&again), &to, true).send().await;
            assert_eq!(answer.status(), 400, "{how} {from} to {to}");
        }
    }
    is_the_tree(&folder, "tree");
    assert_eq!(folder.read("f.txt"), b"content");
    assert_eq!(
        share.transfer("move", &dir, Some(&again), &folder.at("moved"), false).send().await.status(),
        204
    );
    is_the_tree(&folder, "moved");
    assert!(!folder.has("tree"));
}

#[tokio::test]
async fn a_move_between_shares_leaves_what_it_did_not_copy() {
    let world = World::shared().await;
    let folder = world.folder("left-behind");
    tree(&folder);
    // A name that copies leave out, made by somebody on the server.
    folder.write("tree/~causeway-0123456789abcdef0123456789abcdef.tmp", "not ours to delete");
    let other = world.connect(&world.editor(), world.second_share_draft("left behind")).await;
    let elsewhere = world.editor().on(&other);
    elsewhere.create("", folder.path(), "directory").send().await.expect(200).json();
    let share = world.editor().on(world.connection());
    let answer =
        share.transfer("move", &folder.at("tree"), Some(&other), &folder.at("tree"), false).send().await;
    assert!(answer.expect(500).detail().contains("stayed"));
    assert_eq!(folder.names("tree"), ["~causeway-0123456789abcdef0123456789abcdef.tmp"]);
    assert_eq!(elsewhere.download(&folder.at("tree/a.txt")).send().await.expect(200).text(), "a");
    std::fs::remove_dir_all(folder.on_disk("tree")).expect("removed");
}

#[tokio::test]
async fn equal_paths_on_different_shares_are_different_items() {
    let world = World::shared().await;
    let folder = world.folder("same-path");
    folder.write("a.txt", "content");
    folder.write("sub/b.txt", "b");
    let other = world.connect(&world.editor(), world.second_share_draft("elsewhere")).await;
    let elsewhere = world.editor().on(&other);
    elsewhere.create("", folder.path(), "directory").send().await.expect(200).json();
    let share = world.editor().on(world.connection());
    let a = folder.at("a.txt");
    assert_eq!(share.transfer("copy", &a, Some(&other), &a, false).send().await.status(), 204);
    assert_eq!(elsewhere.download(&a).send().await.expect(200).text(), "content");
    let (from, into) = (folder.at("sub"), folder.at("sub"));
    assert_eq!(share.transfer("move", &from, Some(&other), &into, false).send().await.status(), 204);
    assert_eq!(elsewhere.download(&folder.at("sub/b.txt")).send().await.expect(200).text(), "b");
    assert!(!folder.has("sub"));
    let missing =
        share.transfer("copy", &a, Some("00000000-0000-4000-8000-000000000000"), &a, false).send().await;
    missing.refused(404, "Connection not found");
}

#[tokio::test]
async fn overwriting_a_tree_within_a_connection_replaces_it() {
    let world = World::shared().await;
    let folder = world.folder("replace");
    tree(&folder);
    folder.write("old/obsolete.txt", "obsolete");
    let share = world.editor().on(world.connection());
    let answer = share.copy(&folder.at("tree"), &folder.at("old"), false).send().await.expect(409).json();
    assert_eq!(answer["detail"]["existing_file"]["type"], Value::from("directory"));
    assert_eq!(share.copy(&folder.at("tree"), &folder.at("old"), true).send().await.status(), 204);
    is_the_tree(&folder, "old");
    assert_eq!(folder.names(""), ["old", "tree"]);
}

#[tokio::test]
async fn overwriting_a_tree_between_connections_merges() {
    let world = World::shared().await;
    let folder = world.folder("merge");
    tree(&folder);
    folder.write("old/a.txt", "old a");
    folder.write("old/kept.txt", "kept");
    let other = world.connect(&world.editor(), world.draft("merging")).await;
    let share = world.editor().on(world.connection());
    let ask = share.transfer("copy", &folder.at("tree"), Some(&other), &folder.at("old"), true);
    assert_eq!(ask.send().await.status(), 204);
    assert_eq!(folder.names("old"), ["a.txt", "empty", "kept.txt", "sub"]);
    assert_eq!(folder.read("old/a.txt"), b"a");
    assert_eq!(folder.read("old/kept.txt"), b"kept");
}

#[tokio::test]
async fn what_somebody_has_locked_is_not_copied_over_by_another_connection() {
    let world = World::shared().await;
    let admin = world.admin();
    let own = world.connect(&admin, world.draft("past the lock")).await;
    let second = world.connect(&admin, world.second_share_draft("past the lock from elsewhere")).await;
    let there = world.folder_of("second", "unlocked");
    let holder = world.editor().on(world.connection());
    for how in ["copy", "move"] {
        let folder = world.folder("locked-dest");
        folder.write("plan.txt", "locked");
        folder.write("tree/a.txt", "old");
        folder.write("tree/sub/plan.txt", "locked");
        for path in ["plan.txt", "tree/sub/plan.txt"] {
            let _ = holder.browser_lock(&folder.at(path)).send().await.expect(200);
        }
        folder.write("new.txt", "new");
        folder.write("trees/new/a.txt", "new");
        folder.write("trees/new/sub/plan.txt", "new");
        there.write("new.txt", "new");
        there.write("trees/new/a.txt", "new");
        for (from, sources) in [(&own, &folder), (&second, &there)] {
            for (source, dest) in [("new.txt", "plan.txt"), ("trees/new", "tree"), ("trees/new", "tree/sub")]
            {
                let (source, dest) = (sources.at(source), folder.at(dest));
                let asked =
                    admin.on(from).transfer(how, &source, Some(world.connection()), &dest, true).send().await;
                asked.refused_with(423, "File is locked for editing by editor");
            }
            assert_eq!(
                (sources.read("new.txt"), sources.read("trees/new/a.txt")),
                (b"new".to_vec(), b"new".to_vec())
            );
        }
        assert_eq!(folder.names(""), ["new.txt", "plan.txt", "tree", "trees"]);
        assert_eq!((folder.names("tree").len(), folder.names("tree/sub").len()), (2, 1));
        for (path, content) in
            [("plan.txt", &b"locked"[..]), ("tree/a.txt", b"old"), ("tree/sub/plan.txt", b"locked")]
        {
            assert_eq!(folder.read(path), content, "{how}: {path}");
        }
        // The holder merges as he likes.
        let from = world.connect(&world.editor(), world.draft("the holder's other way")).await;
        let share = world.editor().on(&from);
        let (source, dest) = (folder.at("trees/new"), folder.at("tree"));
        let merged = share.transfer(how, &source, Some(world.connection()), &dest, true).send().await;
        let _ = merged.expect(204);
        assert_eq!(folder.read("tree/sub/plan.txt"), b"new");
    }
}

#[tokio::test]
async fn a_merge_that_is_killed_leaves_nothing_for_good() {
    const FILES: usize = 300;
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let (folder, there) = (world.folder("killed-merge"), world.folder_of("second", "killed-merge"));
    for number in 0..FILES {
        folder.write(&format!("{number}.txt"), "new");
        there.write(&format!("{number}.txt"), "old");
    }
    let other = world.connect(&world.editor(), world.second_share_draft("killed merge")).await;
    // What a kill leaves depends on the moment: most often the third one has hit a file that is complete and not in its place.
    for round in 0_u64..8 {
        let share = world.editor().on(world.connection());
        let merging = share.transfer("copy", folder.path(), Some(&other), there.path(), true);
        let merging = tokio::spawn(merging.try_send());
        world.until("something is copied", || there.read(&format!("{round}.txt")) == b"new").await;
        tokio::time::sleep(std::time::Duration::from_millis(7 * round)).await;
        world.product_mut().kill().expect("killed");
        let _ = merging.await;
        let left = there.rubbish();
        world.product_mut().start_again().expect("started");
        world.until("nothing of it is left", || there.rubbish().is_empty()).await;
        assert_eq!(there.names("").len(), FILES, "each is there");
        if !left.is_empty() {
            break;
        }
        for number in 0..FILES {
            there.write(&format!("{number}.txt"), "old");
        }
    }
}
