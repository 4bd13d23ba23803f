//! Where people have been: recent directories and files.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_tests::{Answer, Ask, Proxy, User, World, WorldOptions};
use causeway_tokens::TokenKey;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const DIRECTORIES: &str = "/api/browse/recent-directories";
const FILES: &str = "/api/browse/recent-files";
const POLICY: &str = "/api/admin/settings/file-search";

/// Requests under way at the same time.
const AT_ONCE: usize = 16;

/// Somebody whose histories nobody else writes. He carries a token without having signed in: so many people at once would
/// be held off.
async fn somebody(world: &World, role: &str) -> User {
    let name = format!("traveller-{}", Uuid::new_v4().simple());
    let user =
        json!({"username": name, "password": "somebody-1", "role": role, "must_change_password": false});
    let made = world.admin().post("/api/admin/users").json(user).send().await.expect(201).json();
    let id = made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let token = TokenKey::new(world.product().token_secret()).mint(id, 0, 3600, now).expect("a token");
    world.anonymous().with_token(&token.token)
}

fn visit(user: &User, connection: &str, path: &str) -> Ask {
    user.post(DIRECTORIES).json(json!({"connection_id": connection, "path": path, "is_directory": true}))
}

fn open(user: &User, connection: &str, path: &str) -> Ask {
    user.post(FILES).json(json!({"connection_id": connection, "path": path, "is_regular_file": true}))
}

async fn opened(user: &User, connection: &str, path: &str) -> String {
    let record = open(user, connection, path).send().await.expect(200).json();
    record["id"].as_str().unwrap_or_else(|| panic!("no id in {record}")).to_owned()
}

/// The paths that a search finds, in their order.
async fn found(user: &User, history: &str, query: &str) -> Vec<String> {
    let answer = user.get(history).query("q", query).query("limit", "50").send().await.expect(200).json();
    let results = answer["results"].as_array().expect("results");
    results.iter().map(|record| record["path"].as_str().expect("a path").to_owned()).collect()
}

fn target(user: &User, record: &str) -> Ask {
    user.get(&format!("{FILES}/{record}/target"))
}

/// Asks many things at the same time.
async fn at_once(asks: impl Iterator<Item = Ask>) -> Vec<Answer> {
    futures::stream::iter(asks.map(Ask::send)).buffer_unordered(AT_ONCE).collect().await
}

/// Asks for a recorded file again, which is refused with that code; whether the record is still there afterwards.
async fn not_reopened(user: &User, record: &str, status: u16, code: &str) -> bool {
    let detail = target(user, record).send().await.expect(status).json()["detail"].clone();
    assert_eq!(detail["code"], code, "{detail}");
    assert!(detail["message"].as_str().is_some_and(|message| !message.is_empty()), "{detail}");
    let all = user.get(FILES).query("limit", "50").send().await.expect(200).json();
    all["results"].as_array().expect("results").iter().any(|one| one["id"] == record)
}

#[tokio::test]
async fn directories_come_back_the_newest_first() {
    let world = World::shared().await;
    let user = somebody(&world, "viewer").await;
    let folder = world.folder("visited");
    for name in ["a", "Bücher/Neu", "c"] {
        folder.make_directory(name);
    }
    let (a, books, c) = (folder.at("a"), folder.at("Bücher/Neu"), folder.at("c"));
    let nothing = user.get(DIRECTORIES).send().await.expect(200).json();
    assert_eq!(nothing, json!({"results": [], "result_limit": 10}));

    let first = visit(&user, world.connection(), &a).send().await.expect(200).json();
    assert_eq!(first.as_object().expect("a record").len(), 4);
    assert_eq!((&first["connection_id"], &first["path"]), (&json!(world.connection()), &json!(a)));
    let _ = visit(&user, world.connection(), &books).send().await.expect(200);
    let _ = visit(&user, world.connection(), &c).send().await.expect(200);
    assert_eq!(found(&user, DIRECTORIES, "").await, [c.clone(), books.clone(), a.clone()]);

    // Another spelling of the connection's id and of the separators is no other place.
    let again = visit(&user, &world.connection().replace('-', ""), &format!(" {} ", a.replace('/', "\\")));
    let again = again.send().await.expect(200).json();
    assert_eq!((&again["id"], &again["path"]), (&first["id"], &first["path"]));
    assert!(again["last_visited_at"].as_str() > first["last_visited_at"].as_str());
    assert_eq!(found(&user, DIRECTORIES, "").await, [a.clone(), c, books.clone()]);

    for query in ["  BUCHER/n ", "bu\u{308}cher", "visited-", "NEU"] {
        assert!(found(&user, DIRECTORIES, query).await.contains(&books), "{query}");
    }
    assert_eq!(found(&user, DIRECTORIES, "nowhere").await, [""; 0]);
    let two = user.get(DIRECTORIES).query("limit", "2").send().await.expect(200).json();
    assert_eq!((two["results"].as_array().map(Vec::len), &two["result_limit"]), (Some(2), &json!(2)));

    let id = first["id"].as_str().expect("an id");
    let stranger = somebody(&world, "admin").await;
    assert_eq!(found(&stranger, DIRECTORIES, "").await, [""; 0]);
    let at = format!("{DIRECTORIES}/{id}");
    stranger.delete(&at).send().await.refused(404, "Recent directory not found");
    user.delete(&format!("{FILES}/{id}")).send().await.refused(404, "Recent file not found");
    assert!(user.delete(&at).send().await.expect(204).body().is_empty());
    user.delete(&at).send().await.refused(404, "Recent directory not found");
    assert!(!found(&user, DIRECTORIES, "").await.contains(&a));

    let cleared = user.delete(DIRECTORIES).send().await.expect(200).json();
    assert_eq!(cleared, json!({"deleted_count": 2}));
    assert_eq!(user.delete(DIRECTORIES).send().await.expect(200).json(), json!({"deleted_count": 0}));
}

#[tokio::test]
async fn files_are_found_by_their_names_the_best_first() {
    let world = World::shared().await;
    let user = somebody(&world, "editor").await;
    let folder = world.folder("opened");
    let names = ["floorplan.txt", "my plan.txt", "Planung.txt", "plan", "other.txt", "plan/inside.txt"];
    for name in names {
        folder.write(&name.replace("plan/", "planned/"), "");
        let path = folder.at(&name.replace("plan/", "planned/"));
        let record = open(&user, world.connection(), &path).send().await.expect(200).json();
        assert_eq!(record["file_name"], name.rsplit('/').next().expect("a name"));
        assert_eq!(record.as_object().expect("a record").len(), 5);
    }
    let best = ["plan", "Planung.txt", "my plan.txt", "floorplan.txt"].map(|name| folder.at(name));
    assert_eq!(found(&user, FILES, " PLAN ").await, best);
    assert_eq!(found(&user, FILES, "").await[0], folder.at("planned/inside.txt"), "the newest");
    // As many as the policy gives, whatever is asked for.
    let all = user.get(FILES).query("limit", "50").send().await.expect(200).json();
    assert_eq!((all["results"].as_array().map(Vec::len), &all["result_limit"]), (Some(6), &json!(10)));

    for left_out in ["photo.JPG", "~$letter.docx", "notes.txt~", "film.part"] {
        folder.write(left_out, "");
        let answer = open(&user, world.connection(), &folder.at(left_out)).send().await.expect(200);
        assert_eq!(answer.json(), Value::Null, "{left_out}");
    }
    assert_eq!(user.delete(FILES).send().await.expect(200).json(), json!({"deleted_count": 6}));
}

#[tokio::test]
async fn places_on_the_users_own_machine_are_recorded_unseen() {
    let world = World::shared().await;
    let user = somebody(&world, "editor").await;
    let drive = "local-drive:C drive";
    let record = visit(&user, drive, "Users\\anna/Documents").send().await.expect(200).json();
    assert_eq!((&record["connection_id"], &record["path"]), (&json!(drive), &json!("Users/anna/Documents")));
    let file = opened(&user, drive, "Users/anna/letter.txt").await;
    assert_eq!(found(&user, DIRECTORIES, "anna").await, ["Users/anna/Documents"]);
    assert_eq!(found(&user, FILES, "let").await, ["Users/anna/letter.txt"]);
    let detail = target(&user, &file).send().await.expect(409).json()["detail"].clone();
    assert_eq!(
        detail,
        json!({
            "code": "recent_file_validation_transient",
            "message": "Local-drive targets must be validated by Companion.",
        })
    );
    assert_eq!(found(&user, FILES, "let").await.len(), 1, "it stays");
}

#[tokio::test]
async fn what_is_not_there_or_something_else_is_not_recorded() {
    let world = World::shared().await;
    let user = somebody(&world, "editor").await;
    let folder = world.folder("not-recorded");
    folder.write("file.txt", "");
    folder.make_directory("directory");
    let here = world.connection();
    let (file, directory) = (folder.at("file.txt"), folder.at("directory"));
    for missing in [folder.at("nothing"), folder.at("nothing/at/all"), folder.at("file.txt/below")] {
        visit(&user, here, &missing).send().await.refused(404, "The directory no longer exists");
        open(&user, here, &missing).send().await.refused(404, "The file no longer exists");
    }
    visit(&user, here, &file)
        .send()
        .await
        .refused(400, "Only directories can be recorded in recent-directory history");
    open(&user, here, &directory)
        .send()
        .await
        .refused(400, "Only regular files can be recorded in recent-file history");

    let elsewhere = Uuid::new_v4().to_string();
    for (id, path, status, of_directories, of_files) in [
        (elsewhere.as_str(), "a", 404, "Connection not found", "Connection not found"),
        // The connection is looked up before anything is said about such files.
        (elsewhere.as_str(), "a.jpg", 404, "Connection not found", "Connection not found"),
        ("local-drive:", "a", 400, "Local drive ID cannot be empty", "Local drive ID cannot be empty"),
        (
            "nas",
            "a",
            400,
            "badly formed hexadecimal UUID string",
            "Connection ID must be a connection UUID or local-drive ID",
        ),
    ] {
        visit(&user, id, path).send().await.refused(status, of_directories);
        open(&user, id, path).send().await.refused(status, of_files);
    }
    for id in [here, "local-drive:c"] {
        for root in [" ", "/", "/a", "\\a", "\\\\server\\share"] {
            for ask in [visit(&user, id, root), open(&user, id, root)] {
                ask.send().await.refused(400, "History path must be a non-empty relative path");
            }
        }
        for climbing in ["../a", "a/..", "a/./b", "a//b", "a/"] {
            let rule = "History path must not contain empty, current-directory, or parent-directory segments";
            visit(&user, id, climbing).send().await.refused(400, rule);
            open(&user, id, climbing).send().await.refused(400, rule);
        }
    }
    for hostile in ["a\u{0}b", "a:b", "*"] {
        let status = visit(&user, here, hostile).send().await.status();
        assert_eq!(status, 400, "{hostile:?}");
    }
    assert_eq!(found(&user, DIRECTORIES, "").await, [""; 0]);
    assert_eq!(found(&user, FILES, "").await, [""; 0]);
}

#[tokio::test]
async fn a_private_connection_of_another_is_no_place_to_have_been() {
    let world = World::shared().await;
    let (owner, stranger) = (somebody(&world, "editor").await, somebody(&world, "admin").await);
    let folder = world.folder("private-visits");
    let private = world.connect(&owner, world.draft("travels")).await;
    let _ = visit(&owner, &private, folder.path()).send().await.expect(200);
    visit(&stranger, &private, folder.path()).send().await.refused(404, "Connection not found");
}

#[tokio::test]
async fn malformed_requests_are_refused_field_by_field() {
    let world = World::shared().await;
    let user = world.viewer();
    let body = json!({"connection_id": world.connection(), "path": "docs"});
    for (history, literal) in [(DIRECTORIES, "is_directory"), (FILES, "is_regular_file")] {
        let answer = user.post(history).json(body.clone()).send().await.expect(422).json();
        let expected =
            json!([{"type": "missing", "loc": ["body", literal], "msg": "Field required", "input": body}]);
        assert_eq!(answer["detail"], expected);
        let mut denied = body.clone();
        denied[literal] = false.into();
        let answer = user.post(history).json(denied).send().await.expect(422).json();
        assert_eq!(answer["detail"][0]["loc"], json!(["body", literal]));

        for (field, value) in
            [("path", String::new()), ("path", "x".repeat(4097)), ("connection_id", String::new())]
        {
            let mut wrong = body.clone();
            wrong[literal] = true.into();
            wrong[field] = value.into();
            let answer = user.post(history).json(wrong).send().await.expect(422).json();
            assert_eq!(answer["detail"][0]["loc"], json!(["body", field]));
        }
        for (name, value) in [("limit", "0".to_owned()), ("limit", "51".to_owned()), ("q", "x".repeat(1025))]
        {
            let answer = user.get(history).query(name, &value).send().await.expect(422).json();
            assert_eq!(answer["detail"][0]["loc"], json!(["query", name]));
        }
        // These paths are the histories' own: nothing takes their names for a connection's id.
        let answer =
            user.delete(&format!("{history}/item")).query("path", "docs").send().await.expect(422).json();
        assert_eq!(answer["detail"][0]["loc"], json!(["path", "record_id"]));
        let answer = user.ask(Method::PUT, history).send().await.expect(405);
        assert_eq!(answer.header("allow"), "POST, GET, DELETE");
    }
}

#[tokio::test]
async fn fifty_directories_are_kept_however_many_come_at_once() {
    let world = World::shared().await;
    let user = somebody(&world, "viewer").await;
    let names: Vec<String> = (0..70).map(|number| format!("d{number:02}")).collect();
    for answer in at_once(names.iter().map(|name| visit(&user, "local-drive:c", name))).await {
        let _ = answer.expect(200);
    }
    assert_eq!(found(&user, DIRECTORIES, "").await.len(), 50);
    let again = at_once((0..40).map(|_| visit(&user, "local-drive:c", "again"))).await;
    let ids: Vec<Value> = again.into_iter().map(|answer| answer.expect(200).json()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one record: {ids:?}");
    let all = found(&user, DIRECTORIES, "").await;
    assert_eq!((all.len(), all[0].as_str()), (50, "again"));
}

#[tokio::test]
async fn a_recorded_file_is_opened_again_or_forgotten() {
    let world = World::shared().await;
    let user = somebody(&world, "viewer").await;
    let folder = world.folder("reopened");
    for name in ["stays.md", "goes.md", "turns.md"] {
        folder.write(name, "content");
    }
    let here = world.connection();
    let stays = opened(&user, here, &folder.at("stays.md")).await;
    let goes = opened(&user, here, &folder.at("goes.md")).await;
    let turns = opened(&user, here, &folder.at("turns.md")).await;

    let info = target(&user, &stays).send().await.expect(200).json();
    assert_eq!(
        (&info["name"], &info["type"], &info["mime_type"], &info["size"]),
        (&json!("stays.md"), &json!("file"), &json!("text/markdown"), &json!(7))
    );
    std::fs::remove_file(folder.on_disk("goes.md")).expect("removed");
    std::fs::remove_file(folder.on_disk("turns.md")).expect("removed");
    folder.make_directory("turns.md");
    assert!(!not_reopened(&user, &goes, 404, "recent_file_target_missing").await);
    assert!(!not_reopened(&user, &turns, 409, "recent_file_target_not_file").await);
    target(&user, &goes).send().await.refused(404, "Recent file not found");
    let stranger = somebody(&world, "viewer").await;
    target(&stranger, &stays).send().await.refused(404, "Recent file not found");
    assert_eq!(found(&user, FILES, "").await, [folder.at("stays.md")]);
}

#[tokio::test]
async fn what_was_on_a_connection_that_is_gone_is_told_apart() {
    let world = World::shared().await;
    let user = somebody(&world, "editor").await;
    let folder = world.folder("lost");
    folder.write("a.md", "");
    let private = world.connect(&user, world.draft("to be lost")).await;
    let file = opened(&user, &private, &folder.at("a.md")).await;
    let _ = visit(&user, &private, folder.path()).send().await.expect(200);
    let _ = visit(&user, world.connection(), folder.path()).send().await.expect(200);
    assert_eq!(found(&user, DIRECTORIES, "").await.len(), 2);

    let _ = user.delete(&format!("/api/connections/{private}")).send().await.expect(200);
    assert_eq!(found(&user, DIRECTORIES, "").await.len(), 1, "not shown any more");
    assert_eq!(found(&user, FILES, "").await, [folder.at("a.md")], "still listed");
    assert!(!not_reopened(&user, &file, 404, "recent_file_connection_removed").await);
}

#[tokio::test]
async fn a_server_that_is_away_costs_no_record() {
    let world = World::shared().await;
    let user = somebody(&world, "editor").await;
    let folder = world.folder("away");
    folder.write("a.md", "");
    let proxy = Proxy::start(world.samba_port()).expect("a relay");
    let mut draft = world.draft("by relay");
    draft["port"] = proxy.port().into();
    let relayed = world.connect(&user, draft).await;
    let file = opened(&user, &relayed, &folder.at("a.md")).await;
    proxy.cut();
    assert!(not_reopened(&user, &file, 503, "recent_file_validation_transient").await);
    visit(&user, &relayed, folder.path())
        .send()
        .await
        .refused(503, "The directory could not be verified because the connection is unavailable");
    open(&user, &relayed, &folder.at("a.md"))
        .send()
        .await
        .refused(503, "The file could not be verified because the connection is unavailable");
    proxy.restore();
    let back = world.until_answered(200, || target(&user, &file)).await;
    assert_eq!(back.json()["name"], "a.md");
}

#[tokio::test]
async fn histories_survive_a_crash() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let user = world.editor();
    let _ = visit(&user, "local-drive:c", "a/b").send().await.expect(200);
    let _ = open(&user, "local-drive:c", "a/b/c.md").send().await.expect(200);
    world.product_mut().kill().expect("killed");
    world.product_mut().start_again().expect("started");
    // Without the connections that were broken.
    let user = world.editor();
    assert_eq!(found(&user, DIRECTORIES, "").await, ["a/b"]);
    assert_eq!(found(&user, FILES, "").await, ["a/b/c.md"]);
}

#[tokio::test]
async fn administrators_say_what_is_kept() {
    // The policy is everybody's: in a world of its own.
    let world = World::start(WorldOptions::default()).await.expect("a world");
    let (admin, user) = (world.admin(), world.editor());
    let default = json!({
        "settings": {
            "retention_limit": 50, "result_limit": 10,
            "excluded_categories": ["images", "temporary_backup"], "excluded_extensions": [],
        },
        "source": "default",
    });
    assert_eq!(admin.get(POLICY).send().await.expect(200).json(), default);
    assert_eq!(
        admin.put(POLICY).json(json!({})).send().await.expect(200).json(),
        default,
        "nothing asked for"
    );
    user.get(POLICY).send().await.refused(403, "Not enough permissions");
    let change = json!({"settings": {"retention_limit": 3}});
    user.put(POLICY).json(change).send().await.refused(403, "Not enough permissions");

    let drive = "local-drive:c";
    for number in 0..20 {
        for user in [&admin, &user] {
            let _ = opened(user, drive, &format!("f{number:02}.txt")).await;
        }
    }
    let _ = visit(&user, drive, "directory").send().await.expect(200);
    assert_eq!(found(&user, FILES, "").await.len(), 10);
    let settings = json!({
        "retention_limit": 15, "result_limit": 12, "excluded_categories": [],
        "excluded_extensions": [" MP4", ".log", "", "mp4"],
    });
    let changed = admin.put(POLICY).json(json!({"settings": settings})).send().await.expect(200).json();
    assert_eq!(changed["source"], "database");
    assert_eq!(changed["settings"]["excluded_extensions"], json!([".mp4", ".log"]));
    assert_eq!(admin.get(POLICY).send().await.expect(200).json(), changed);
    assert_eq!(found(&user, FILES, "").await.len(), 12);
    for user in [&admin, &user] {
        assert_eq!(user.delete(FILES).send().await.expect(200).json(), json!({"deleted_count": 15}));
    }
    assert_eq!(found(&user, DIRECTORIES, "").await, ["directory"], "the policy is for files");
    let _ = opened(&user, drive, "photo.jpg").await;
    for left_out in ["film.MP4", "x.log"] {
        assert_eq!(open(&user, drive, left_out).send().await.expect(200).json(), Value::Null, "{left_out}");
    }

    let none = json!({"settings": {"retention_limit": 0}});
    let _ = admin.put(POLICY).json(none).send().await.expect(200);
    assert_eq!(open(&user, drive, "a.txt").send().await.expect(200).json(), Value::Null);
    let empty = user.get(FILES).send().await.expect(200).json();
    assert_eq!(empty, json!({"results": [], "result_limit": 10}));

    for wrong in [
        json!({"settings": {"retention_limit": 501}}),
        json!({"settings": {"retention_limit": -1}}),
        json!({"settings": {"result_limit": 0}}),
        json!({"settings": {"excluded_categories": ["videos"]}}),
        json!({"settings": {"excluded_extensions": ["*.tmp"]}}),
        json!({"settings": {}, "reset_to_default": true}),
    ] {
        let answer = admin.put(POLICY).json(wrong.clone()).send().await.expect(422).json();
        assert_eq!(answer["detail"][0]["loc"][0], "body", "{wrong}: {answer}");
    }
    let reset = admin.put(POLICY).json(json!({"reset_to_default": true})).send().await.expect(200).json();
    assert_eq!(reset, default);
}
