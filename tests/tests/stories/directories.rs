//! Finding directories by name.

use std::time::{Duration, Instant};

use causeway_tests::{Folder, Share, World};
use serde_json::{Value, json};

/// How long the index may take to learn of something.
const WITHIN: Duration = Duration::from_secs(20);

/// Somebody's connection to a folder of his own, which is all that its index holds.
async fn connection_to(world: &World, folder: &Folder) -> Share {
    let mut draft = world.draft(&format!("Index of {}", folder.path()));
    draft["path_prefix"] = json!(folder.path());
    let user = world.editor();
    user.on(&world.connect(&user, draft).await)
}

async fn ask(share: &Share, query: &str) -> Value {
    share.directories(query).send().await.expect(200).json()
}

/// Asks until the answer is as it should be.
async fn until(share: &Share, query: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = ask(share, query).await;
        if holds(&answer) {
            return answer;
        }
        assert!(start.elapsed() < WITHIN, "it never came true that {what}: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks until exactly these directories are found, in this order.
async fn until_found(share: &Share, query: &str, paths: &[&str]) {
    let expected = json!(paths);
    until(share, query, &format!("{query:?} finds {paths:?}"), |answer| answer["results"] == expected).await;
}

async fn until_ready(share: &Share) -> Value {
    until(share, "", "the index is ready", |answer| answer["cache_state"] == "ready").await
}

#[tokio::test]
async fn an_empty_question_warms_up_and_waits_for_nothing() {
    let world = World::shared().await;
    let folder = world.folder("warm-up");
    for number in 0..200 {
        folder.make_directory(&format!("d{}/e{number}", number % 20));
    }
    let share = connection_to(&world, &folder).await;
    let first = ask(&share, "").await;
    assert_eq!((&first["results"], &first["total_matches"]), (&json!([]), &json!(0)));
    assert_eq!(first["cache_state"], "building", "{first}");
    let ready = until_ready(&share).await;
    assert_eq!(
        ready,
        json!({"results": [], "total_matches": 0, "cache_state": "ready", "directory_count": 220})
    );
    let without = share.user().get(&format!("/api/browse/{}/directories", share.connection()));
    assert_eq!(without.send().await.expect(200).json(), ready, "no query is the empty one");
}

#[tokio::test]
async fn directories_are_ranked_by_name_depth_and_path() {
    let world = World::shared().await;
    let folder = world.folder("ranking");
    for path in [
        "deep/charlie",
        "deep/alpha/project-alpha-0/charlie-report-002",
        "Charlie",
        "old/charlie/2026/project",
        "x-charlie",
        "charlie files",
    ] {
        folder.make_directory(path);
    }
    folder.write("charlie.txt/charlie", "a file in a directory");
    folder.write("deep/charlie.doc", "a file is no directory");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let ranked = [
        "Charlie",
        "deep/charlie",
        "old/charlie",
        "charlie files",
        "charlie.txt",
        "deep/alpha/project-alpha-0/charlie-report-002",
        "x-charlie",
        "old/charlie/2026",
        "old/charlie/2026/project",
    ];
    let found = ask(&share, "charlie").await;
    assert_eq!((&found["results"], &found["total_matches"]), (&json!(ranked), &json!(ranked.len())));
    until_found(&share, "CHARLIE", &ranked).await;
    for query in ["alpha/project", "alpha\\PROJECT"] {
        let paths = ["deep/alpha/project-alpha-0", "deep/alpha/project-alpha-0/charlie-report-002"];
        until_found(&share, query, &paths).await;
    }
    until_found(&share, "charlie/", &["old/charlie/2026", "old/charlie/2026/project"]).await;
    until_found(&share, "charlie ", &["charlie files"]).await;
    until_found(&share, "no such thing", &[]).await;
}

#[tokio::test]
async fn at_most_200_directories_are_told_and_all_are_counted() {
    let world = World::shared().await;
    let folder = world.folder("many");
    for number in 0..270 {
        folder.make_directory(&format!("charlie-{number:03}"));
    }
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let found = ask(&share, "charlie").await;
    let results: Vec<&str> = found["results"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(found["total_matches"], 270);
    assert_eq!((results.len(), results[0], results[199]), (200, "charlie-000", "charlie-199"));
}

#[tokio::test]
async fn words_are_found_in_any_order_and_without_their_accents() {
    let world = World::shared().await;
    let folder = world.folder("words");
    folder.make_directory("charlie/2026/project");
    folder.make_directory("Archivé/Été/STRASSE");
    folder.make_directory("project charlie");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    until_found(&share, "project charlie", &["project charlie", "charlie/2026/project"]).await;
    until_found(&share, "2026 CHARLIE", &["charlie/2026", "charlie/2026/project"]).await;
    until_found(&share, "ete", &["Archivé/Été", "Archivé/Été/STRASSE"]).await;
    until_found(&share, "E\u{301}te\u{301} straße archive", &["Archivé/Été/STRASSE"]).await;
}

#[tokio::test]
async fn directories_with_a_period_are_found_on_request() {
    let world = World::shared().await;
    let folder = world.folder("dots");
    for path in [".git/objects", "src/.cache/objects", "objects"] {
        folder.make_directory(path);
    }
    let share = connection_to(&world, &folder).await;
    assert_eq!(until_ready(&share).await["directory_count"], 6, "they are in the index all the same");
    until_found(&share, "objects", &["objects"]).await;
    let with = |value: &'static str| share.directories("objects").query("include_dot_directories", value);
    let all = with("true").send().await.expect(200).json();
    assert_eq!(all["results"], json!(["objects", ".git/objects", "src/.cache/objects"]));
    assert_eq!(with("false").send().await.expect(200).json()["total_matches"], 1);
    with("perhaps").send().await.expect(422).json();
}

#[tokio::test]
async fn what_is_done_through_the_api_is_found_at_once() {
    let world = World::shared().await;
    let folder = world.folder("by-api");
    folder.make_directory("tree/branch/leaf");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let _ = share.create("tree", "twig", "directory").send().await.expect(200);
    until_found(&share, "twig", &["tree/twig"]).await;
    let _ = share.create("tree", "twig.txt", "file").send().await.expect(200);
    let _ = share.rename("tree", "wood").send().await.expect(200);
    until_found(&share, "leaf", &["wood/branch/leaf"]).await;
    let _ = share.rename("wood", "Wood").send().await.expect(200);
    until_found(&share, "twig", &["Wood/twig"]).await;
    let _ = share.copy("Wood", "copied", false).send().await.expect(204);
    until_found(&share, "leaf", &["copied/branch/leaf", "Wood/branch/leaf"]).await;
    let _ = share.r#move("copied/branch", "Wood/twig/branch", false).send().await.expect(204);
    until_found(&share, "leaf", &["Wood/branch/leaf", "Wood/twig/branch/leaf"]).await;
    let _ = share.delete("Wood/twig").send().await.expect(204);
    until_found(&share, "leaf", &["Wood/branch/leaf"]).await;
    until_found(&share, "", &[]).await;
    // Wood, its branch and leaf, copied, its twig; and what Samba reports of all this afterwards changes nothing any more.
    for _ in 0..10 {
        assert_eq!(ask(&share, "").await["directory_count"], 5);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_another_client_of_the_share_does_is_found_soon() {
    let world = World::shared().await;
    let folder = world.folder("by-smb");
    let elsewhere = world.folder("elsewhere");
    folder.make_directory("tree/branch/leaf");
    elsewhere.make_directory("moved/in/whole");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let smb = |commands: &str| {
        let commands = commands.replace("INSIDE", folder.path()).replace("OUTSIDE", elsewhere.path());
        let output = world.samba().smbclient("data", &["-c", &commands]).expect("smbclient");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    smb("mkdir INSIDE/tree/twig; mkdir INSIDE/tree/twig/bud");
    until_found(&share, "bud", &["tree/twig/bud"]).await;
    smb("rename INSIDE\\tree INSIDE\\wood");
    until_found(&share, "bud", &["wood/twig/bud"]).await;
    until_found(&share, "leaf", &["wood/branch/leaf"]).await;
    smb("rmdir INSIDE/wood/twig/bud");
    until_found(&share, "bud", &[]).await;
    smb("rename OUTSIDE\\moved INSIDE\\wood\\moved");
    until_found(&share, "whole", &["wood/moved/in/whole"]).await;
    smb("rename INSIDE\\wood\\branch OUTSIDE\\branch");
    until_found(&share, "leaf", &[]).await;
}

#[tokio::test]
async fn what_is_done_on_the_servers_own_disk_is_found_once_somebody_looks() {
    let world = World::shared().await;
    let folder = world.folder("on-disk");
    folder.make_directory("tree/branch/leaf");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    // Samba reports none of this.
    folder.make_directory("tree/branch/twig/bud");
    std::fs::remove_dir(folder.on_disk("tree/branch/leaf")).expect("a directory");
    let _ = share.list("tree/branch").send().await.expect(200);
    until_found(&share, "bud", &["tree/branch/twig/bud"]).await;
    until_found(&share, "leaf", &[]).await;
    std::fs::remove_dir_all(folder.on_disk("tree/branch")).expect("a directory");
    let _ = share.list("tree/branch").send().await.expect(404);
    until_found(&share, "branch", &[]).await;
}

#[tokio::test]
async fn links_that_lead_around_end_somewhere() {
    let world = World::shared().await;
    let folder = world.folder("around");
    folder.make_directory("a/b");
    std::os::unix::fs::symlink("..", folder.on_disk("a/up")).expect("a link");
    std::os::unix::fs::symlink(".", folder.on_disk("self")).expect("a link");
    let share = connection_to(&world, &folder).await;
    let ready = until_ready(&share).await;
    assert_eq!(ready["directory_count"], 4, "each link once");
    until_found(&share, "up", &["a/up"]).await;
    until_found(&share, "b", &["a/b"]).await;
}

#[tokio::test]
async fn a_connection_that_leads_elsewhere_finds_what_is_there() {
    let world = World::shared().await;
    let (one, other) = (world.folder("one"), world.folder("other"));
    one.make_directory("first");
    other.make_directory("second");
    let share = connection_to(&world, &one).await;
    until_found(&share, "first", &["first"]).await;
    let route = format!("/api/connections/{}", share.connection());
    let _ = share.user().put(&route).json(json!({"path_prefix": other.path()})).send().await.expect(200);
    until_found(&share, "second", &["second"]).await;
    until_found(&share, "first", &[]).await;
}

#[tokio::test]
async fn nobody_searches_what_he_cannot_see() {
    let world = World::shared().await;
    let folder = world.folder("private");
    let share = connection_to(&world, &folder).await;
    for user in [world.viewer(), world.admin()] {
        user.on(share.connection()).directories("").send().await.refused(404, "Connection not found");
    }
    world.anonymous().on(share.connection()).directories("").send().await.refused(401, "Not authenticated");
    let _ = world.viewer().on(world.connection()).directories("").send().await.expect(200);
}
