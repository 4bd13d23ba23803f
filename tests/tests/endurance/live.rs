//! Subscriptions through everything that happens to servers, networks and browsers.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use causeway_tests::{Ending, Folder, Socket, World, WorldOptions};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

async fn world() -> World {
    World::start(WorldOptions::default()).await.expect("a world")
}

fn directories(folder: &Folder, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let name = format!("directory {number:04}");
            folder.make_directory(&name);
            folder.at(&name)
        })
        .collect()
}

fn is_change_of(message: &Value, path: &str) -> bool {
    message["type"] == "directory_changed" && message["path"] == path
}

/// Directories that the server's clients hold open below a folder.
fn open_below(world: &World, folder: &Folder) -> usize {
    let open = world.samba().open_files().expect("smbstatus");
    open.iter().filter(|line| line.contains(folder.path())).count()
}

/// All watches are closed, by what the product says and by what the server says.
async fn nothing_is_left(world: &World, folder: &Folder) {
    let start = Instant::now();
    loop {
        let left: Vec<_> =
            ["causeway_watches", "causeway_watch_handles", "causeway_subscribers", "causeway_sockets"]
                .into_iter()
                .map(|name| (name, world.product().metric(name)))
                .collect();
        let open = open_below(world, folder);
        if open == 0 && left.iter().all(|(_, value)| *value == 0.0) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{open} handles at the server, {left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_server_killed_under_fifty_subscriptions_comes_back_for_each() {
    let mut world = world().await;
    let folder = world.folder("killed");
    let paths = directories(&folder, 50);
    let id = world.connection().to_owned();
    let mut sockets = Vec::new();
    for socket_paths in paths.chunks(10) {
        let mut socket = world.viewer().socket().await;
        for path in socket_paths {
            socket.subscribe(&id, path).await;
        }
        let _ = socket.settle().await;
        sockets.push(socket);
    }
    for round in 0..2 {
        world.samba_mut().kill9();
        // Long enough for every one of them to be told that the server is away.
        for (socket, paths) in sockets.iter_mut().zip(paths.chunks(10)) {
            for path in paths {
                socket
                    .find("that the server is away", |message| {
                        message["type"] == "error" && message["path"] == path.as_str()
                    })
                    .await;
            }
            let rest = socket.settle().await;
            assert!(!rest.iter().any(|message| message["type"] == "directory_changed"), "{rest:?}");
        }
        for number in 0..paths.len() {
            folder.write(&format!("directory {number:04}/while away {round}.txt"), "");
        }
        world.samba_mut().restart().expect("a new server");
        for (socket, paths) in sockets.iter_mut().zip(paths.chunks(10)) {
            for path in paths {
                socket.changed(&id, path).await;
            }
        }
        // And they are in force again.
        for socket in &mut sockets {
            let _ = socket.settle().await;
        }
        for number in 0..paths.len() {
            folder.write(&format!("directory {number:04}/afterwards {round}.txt"), "");
        }
        for (socket, paths) in sockets.iter_mut().zip(paths.chunks(10)) {
            for path in paths {
                socket.changed(&id, path).await;
            }
            let _ = socket.settle().await;
        }
    }
    assert!(world.product().metric("causeway_watch_reconnects_total") >= 100.0);
    drop(sockets);
    nothing_is_left(&world, &folder).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_found_and_its_subscribers_are_told() {
    let world = world().await;
    let folder = world.folder("hangs");
    let paths = directories(&folder, 5);
    let id = world.connection();
    let mut socket = world.viewer().socket().await;
    for path in &paths {
        socket.subscribe(id, path).await;
    }
    let _ = socket.settle().await;
    world.samba().freeze();
    for path in &paths {
        let is_error = |message: &Value| message["type"] == "error" && message["path"] == path.as_str();
        socket.find("that the server is away", is_error).await;
    }
    socket.is_answered().await;
    for number in 0..paths.len() {
        folder.write(&format!("directory {number:04}/meanwhile.txt"), "");
    }
    world.samba().thaw();
    for path in &paths {
        socket.changed(id, path).await;
    }
    drop(socket);
    nothing_is_left(&world, &folder).await;
}

#[tokio::test]
async fn more_changes_than_the_server_can_keep_are_one_message_and_a_true_listing() {
    const CHANGES: usize = 2_000;
    let world = world().await;
    let folder = world.folder("overflow");
    let id = world.connection();
    let mut socket = world.viewer().socket().await;
    socket.subscribe(id, folder.path()).await;
    let _ = socket.settle().await;
    // A product that fetches nothing: names of 200 letters fill any buffer within some hundred changes.
    world.product().freeze();
    for number in 0..CHANGES {
        folder.write(&format!("{number:05}{}", "x".repeat(195)), "");
    }
    world.product().thaw();
    socket.changed(id, folder.path()).await;
    let _ = socket.settle().await;
    assert!(world.product().metric("causeway_watch_overflows_total") >= 1.0);
    let listing = world.viewer().on(id).list(folder.path()).send().await.expect(200).json();
    assert_eq!(listing["total"], CHANGES);
    // The watch goes on.
    folder.write("after.txt", "");
    socket.changed(id, folder.path()).await;
    drop(socket);
    nothing_is_left(&world, &folder).await;
}

#[tokio::test]
async fn five_hundred_directories_of_one_connection_are_watched_at_once() {
    const DIRECTORIES: usize = 500;
    let world = world().await;
    let folder = world.folder("many");
    let paths = directories(&folder, DIRECTORIES);
    let id = world.connection();
    let mut socket = world.viewer().socket().await;
    let start = Instant::now();
    for path in &paths {
        socket.ask(id, path, "subscribe").await;
    }
    for path in &paths {
        socket.until(&json!({"type": "subscribed", "connection_id": id, "path": path})).await;
    }
    println!("{DIRECTORIES} subscriptions in {:?}", start.elapsed());
    assert_eq!(world.product().metric("causeway_watch_handles"), 500.0);
    assert_eq!(open_below(&world, &folder), DIRECTORIES);
    let _ = socket.settle().await;
    let start = Instant::now();
    let share = world.viewer().on(id);
    let _ = share.info(folder.path()).send().await.expect(200);
    println!("an info meanwhile took {:?}", start.elapsed());
    for number in 0..DIRECTORIES {
        folder.write(&format!("directory {number:04}/new.txt"), "");
    }
    let mut missing: HashSet<_> = paths.iter().cloned().collect();
    while !missing.is_empty() {
        let message = socket.find("a change", |message| message["type"] == "directory_changed").await;
        missing.remove(message["path"].as_str().expect("a path"));
    }
    socket.close().await;
    nothing_is_left(&world, &folder).await;
}

#[tokio::test]
async fn browsers_that_come_and_go_in_any_way_leave_nothing_behind() {
    const CYCLES: u32 = 200;
    let world = world().await;
    let folder = world.folder("coming-and-going");
    let paths = directories(&folder, 12);
    let id = world.connection();
    let mut random = StdRng::seed_from_u64(2_026_11);
    let mut sockets: Vec<Socket> = Vec::new();
    for cycle in 0..CYCLES {
        if sockets.len() < 6 && (sockets.is_empty() || random.random_bool(0.4)) {
            let user = if random.random_bool(0.5) { world.viewer() } else { world.editor() };
            sockets.push(user.socket().await);
        }
        let at = random.random_range(0..sockets.len());
        let path = &paths[random.random_range(0..paths.len())];
        let number = random.random_range(0..paths.len());
        match random.random_range(0..100) {
            0..35 => sockets[at].subscribe(id, path).await,
            // Without waiting for the answer.
            35..50 => sockets[at].ask(id, path, "subscribe").await,
            50..70 => sockets[at].unsubscribe(id, path).await,
            70..80 => folder.write(&format!("directory {number:04}/{cycle}.txt"), ""),
            80..90 => sockets.swap_remove(at).close().await,
            // A browser that is killed says nothing.
            _ => drop(sockets.swap_remove(at)),
        }
    }
    // Whoever is still there still hears.
    for (number, socket) in sockets.iter_mut().enumerate() {
        let path = &paths[number];
        socket.subscribe(id, path).await;
        let _ = socket.settle().await;
        folder.write(&format!("directory {number:04}/the end.txt"), "");
        socket.changed(id, path).await;
    }
    drop(sockets);
    nothing_is_left(&world, &folder).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_up_nobody_and_finds_one_message_of_each_directory() {
    let world = world().await;
    let folder = world.folder("slow");
    let beside = world.folder("beside");
    let id = world.connection();
    let mut slow = Vec::new();
    for _ in 0..5 {
        let mut socket = world.viewer().socket().await;
        socket.subscribe(id, folder.path()).await;
        socket.subscribe(id, beside.path()).await;
        let _ = socket.settle().await;
        slow.push(socket);
    }
    // Until answers fill the buffers of both systems and the product takes no more: from here on they are stuck.
    let long =
        json!({"action": "unsubscribe", "connection_id": "x".repeat(4_000), "path": "y".repeat(16_000)});
    for socket in &mut slow {
        let start = Instant::now();
        while socket.offer(&long).await {
            assert!(start.elapsed() < Duration::from_secs(20), "it takes everything for ever");
        }
    }
    let mut quick = world.editor().socket().await;
    quick.subscribe(id, folder.path()).await;
    quick.subscribe(id, beside.path()).await;
    let _ = quick.settle().await;
    for round in 0..30 {
        let name = format!("{round}.txt");
        folder.write(&name, "");
        beside.write(&name, "");
        quick.changed(id, folder.path()).await;
        quick.changed(id, beside.path()).await;
    }
    let _ = quick.settle().await;
    assert!(world.product().metric("causeway_socket_queue_drops_total") >= 5.0 * 2.0 * 20.0);
    // One that reads again before it is given up.
    let mut back = slow.pop().expect("a socket");
    let messages = back.settle().await;
    for folder in [&folder, &beside] {
        let told = messages.iter().filter(|message| is_change_of(message, folder.path())).count();
        assert_eq!(told, 1, "{} of {} messages", folder.path(), messages.len());
    }
    back.is_answered().await;
    folder.write("afterwards.txt", "");
    back.changed(id, folder.path()).await;
    back.close().await;
    drop(slow);
    quick.is_answered().await;
    quick.close().await;
    nothing_is_left(&world, &folder).await;
}

#[tokio::test]
async fn a_product_that_stops_says_goodbye_and_lets_go_of_everything() {
    let mut world = world().await;
    let folder = world.folder("stops");
    let paths = directories(&folder, 20);
    let id = world.connection().to_owned();
    let mut sockets = Vec::new();
    for _ in 0..10 {
        let mut socket = world.viewer().socket().await;
        for path in &paths {
            socket.subscribe(&id, path).await;
        }
        sockets.push(socket);
    }
    assert_eq!(open_below(&world, &folder), paths.len());
    let endings: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| tokio::spawn(async move { (socket.ending().await, Instant::now()) }))
        .collect();
    let start = Instant::now();
    let stopping = tokio::task::spawn_blocking(move || {
        let status = world.product_mut().stop().expect("an end");
        (status, start.elapsed(), world)
    });
    let (status, stopped, world) = stopping.await.expect("a task");
    assert_eq!(open_below(&world, &folder), 0, "all handles are closed");
    println!("stopped in {stopped:?}");
    assert!(status.success());
    for ending in endings {
        let (ending, at) = ending.await.expect("a task");
        assert_eq!(ending, Ending::Closed(1001));
        println!("goodbye after {:?}", at.duration_since(start));
    }
}

#[tokio::test]
async fn who_does_not_take_his_download_holds_no_watch_open_at_the_end() {
    const LENGTH: u64 = 1 << 30;
    let mut world = world().await;
    let folder = world.folder("stops-at-once");
    let paths = directories(&folder, 20);
    let elsewhere = world.folder("untaken");
    let large = std::fs::File::create(elsewhere.on_disk("large.bin")).expect("a file");
    large.set_len(LENGTH).expect("a large file");
    let id = world.connection().to_owned();
    let mut socket = world.viewer().socket().await;
    for path in &paths {
        socket.subscribe(&id, path).await;
    }
    let share = world.viewer().on(&id);
    // The watch over the whole tree, for the directory search.
    let _ = share.directories("stops").send().await.expect(200);
    let mut download = share.download(&elsewhere.at("large.bin")).stream().await.expect("an answer");
    assert!(download.chunk().await.expect("a piece").is_some());
    let others = || {
        let open = world.samba().open_files().expect("smbstatus");
        open.into_iter().filter(|line| !line.contains(elsewhere.path())).collect::<Vec<_>>()
    };
    world.until("the tree is watched, too", || others().len() > paths.len()).await;
    let ending = tokio::spawn(async move { socket.ending().await });
    let start = Instant::now();
    for process in world.product().processes() {
        let asked = std::process::Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
        assert!(asked.expect("kill").success());
    }
    while !others().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(5), "still open after 5 s: {:?}", others());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("all watches were closed after {:?}", start.elapsed());
    assert_eq!(ending.await.expect("a task"), Ending::Closed(1001));
    assert!(open_below(&world, &elsewhere) > 0, "the download is given its time");
    let status = world.product_mut().stop().expect("an end, whether or not it is taken");
    assert!(status.success());
    drop(download);
}

#[tokio::test]
async fn clients_are_pinged_and_one_that_never_answers_is_ended() {
    let world = world().await;
    let folder = world.folder("pinged");
    let id = world.connection();
    let mut lively = world.viewer().socket().await;
    lively.subscribe(id, folder.path()).await;
    // Whoever reads nothing answers no ping.
    let mut silent = world.editor().socket().await;
    silent.subscribe(id, folder.path()).await;
    let start = Instant::now();
    assert!(lively.is_pinged_within(Duration::from_secs(30)).await);
    while world.product().metric("causeway_sockets") > 1.0 {
        assert!(start.elapsed() < Duration::from_secs(90), "it is held for ever");
        let _ = lively.next_within(Duration::from_millis(500)).await;
    }
    assert!(start.elapsed() > Duration::from_secs(40), "two pings may be missed: {:?}", start.elapsed());
    lively.is_answered().await;
    assert_eq!(world.product().metric("causeway_subscribers"), 1.0);
    drop(silent);
}

#[tokio::test]
async fn what_changes_while_nobody_reports_it_is_found_by_looking() {
    // A server without change notification: the product looks for itself.
    let mut options = WorldOptions::default();
    options.samba = options.samba.global("change notify", "no");
    let world = World::start(options).await.expect("a world");
    let folder = world.folder("silent");
    folder.make_directory("sub");
    let id = world.connection();
    let mut socket = world.viewer().socket().await;
    socket.subscribe(id, folder.path()).await;
    let _ = socket.settle().await;
    folder.write("on disk.txt", "");
    let wanted = |message: &Value| is_change_of(message, folder.path());
    socket.find("a change on disk", wanted).await;
    let _ = socket.settle().await;
    // Our own operations are told at once, whatever the server reports: before they are answered, or with the last one.
    let share = world.editor().on(id);
    let ours = [
        ("create", share.create(&folder.at("sub"), "ours", "directory")),
        ("upload", share.upload(&folder.at("uploaded.txt"), "content")),
        ("save", share.put(&folder.at("uploaded.txt"), "more content")),
        ("copy", share.copy(&folder.at("uploaded.txt"), &folder.at("copied.txt"), false)),
        ("rename", share.rename(&folder.at("copied.txt"), "renamed.txt")),
        ("move", share.r#move(&folder.at("renamed.txt"), &folder.at("sub/moved.txt"), false)),
        ("delete", share.delete(&folder.at("sub/moved.txt"))),
    ];
    for (what, ask) in ours {
        let _ = socket.settle().await;
        let answer = ask.send().await;
        assert!(matches!(answer.status(), 200 | 204), "{what}: {} {}", answer.status(), answer.text());
        let start = Instant::now();
        socket.find(what, wanted).await;
        assert!(start.elapsed() < Duration::from_secs(1), "{what} was told after {:?}", start.elapsed());
    }
    assert_eq!(world.product().metric("causeway_watch_handles"), 0.0);
}
