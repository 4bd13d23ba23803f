//! Creating, renaming, deleting.

use causeway_tests::World;

#[tokio::test]
async fn files_and_directories_are_created_once() {
    let world = World::shared().await;
    let folder = world.folder("create");
    let share = world.editor().on(world.connection());
    let made = share.create(folder.path(), "new.txt", "file").send().await.expect(200).json();
    assert_eq!(
        (made["path"].as_str(), made["size"].as_u64()),
        (Some(folder.at("new.txt").as_str()), Some(0))
    );
    let made = share.create(folder.path(), "sub", "directory").send().await.expect(200).json();
    assert_eq!(made["type"], "directory");
    for (name, kind) in [("new.txt", "file"), ("sub", "directory"), ("sub", "file"), ("new.txt", "directory")]
    {
        let detail = format!("An item named '{name}' already exists");
        share.create(folder.path(), name, kind).send().await.refused(409, &detail);
    }
    let missing = folder.at("none");
    share
        .create(&missing, "x", "file")
        .send()
        .await
        .refused(404, &format!("Parent directory not found for: {missing}/x"));
    share.create(folder.path(), "x", "symlink").send().await.expect(422).json();
    assert_eq!(folder.names(""), ["new.txt", "sub"]);
}

#[tokio::test]
async fn names_that_no_share_can_carry_are_refused() {
    let world = World::shared().await;
    let folder = world.folder("names");
    folder.write("a.txt", "");
    let share = world.editor().on(world.connection());
    let too_long = "n".repeat(256);
    let refused = [
        ("", "Name must not be empty"),
        (".", "Name must not be '.' or '..'"),
        ("..", "Name must not be '.' or '..'"),
        ("a/b", "Name contains invalid characters"),
        ("a\\b", "Name contains invalid characters"),
        ("a:b", "Name contains invalid characters"),
        ("what?", "Name contains invalid characters"),
        ("trailing.", "Name must not end with a space or period"),
        ("trailing ", "Name must not end with a space or period"),
    ];
    for (name, detail) in refused {
        share.create(folder.path(), name, "file").send().await.refused(400, detail);
        share.rename(&folder.at("a.txt"), name).send().await.refused(400, detail);
    }
    for name in ["a\u{1}b", too_long.as_str()] {
        share.create(folder.path(), name, "file").send().await.expect(400).detail();
        share.rename(&folder.at("a.txt"), name).send().await.expect(400).detail();
    }
    assert_eq!(folder.names(""), ["a.txt"]);
}

#[tokio::test]
async fn an_item_is_renamed_within_its_directory() {
    let world = World::shared().await;
    let folder = world.folder("rename");
    folder.write("old.txt", "content");
    folder.write("taken.txt", "");
    folder.write("dir/inside.txt", "inside");
    let share = world.editor().on(world.connection());
    let renamed = share.rename(&folder.at("old.txt"), "new.txt").send().await.expect(200).json();
    assert_eq!(renamed["path"], folder.at("new.txt"));
    share.rename(&folder.at("dir"), "directory").send().await.expect(200).json();
    share
        .rename(&folder.at("new.txt"), "taken.txt")
        .send()
        .await
        .refused(409, "An item named 'taken.txt' already exists");
    let missing = folder.at("none");
    share.rename(&missing, "x").send().await.refused(404, &format!("Item not found: {missing}"));
    share.rename("", "x").send().await.refused(400, "Cannot rename the share root");
    share.rename("//", "x").send().await.refused(400, "Cannot rename the share root");
    assert_eq!(folder.names(""), ["directory", "new.txt", "taken.txt"]);
    assert_eq!(folder.read("new.txt"), b"content");
    assert_eq!(folder.read("directory/inside.txt"), b"inside");
}

#[tokio::test]
async fn a_name_changes_its_case() {
    let world = World::shared().await;
    let folder = world.folder("case");
    folder.write("readme.md", "text");
    folder.write("photos/a", "");
    let share = world.editor().on(world.connection());
    let renamed = share.rename(&folder.at("readme.md"), "README.md").send().await.expect(200).json();
    assert_eq!(renamed["name"], "README.md");
    share.rename(&folder.at("photos"), "Photos").send().await.expect(200).json();
    assert_eq!(folder.names(""), ["Photos", "README.md"]);
    assert_eq!(folder.read("README.md"), b"text");
}

#[tokio::test]
async fn a_directory_is_deleted_with_all_that_is_in_it() {
    let world = World::shared().await;
    let folder = world.folder("delete");
    for number in 0..40 {
        folder.write(&format!("tree/{}/{}/f{number}.txt", number % 3, number % 7), "x");
    }
    folder.make_directory("tree/empty/deep/deeper");
    folder.write("file.txt", "");
    let share = world.editor().on(world.connection());
    assert!(share.delete(&folder.at("tree")).send().await.expect(204).body().is_empty());
    assert_eq!(share.delete(&folder.at("file.txt")).send().await.expect(204).header("content-length"), "");
    assert!(folder.names("").is_empty());
    let missing = folder.at("tree");
    share.delete(&missing).send().await.refused(404, &format!("Item not found: {missing}"));
    for root in ["", "/", "//"] {
        share.delete(root).send().await.refused(400, "Cannot delete the share root");
    }
}

#[tokio::test]
async fn a_deletion_that_stops_half_way_tells_how_far_it_got() {
    let world = World::shared().await;
    let folder = world.folder("partial");
    for number in 0..5 {
        folder.write(&format!("tree/sub{number}/file.txt"), "x");
    }
    let _held = world.hold_open(&folder, "tree/sub3/file.txt");
    let share = world.editor().on(world.connection());
    let answer = share.delete(&folder.at("tree")).send().await;
    let (status, detail) = (answer.status(), answer.detail());
    assert!(matches!(status, 409 | 423 | 500), "{status}");
    assert!(detail.bytes().any(|byte| byte.is_ascii_digit()), "{detail:?} tells no number");
    assert!(folder.has("tree/sub3/file.txt"), "what is in use stays");
}

#[tokio::test]
async fn a_file_in_use_is_locked_not_broken() {
    let world = World::shared().await;
    let folder = world.folder("in-use");
    folder.write("open.txt", "content");
    let _held = world.hold_open(&folder, "open.txt");
    let share = world.editor().on(world.connection());
    for attempt in [share.delete(&folder.at("open.txt")), share.rename(&folder.at("open.txt"), "other.txt")] {
        let answer = attempt.send().await;
        assert!(matches!(answer.status(), 409 | 423), "{}", answer.status());
        answer.detail();
    }
    assert_eq!(folder.read("open.txt"), b"content");
}

#[tokio::test]
async fn of_concurrent_renames_of_one_file_one_wins() {
    let world = World::shared().await;
    let folder = world.folder("race");
    for round in 0..5 {
        folder.write("prize.txt", "content");
        let share = world.editor().on(world.connection());
        let attempts = (0..8)
            .map(|number| share.rename(&folder.at("prize.txt"), &format!("winner-{number}.txt")).send());
        let answers = futures::future::join_all(attempts).await;
        let won = answers.iter().filter(|answer| answer.status() == 200).count();
        assert_eq!(won, 1, "round {round}");
        for answer in answers.iter().filter(|answer| answer.status() != 200) {
            assert!(matches!(answer.status(), 404 | 409 | 423), "{}", answer.status());
        }
        let names = folder.names("");
        assert_eq!(names.len(), 1);
        assert_eq!(folder.read(&names[0]), b"content");
        std::fs::remove_file(folder.on_disk(&names[0])).expect("the winner");
    }
}
