//! Browsers that are told of changes over `/api/ws`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use causeway_tests::{Ending, Pattern, Socket, User, World, WorldOptions};
use causeway_tokens::TokenKey;
use reqwest::Method;
use serde_json::{Value, json};

const NOT_SEEN: &str = "Connection not found or access denied";

/// A user of one's own, to be disabled.
async fn user(world: &World, name: &str) -> (User, String) {
    let made = json!({"username": name, "password": "a-password-1", "role": "editor", "must_change_password": false});
    let made = world.admin().post("/api/admin/users").json(made).send().await.expect(201).json();
    let user = User::sign_in(world.product().address(), name, "a-password-1").await;
    let user = world.anonymous().with_token(user.token());
    (user, format!("/api/admin/users/{}", made["id"].as_str().expect("an id")))
}

async fn is_refused(user: &User, headers: &[(&str, &str)]) {
    let refusal = user.try_socket(headers).await.expect("an answer").expect_err("a refusal");
    assert_eq!((refusal.status, refusal.body.len()), (403, 0));
}

/// An `error` about that directory.
async fn error_about(socket: &mut Socket, connection: &str, path: &str) -> String {
    let message = socket
        .find("an error", |message| {
            message["type"] == "error" && message["connection_id"] == connection && message["path"] == path
        })
        .await;
    message["message"].as_str().unwrap_or_else(|| panic!("no sentence in {message}")).to_owned()
}

#[tokio::test]
async fn who_is_not_let_in_is_refused_before_the_handshake_ends() {
    let world = World::shared().await;
    let (fritz, at) = user(&world, "fritz").await;
    fritz.socket().await.close().await;
    is_refused(&world.anonymous(), &[]).await;
    is_refused(&world.anonymous().with_token("nonsense"), &[]).await;
    is_refused(&world.anonymous().with_token(&format!("{}x", fritz.token())), &[]).await;
    let patch = json!({"is_active": false});
    let _ = world.admin().ask(Method::PATCH, &at).json(patch).send().await.expect(200);
    is_refused(&fritz, &[]).await;
    // Without a public address that is known, pages from anywhere are let in.
    let elsewhere = [("origin", "https://elsewhere.example")];
    assert!(world.viewer().try_socket(&elsewhere).await.expect("an answer").is_ok());
}

#[tokio::test]
async fn a_page_from_elsewhere_is_refused_where_the_own_address_is_known() {
    let mut options = WorldOptions::default();
    let public = ("CAUSEWAY_PUBLIC_URL".to_owned(), "https://files.example.org".to_owned());
    options.product.environment.push(public);
    let world = World::start(options).await.expect("a world");
    let viewer = world.viewer();
    for origin in
        ["https://elsewhere.example", "http://files.example.org", "null", "https://files.example.org.evil"]
    {
        is_refused(&viewer, &[("origin", origin)]).await;
    }
    for headers in [&[("origin", "https://files.example.org")][..], &[]] {
        let mut socket = viewer.try_socket(headers).await.expect("an answer").expect("a socket");
        socket.is_answered().await;
    }
}

#[tokio::test]
async fn what_a_client_calls_a_directory_comes_back_as_it_was_sent() {
    let world = World::shared().await;
    let folder = world.folder("verbatim");
    folder.make_directory("e\u{301} 'quoted' 😀");
    let id = world.connection();
    let upper = id.to_uppercase();
    let mut socket = world.viewer().socket().await;
    let inner = folder.at("e\u{301} 'quoted' 😀");
    let names = [
        (id, inner.clone()),
        (id, format!("/{inner}")),
        (id, format!("{inner}/")),
        (&upper, inner.clone()),
        (id, folder.path().to_owned()),
    ];
    for (connection, path) in &names {
        socket.subscribe(connection, path).await;
        // Twice does no harm and is answered twice.
        socket.subscribe(connection, path).await;
    }
    let _ = socket.settle().await;
    folder.write("e\u{301} 'quoted' 😀/new.txt", "new");
    for (connection, path) in &names {
        socket.changed(connection, path).await;
    }
    let _ = socket.settle().await;
    for (connection, path) in &names[1..] {
        socket.unsubscribe(connection, path).await;
    }
    folder.write("e\u{301} 'quoted' 😀/another.txt", "new");
    socket.changed(id, &inner).await;
    let others = socket.settle().await;
    assert!(others.iter().all(|message| message["path"] == inner.as_str()), "{others:?}");

    // The root of the connection, and a subscription without a path.
    socket.send(json!({"action": "subscribe", "connection_id": id})).await;
    socket.until(&json!({"type": "subscribed", "connection_id": id, "path": ""})).await;
    socket.unsubscribe(id, "never/subscribed").await;
    socket.unsubscribe("no connection at all", "").await;
}

#[tokio::test]
async fn nonsense_is_answered_and_ends_nothing() {
    let world = World::shared().await;
    let folder = world.folder("nonsense");
    let mut socket = world.viewer().socket().await;
    socket.subscribe(world.connection(), folder.path()).await;
    let nonsense = [
        "this is not json",
        "",
        "[]",
        "7",
        "{}",
        r#"{"action":"dance"}"#,
        r#"{"action":"subscribe"}"#,
        r#"{"action":7}"#,
        r#"{"action":"subscribe","connection_id":{},"path":[]}"#,
        r#"{"action":"subscribe","connection_id":"x","path":"\ud800"}"#,
    ];
    for text in nonsense {
        socket.send_text(text).await;
        let answer = socket.next().await;
        assert_eq!(answer["type"], "error", "{text:?}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{answer}");
    }
    socket.send_bytes(&[0, 159, 146, 150]).await;
    assert_eq!(socket.next().await["type"], "error");
    // However often: a client of another version says every now and then what is not known here.
    for _ in 0..300 {
        socket.send_text(r#"{"action":"dance"}"#).await;
        assert_eq!(socket.next().await["type"], "error");
    }
    let absent = uuid::Uuid::new_v4().to_string();
    for (connection, path) in [
        ("x", "a"),
        (absent.as_str(), ""),
        (world.connection(), "no/such/directory"),
        (world.connection(), "../up"),
    ] {
        socket.ask(connection, path, "subscribe").await;
        assert_eq!(error_about(&mut socket, connection, path).await, NOT_SEEN, "{path}");
    }
    socket.is_answered().await;
    folder.write("after.txt", "");
    socket.changed(world.connection(), folder.path()).await;
}

#[tokio::test]
async fn a_message_longer_than_any_may_be_ends_the_socket_and_says_why() {
    let world = World::shared().await;
    let mut socket = world.viewer().socket().await;
    socket.send(json!({"action": "unsubscribe", "connection_id": "x", "path": "y".repeat(60_000)})).await;
    assert_eq!(socket.next().await["type"], "unsubscribed");
    socket.send(json!({"action": "unsubscribe", "connection_id": "x", "path": "y".repeat(70_000)})).await;
    assert_eq!(socket.ending().await, Ending::Closed(1009));
}

#[tokio::test]
async fn changes_by_anybody_in_any_way_are_told() {
    let world = World::shared().await;
    let folder = world.folder("seen");
    folder.make_directory("sub/deep");
    folder.write("old.txt", "old");
    let id = world.connection();
    let share = world.editor().on(id);
    let mut socket = world.viewer().socket().await;
    socket.subscribe(id, folder.path()).await;
    let told = async |socket: &mut Socket, what: &str| {
        let wanted = json!({"type": "directory_changed", "connection_id": id, "path": folder.path()});
        let _ = socket.find(what, |message| *message == wanted).await;
        let rest = socket.settle().await;
        assert!(rest.iter().all(|message| *message == wanted), "{what}: {rest:?}");
    };
    let ours = [
        ("create", share.create(folder.path(), "made", "directory")),
        ("create below", share.create(&folder.at("sub/deep"), "made.txt", "file")),
        ("upload", share.upload(&folder.at("uploaded.txt"), "content")),
        ("save", share.put(&folder.at("old.txt"), "new")),
        ("rename", share.rename(&folder.at("uploaded.txt"), "renamed.txt")),
        ("copy", share.copy(&folder.at("renamed.txt"), &folder.at("copied.txt"), false)),
        ("move", share.r#move(&folder.at("copied.txt"), &folder.at("sub/moved.txt"), false)),
        ("delete", share.delete(&folder.at("sub/moved.txt"))),
    ];
    for (what, ask) in ours {
        let answer = ask.send().await;
        assert!(matches!(answer.status(), 200 | 204), "{what}: {} {}", answer.status(), answer.text());
        told(&mut socket, what).await;
    }

    // Another client of the share.
    let place = folder.path().replace('/', "\\");
    for command in [
        format!("mkdir {place}\\theirs"),
        format!("rename {place}\\theirs {place}\\renamed"),
        format!("mkdir {place}\\sub\\deep\\theirs"),
        format!("rmdir {place}\\renamed"),
        format!("put /etc/hostname {place}\\put.txt"),
    ] {
        let output = world.samba().smbclient("data", &["-c", &command]).expect("smbclient");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stdout));
        told(&mut socket, &command).await;
    }

    // Somebody on the server itself.
    folder.write("on disk.txt", "content");
    told(&mut socket, "written on disk").await;
    folder.write("on disk.txt", "more content");
    told(&mut socket, "written again on disk").await;
    std::fs::rename(folder.on_disk("on disk.txt"), folder.on_disk("moved on disk.txt")).expect("a rename");
    told(&mut socket, "renamed on disk").await;
    std::fs::remove_file(folder.on_disk("moved on disk.txt")).expect("an end");
    told(&mut socket, "removed on disk").await;

    socket.unsubscribe(id, folder.path()).await;
    folder.write("unseen.txt", "");
    let _ = share.create(folder.path(), "unseen", "directory").send().await.expect(200);
    socket.hears_nothing().await;
}

#[tokio::test]
async fn a_listing_after_the_message_shows_the_change() {
    let world = World::shared().await;
    let folder = world.folder("fresh");
    for number in 0..50 {
        folder.write(&format!("{number}.txt"), "");
    }
    let id = world.connection();
    let share = world.editor().on(id);
    let mut socket = world.viewer().socket().await;
    socket.subscribe(id, folder.path()).await;
    let names = async || {
        let listing = share.list(folder.path()).send().await.expect(200).json();
        let items = listing["items"].as_array().expect("items").clone();
        items.iter().map(|item| (item["name"].clone(), item["size"].clone())).collect::<Vec<_>>()
    };
    for round in 0..20_u64 {
        // Twice, so that the second one may come from memory.
        let before = names().await;
        assert_eq!(names().await, before);
        let _ = socket.settle().await;
        let name = format!("new {round}.txt");
        let size = usize::try_from(round + 1).expect("small");
        match round % 4 {
            0 => {
                let _ = share.upload(&folder.at(&name), vec![b'x'; size]).send().await.expect(200);
            }
            1 => folder.write(&name, vec![b'x'; size]),
            2 => {
                let command = format!("put /etc/hostname \"{}\\{name}\"", folder.path().replace('/', "\\"));
                let output = world.samba().smbclient("data", &["-c", &command]).expect("smbclient");
                assert!(output.status.success());
            }
            _ => folder.write("0.txt", vec![b'y'; size]),
        }
        socket.changed(id, folder.path()).await;
        // What a message tells is in a listing that is asked for after it. A file that is written in several steps
        // has a message for the last one, too.
        let _ = socket.settle().await;
        let after = names().await;
        if round % 4 == 3 {
            assert!(after.contains(&(json!("0.txt"), json!(size))), "{round}: {after:?}");
        } else {
            assert_eq!(after.len(), before.len() + 1, "{round}");
            assert!(after.iter().any(|(seen, _)| *seen == name.as_str()), "{round}: {after:?}");
        }
    }
}

#[tokio::test]
async fn a_prefix_is_applied_on_the_way_in_and_never_told() {
    let world = World::shared().await;
    let folder = world.folder("live-prefix");
    folder.make_directory("inside/sub");
    let mut draft = world.draft("live prefix");
    draft["path_prefix"] = json!(format!("/{}/inside/", folder.path()));
    let prefixed = world.connect(&world.editor(), draft).await;
    let mut socket = world.editor().socket().await;
    socket.subscribe(&prefixed, "").await;
    socket.subscribe(&prefixed, "sub").await;
    let _ = socket.settle().await;
    folder.write("outside.txt", "");
    socket.hears_nothing().await;
    folder.write("inside/sub/new.txt", "");
    socket.changed(&prefixed, "sub").await;
    let _ = world.editor().on(&prefixed).create("sub", "by api", "directory").send().await.expect(200);
    socket.changed(&prefixed, "").await;
    for message in socket.settle().await {
        assert!(message["path"] == "" || message["path"] == "sub", "{message}");
    }
    // Through another connection the same directory has another name.
    let mut other = world.viewer().socket().await;
    other.subscribe(world.connection(), &folder.at("inside/sub")).await;
    let _ = world.editor().on(&prefixed).create("sub", "by api again", "directory").send().await.expect(200);
    other.changed(world.connection(), &folder.at("inside/sub")).await;
    socket.changed(&prefixed, "sub").await;
}

#[tokio::test]
async fn a_deleted_directory_tells_its_subscribers_and_its_successor_can_be_subscribed() {
    let world = World::shared().await;
    let folder = world.folder("deleted");
    folder.make_directory("by api");
    folder.make_directory("on disk");
    let id = world.connection();
    let share = world.editor().on(id);
    for (way, name) in ["by api", "on disk"].into_iter().enumerate() {
        let path = folder.at(name);
        let mut socket = world.viewer().socket().await;
        socket.subscribe(id, &path).await;
        let mut parent = world.viewer().socket().await;
        parent.subscribe(id, folder.path()).await;
        let _ = socket.settle().await;
        if way == 0 {
            let _ = share.delete(&path).send().await.expect(204);
        } else {
            std::fs::remove_dir(folder.on_disk(name)).expect("an end");
        }
        parent.changed(id, folder.path()).await;
        assert!(!error_about(&mut socket, id, &path).await.is_empty());
        let _ = share.create(folder.path(), name, "directory").send().await.expect(200);
        socket.subscribe(id, &path).await;
        let _ = socket.settle().await;
        folder.write(&format!("{name}/new.txt"), "");
        socket.changed(id, &path).await;
    }
}

#[tokio::test]
async fn who_may_not_look_any_more_hears_no_more() {
    let world = World::shared().await;
    let folder = world.folder("revoked");
    let admin = world.admin();

    // The user.
    let (greta, at) = user(&world, "greta").await;
    let mut socket = greta.socket().await;
    socket.subscribe(world.connection(), folder.path()).await;
    let _ = admin.ask(Method::PATCH, &at).json(json!({"is_active": false})).send().await.expect(200);
    assert_eq!(socket.ending().await, Ending::Closed(1008));

    // His tokens.
    let (hugo, at) = user(&world, "hugo").await;
    let mut socket = hugo.socket().await;
    socket.subscribe(world.connection(), folder.path()).await;
    let reset = format!("{at}/reset-password");
    let _ = admin.post(&reset).json(json!({"new_password": "another-one"})).send().await.expect(200);
    assert_eq!(socket.ending().await, Ending::Closed(1008));

    // A connection that becomes private, and one that is deleted.
    for delete in [false, true] {
        let mut draft = world.draft("for a while");
        draft["scope"] = json!("shared");
        let shared = world.connect(&admin, draft).await;
        let at = format!("/api/connections/{shared}");
        let mut socket = world.viewer().socket().await;
        socket.subscribe(&shared, folder.path()).await;
        socket.subscribe(world.connection(), folder.path()).await;
        if delete {
            let _ = admin.delete(&at).send().await.expect(200);
        } else {
            let _ = admin.put(&at).json(json!({"scope": "private"})).send().await.expect(200);
        }
        assert_eq!(error_about(&mut socket, &shared, folder.path()).await, NOT_SEEN);
        let _ = socket.settle().await;
        folder.write(&format!("after {delete}.txt"), "");
        socket.changed(world.connection(), folder.path()).await;
        let rest = socket.settle().await;
        assert!(rest.iter().all(|message| message["connection_id"] == world.connection()), "{rest:?}");
        socket.ask(&shared, folder.path(), "subscribe").await;
        assert_eq!(error_about(&mut socket, &shared, folder.path()).await, NOT_SEEN);
    }
}

#[tokio::test]
async fn a_token_that_expires_ends_the_socket() {
    let world = World::shared().await;
    let folder = world.folder("expires");
    let (_, at) = user(&world, "iris").await;
    let id = at.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let token = TokenKey::new(world.product().token_secret()).mint(id, 0, 5, now).expect("a token");
    let mut socket = world.anonymous().with_token(&token.token).socket().await;
    socket.subscribe(world.connection(), folder.path()).await;
    assert_eq!(socket.ending().await, Ending::Closed(1008));
    let ended = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(ended >= now + 5, "{} s too early", now + 5 - ended);
    is_refused(&world.anonymous().with_token(&token.token), &[]).await;
}

#[tokio::test]
async fn who_subscribes_while_a_connection_becomes_private_hears_nothing_of_it() {
    let world = World::shared().await;
    let folder = world.folder("in-between");
    let admin = world.admin();
    for round in 0..5 {
        let mut draft = world.draft("about to be private");
        draft["scope"] = json!("shared");
        let shared = world.connect(&admin, draft).await;
        let at = format!("/api/connections/{shared}");
        let mut socket = world.viewer().socket().await;
        let private = json!({"scope": "private"});
        let mut change = tokio::spawn(admin.put(&at).json(private).send());
        // Under ever new names, so that one of them is being subscribed to at that moment.
        for slashes in 0..900 {
            let path = format!("{}{}", folder.path(), "/".repeat(slashes));
            socket.ask(&shared, &path, "subscribe").await;
            if change.is_finished() {
                break;
            }
        }
        let _ = (&mut change).await.expect("a change").expect(200);
        let _ = socket.settle().await;
        folder.write(&format!("{round}.txt"), "");
        socket.hears_nothing().await;
    }
}

#[tokio::test]
async fn a_user_may_have_so_many_sockets_and_is_told_when_he_has_them() {
    let mut options = WorldOptions::default();
    options.product.environment.push(("CAUSEWAY_MAX_SOCKETS_PER_USER".to_owned(), "2".to_owned()));
    let world = World::start(options).await.expect("a world");
    let mut first = world.viewer().socket().await;
    let mut second = world.viewer().socket().await;
    // They have their places by then: the handshake is over a moment before.
    first.is_answered().await;
    second.is_answered().await;
    let mut third = world.viewer().socket().await;
    let message = third.next().await;
    assert_eq!(message["type"], "error");
    assert!(message["message"].as_str().is_some_and(|text| text.contains("too many")), "{message}");
    assert_eq!(third.ending().await, Ending::Closed(1013));
    first.is_answered().await;
    second.is_answered().await;
    // It is his own bound, and one that he closes makes room.
    world.editor().socket().await.is_answered().await;
    first.close().await;
    world.until("the place is free", || world.product().metric("causeway_sockets") <= 1.0).await;
    let mut fourth = world.viewer().socket().await;
    fourth.is_answered().await;
}

#[tokio::test]
async fn somebody_elses_private_connection_cannot_be_subscribed() {
    let world = World::shared().await;
    let private = world.connect(&world.editor(), world.draft("my own")).await;
    let mut owner = world.editor().socket().await;
    owner.subscribe(&private, "").await;
    for stranger in [world.admin(), world.viewer()] {
        let mut socket = stranger.socket().await;
        socket.ask(&private, "", "subscribe").await;
        assert_eq!(error_about(&mut socket, &private, "").await, NOT_SEEN);
    }
}

#[tokio::test]
async fn a_long_copy_tells_how_far_it_is_and_when_it_is_done() {
    let world = World::shared().await;
    let folder = world.folder("progress");
    const LENGTH: u64 = 192 * 1024 * 1024;
    folder.make_directory("tree");
    Pattern::new(3).write_file(&folder.on_disk("tree/large.bin"), LENGTH).expect("a large file");
    folder.write("tree/small.txt", "small");
    folder.make_directory("to");
    let editor = world.editor();
    let other = world.connect(&editor, world.draft("progress")).await;
    let share = editor.on(world.connection());
    for how in ["copy", "move"] {
        let mut socket = editor.socket().await;
        socket.subscribe(&other, &folder.at("to")).await;
        let mut beside = editor.socket().await;
        beside.subscribe(&other, folder.path()).await;
        let dest = folder.at(&format!("to/{how}"));
        let _ = share.transfer(how, &folder.at("tree"), Some(&other), &dest, false).send().await.expect(204);
        let is_progress = |message: &Value| message["type"] == "transfer_progress";
        let mut seen = Vec::new();
        loop {
            let message = socket.find("progress", is_progress).await;
            assert_eq!(message["connection_id"], other.as_str());
            assert_eq!(message["path"], folder.at("to").as_str());
            assert_eq!(message["item_name"], how);
            if message["bytes_transferred"] == -1 {
                assert_eq!(message["total_bytes"], -1);
                break;
            }
            seen.push(message);
        }
        // A move within one share is no transfer of bytes.
        assert!(how == "move" || !seen.is_empty(), "at least the first one comes before the last");
        for message in &seen {
            let bytes = message["bytes_transferred"].as_u64().unwrap_or_else(|| panic!("{message}"));
            let total = message["total_bytes"].as_u64().unwrap_or(LENGTH);
            assert!(bytes <= total && [LENGTH, 5].contains(&total), "{message}");
        }
        assert!(!socket.settle().await.iter().any(is_progress), "nothing comes after the end");
        assert!(!beside.settle().await.iter().any(is_progress), "only exactly the destination is told");
    }
}

#[tokio::test]
async fn a_copy_into_the_root_tells_the_root() {
    let world = World::shared().await;
    let folder = world.folder("progress-at-the-root");
    let from = world.folder("progress-from-elsewhere");
    from.write("one.txt", "content");
    from.write("other.txt", "content");
    let mut draft = world.draft("at the root");
    draft["path_prefix"] = json!(format!("/{}", folder.path()));
    let prefixed = world.connect(&world.editor(), draft).await;
    let share = world.editor().on(world.connection());
    let mut socket = world.editor().socket().await;
    socket.subscribe(&prefixed, "").await;
    for (how, source, dest) in [("copy", "one.txt", "copied.txt"), ("move", "other.txt", "moved.txt")] {
        // Only what comes from another connection tells how far it is.
        let source = from.at(source);
        let _ = share.transfer(how, &source, Some(&prefixed), dest, false).send().await.expect(204);
        let last = socket.find("the end", |message| message["bytes_transferred"] == -1).await;
        assert_eq!(
            last,
            json!({
                "type": "transfer_progress", "connection_id": prefixed, "path": "",
                "bytes_transferred": -1, "total_bytes": -1, "item_name": dest,
            })
        );
        socket.changed(&prefixed, "").await;
        let _ = socket.settle().await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named_and_its_subscription_waits() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("away");
    let id = world.connection().to_owned();
    world.samba_mut().kill9();
    let mut socket = world.viewer().socket().await;
    socket.ask(&id, folder.path(), "subscribe").await;
    let sentence = error_about(&mut socket, &id, folder.path()).await;
    assert_ne!(sentence, NOT_SEEN, "it may well be there");
    socket.is_answered().await;
    world.samba_mut().restart().expect("a new server");
    socket.until(&json!({"type": "subscribed", "connection_id": id, "path": folder.path()})).await;
    let _ = socket.settle().await;
    folder.write("new.txt", "");
    socket.changed(&id, folder.path()).await;
}

#[tokio::test]
async fn a_burst_is_few_messages_and_the_last_one_is_not_lost() {
    let world = World::shared().await;
    let folder = world.folder("burst");
    let id = world.connection();
    let mut socket = world.viewer().socket().await;
    socket.subscribe(id, folder.path()).await;
    let _ = socket.settle().await;
    let begun = std::time::Instant::now();
    for number in 0..500 {
        folder.write(&format!("{number}.txt"), "");
    }
    folder.write("last.txt", "");
    let mut messages = 0;
    let mut listed = 0;
    while let Some(message) = socket.next_within(Duration::from_secs(2)).await {
        assert_eq!(message["type"], "directory_changed");
        messages += 1;
        let listing = world.viewer().on(id).list(folder.path()).send().await.expect(200).json();
        listed = listing["total"].as_u64().expect("a number");
    }
    assert_eq!(listed, 501, "whoever lists after the last message sees everything");
    // One at once and one each 100 ms; the burst itself and its end are all that there is time for.
    let most = 4 + u64::try_from(begun.elapsed().as_millis()).expect("small") / 100;
    assert!((1..=most).contains(&messages), "{messages} messages in {:?}", begun.elapsed());
}

#[tokio::test]
async fn there_are_bounds_and_they_are_named() {
    let world = World::shared().await;
    let folder = world.folder("bounds");
    let mut socket = world.viewer().socket().await;
    let mut refused = None;
    // One directory under many names is one watch and many subscriptions.
    for number in 0..1_200 {
        let path = format!("{}{}", folder.path(), "/".repeat(number % 1_200));
        socket.ask(world.connection(), &path, "subscribe").await;
        let answer = socket.find("an answer", |message| message["path"] == path.as_str()).await;
        if answer["type"] == "error" {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("an end");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("too many")), "{refused}");
    socket.is_answered().await;
}
