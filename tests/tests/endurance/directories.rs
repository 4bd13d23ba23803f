//! The index of directories, through everything that happens to a share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causeway_directory_index::snapshot;
use causeway_paths::{CaseRule, TempName};
use causeway_samba::Samba;
use causeway_tests::{Folder, ProductOptions, Share, World, WorldOptions};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

/// How long the index may take to learn of everything.
const WITHIN: Duration = Duration::from_mins(2);

async fn start(rescan_seconds: u32) -> World {
    let environment = vec![("CAUSEWAY_DIRECTORY_RESCAN_SECONDS".to_owned(), rescan_seconds.to_string())];
    let product = ProductOptions { environment, ..ProductOptions::default() };
    World::start(WorldOptions { product, ..WorldOptions::default() }).await.expect("a world")
}

async fn connection_to(world: &World, folder: &Folder) -> Share {
    let mut draft = world.draft(&format!("Index of {}", folder.path()));
    draft["path_prefix"] = json!(folder.path());
    let user = world.editor();
    user.on(&world.connect(&user, draft).await)
}

/// The same person after a restart, without connections of before.
fn again(world: &World, share: &Share) -> Share {
    world.editor().on(share.connection())
}

async fn ask(share: &Share, query: &str) -> Value {
    share.directories(query).send().await.expect(200).json()
}

async fn until(share: &Share, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = ask(share, "").await;
        if holds(&answer) {
            return answer;
        }
        assert!(start.elapsed() < WITHIN, "it never came true that {what}: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn until_ready(share: &Share) {
    until(share, "the index is ready", |answer| answer["cache_state"] == "ready").await;
}

/// Where a connection's index is kept.
fn file(world: &World, share: &Share) -> PathBuf {
    let directory = world.product().data_directory().join("data/directory_index");
    directory.join(format!("{}.idx", share.connection()))
}

/// The directories in an index on disk.
fn kept(file: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(file).expect("an index on disk");
    let (_, index) = snapshot::decode(&bytes, CaseRule::Insensitive).expect("a sound one");
    index.iter().collect()
}

/// The directories that there really are.
fn there(folder: &Folder) -> BTreeSet<String> {
    let top = folder.on_disk("");
    let mut found = BTreeSet::new();
    let mut open = vec![top.clone()];
    while let Some(directory) = open.pop() {
        // What is being cleared up may be gone by now.
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                found.insert(path.strip_prefix(&top).expect("below it").display().to_string());
                open.push(path);
            }
        }
    }
    found
}

/// Whether this is, or lies in, what an operation of ours has put beside something for a while.
fn is_temporary(path: &str) -> bool {
    path.split('/').any(|name| TempName::parse(name).is_some())
}

#[tokio::test]
async fn a_restart_answers_at_once_and_then_looks_again() {
    let mut world = start(3600).await;
    let folder = world.folder("restart");
    for number in 0..50 {
        folder.make_directory(&format!("kept/d{number:02}"));
    }
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    assert!(world.product_mut().stop().expect("an end").success());
    std::fs::remove_dir(folder.on_disk("kept/d07")).expect("a directory");
    folder.make_directory("new/meanwhile");
    // The server is away: what is told now comes from the disk.
    world.samba_mut().kill9();
    world.product_mut().start_again().expect("a start");
    let share = again(&world, &share);
    let first = ask(&share, "d07").await;
    assert_eq!((&first["results"], &first["directory_count"]), (&json!(["kept/d07"]), &json!(51)));
    world.samba_mut().restart().expect("a server");
    // What is gone stays to the end of the scan, when all that is new has been seen.
    until(&share, "the index is current", |answer| {
        answer["directory_count"] == 52 && answer["cache_state"] == "ready"
    })
    .await;
    assert_eq!(ask(&share, "d07").await["results"], json!([]));
    assert_eq!(ask(&share, "meanwhile").await["results"], json!(["new/meanwhile"]));
}

#[tokio::test]
async fn a_file_that_cannot_be_trusted_is_read_by_nobody_and_goes_with_its_connection() {
    let mut world = start(3600).await;
    let folder = world.folder("untrusted");
    folder.make_directory("a/b");
    let mut share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let file = file(&world, &share);
    world.until("the index is kept", || file.exists()).await;
    for number in 0..4 {
        world.product_mut().stop().expect("an end");
        let mut content = std::fs::read(&file).expect("the index");
        match number {
            0 => content.truncate(20),
            1 => content.clear(),
            2 => content.reverse(),
            _ => {
                let middle = content.len() / 2;
                content[middle] ^= 0x40;
            }
        }
        std::fs::write(&file, content).expect("a damaged index");
        world.product_mut().start_again().expect("a start");
        share = again(&world, &share);
        until(&share, "it is made anew", |answer| answer["directory_count"] == 2).await;
        until_ready(&share).await;
    }
    let route = format!("/api/connections/{}", share.connection());
    let _ = share.user().delete(&route).send().await.expect(200);
    world.until("the file is gone", || !file.exists()).await;
}

#[tokio::test]
async fn a_share_that_is_away_at_first_is_read_when_it_is_back() {
    let mut world = start(3600).await;
    let folder = world.folder("away");
    folder.make_directory("a/b");
    let share = connection_to(&world, &folder).await;
    world.samba_mut().kill9();
    let _ = ask(&share, "").await;
    until(&share, "nothing is known", |answer| answer["cache_state"] == "empty").await;
    world.samba_mut().restart().expect("a server");
    until(&share, "the share is read", |answer| answer["directory_count"] == 2).await;
    // What happens while the server is away again is found, too.
    world.samba_mut().kill9();
    folder.make_directory("a/c/d");
    std::fs::remove_dir(folder.on_disk("a/b")).expect("a directory");
    world.samba_mut().restart().expect("a server");
    // What is gone counts to the end of the scan.
    until(&share, "the share is read again", |answer| {
        answer["directory_count"] == 3 && answer["cache_state"] == "ready"
    })
    .await;
    assert_eq!(ask(&share, "d").await["results"], json!(["a/c/d"]));
}

/// Names are few, so that the actors meet.
fn some_path(random: &mut StdRng) -> String {
    let depth = random.random_range(1..=4);
    (0..depth).map(|_| format!("d{}", random.random_range(0..8))).collect::<Vec<_>>().join("/")
}

fn parent_and_name(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// What an actor does next; that much of it fails, because another one was there first, is as it should be.
async fn through_the_api(share: Share, mut random: StdRng, operations: usize) {
    for _ in 0..operations {
        let (path, other) = (some_path(&mut random), some_path(&mut random));
        let (parent, name) = parent_and_name(&path);
        let ask = match random.random_range(0..20) {
            0..14 => share.create(parent, name, "directory"),
            14 => share.rename(&path, parent_and_name(&other).1),
            15 | 16 => share.r#move(&path, &other, random.random_bool(0.3)),
            17 => share.copy(&path, &other, false),
            18 => share.delete(&path),
            _ => share.list(&path),
        };
        // 500 is a tree of which a part was gone already.
        let status = ask.send().await.status();
        assert!(status <= 500 || status == 504, "{status}");
    }
}

/// As another client of the share, some operations a session.
fn through_smb(samba: &Samba, folder: &str, random: &mut StdRng, operations: usize) {
    const A_SESSION: usize = 50;
    for _ in 0..operations.div_ceil(A_SESSION) {
        let commands: Vec<String> = (0..A_SESSION)
            .map(|_| {
                let at = |path: String| format!("{folder}\\{}", path.replace('/', "\\"));
                let (path, other) = (at(some_path(random)), at(some_path(random)));
                match random.random_range(0..40) {
                    0..30 => format!("mkdir {path}"),
                    30..37 => format!("rename {path} {other}"),
                    37..39 => format!("rmdir {path}"),
                    _ => format!("deltree {path}"),
                }
            })
            .collect();
        samba.smbclient("data", &["-c", &commands.join("; ")]).expect("smbclient");
    }
}

/// As somebody who works on the server itself.
fn on_disk(folder: &Folder, random: &mut StdRng, operations: usize) {
    for _ in 0..operations {
        let (path, other) = (folder.on_disk(&some_path(random)), folder.on_disk(&some_path(random)));
        let _ = match random.random_range(0..10) {
            0..5 => std::fs::create_dir(&path),
            5..7 => std::fs::rename(&path, &other),
            7 => std::fs::remove_dir(&path),
            _ if random.random_bool(0.2) => std::fs::remove_dir_all(&path),
            _ => std::fs::create_dir_all(&path),
        };
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until as many directories are known as there are, and compares the index on disk, left by a clean end, with the
/// tree; a scan may have to come first.
async fn until_equal(world: &mut World, share: &Share, folder: &Folder) {
    let is_left = || there(folder).iter().any(|path| is_temporary(path));
    world.until("what operations left behind is gone", || !is_left()).await;
    let there = there(folder);
    println!("{} directories at the end", there.len());
    let start = Instant::now();
    loop {
        let answer = ask(share, "").await;
        let is_as_many = answer["directory_count"] == there.len() && answer["cache_state"] == "ready";
        // Which ones are missing says more than their number.
        if is_as_many || start.elapsed() > WITHIN {
            println!("at the end the product says {answer}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.product_mut().stop().expect("an end");
    let kept = kept(&file(world, share));
    let missing: Vec<_> = there.difference(&kept).collect();
    let wrong: Vec<_> = kept.difference(&there).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "missing: {missing:?}; not there: {wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_5000_operations_of_three_actors_the_index_is_the_tree() {
    let mut world = start(5).await;
    let folder = world.folder("three-actors");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let random = |seed| StdRng::seed_from_u64(seed);
    let api = tokio::spawn(through_the_api(share.clone(), random(1), 2000));
    let disk = {
        let folder = folder.clone();
        tokio::task::spawn_blocking(move || on_disk(&folder, &mut random(2), 1500))
    };
    tokio::task::block_in_place(|| through_smb(world.samba(), folder.path(), &mut random(3), 1500));
    api.await.expect("the first actor");
    disk.await.expect("the second actor");
    until_equal(&mut world, &share, &folder).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_scan_the_index_follows_our_own_changes_and_those_that_the_server_reports() {
    let mut world = start(3600).await;
    let folder = world.folder("two-actors");
    let share = connection_to(&world, &folder).await;
    until_ready(&share).await;
    let random = |seed| StdRng::seed_from_u64(seed);
    let api = tokio::spawn(through_the_api(share.clone(), random(4), 500));
    tokio::task::block_in_place(|| through_smb(world.samba(), folder.path(), &mut random(5), 500));
    api.await.expect("the first actor");
    until_equal(&mut world, &share, &folder).await;
}
