//! Kills, restarts, and a server that is away: what comes afterwards finds the work.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_tests::{Folder, World, WorldOptions};
use causeway_tokens::TokenKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::desk::{Desk, Exit};

/// An edit of `plan.txt` that was killed after the program had saved; its session.
async fn killed(desk: &Desk, folder: &Folder) -> String {
    folder.write("plan.txt", "the plan");
    let slow = desk.waiting_script("slow", r#"printf mine > "$1""#, "");
    let editing = desk.begin(&folder.at("plan.txt"), &["--editor", &slow.command]).await;
    slow.until_at_work().await;
    let session = desk.until_session().await;
    desk.until_remembered(&session, "the program", |state| !state["editor"].is_null()).await;
    editing.kill().await;
    // The program does not know of it.
    let busy = desk.run(&["recover"]).await;
    busy.is(Exit::Kept);
    assert!(busy.said.contains("still open in the program"), "{}", busy.said);
    slow.go_on();
    let mut ended = false;
    for _ in 0..600 {
        ended = !desk.run(&["sessions"]).await.said.contains("open in a program");
        if ended {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ended, "the program ends");
    session
}

/// Gives the operation token of a session that many seconds to live.
fn shorten(world: &World, desk: &Desk, session: &str, seconds: i64) {
    desk.change_state(session, |state| {
        let token = state["operation"]["token"].as_str().expect("a token");
        let claims = token.split('.').nth(1).expect("claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let mut claims: Value = serde_json::from_slice(&claims).expect("JSON");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        claims["exp"] = json!(i64::try_from(now).expect("a time") + seconds);
        // The key installs what it signs with.
        let secret = world.product().token_secret();
        let _ = TokenKey::new(secret);
        let key = EncodingKey::from_secret(secret.as_bytes());
        let shorter = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token");
        state["operation"]["token"] = json!(shorter);
    });
}

#[tokio::test]
async fn what_a_kill_left_behind_is_recovered() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-killed"));
    let session = killed(&desk, &folder).await;
    assert_eq!(folder.read("plan.txt"), b"the plan");
    assert!(desk.run(&["sessions"]).await.said.contains("interrupted while it was edited"));
    desk.run(&["recover", &session]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
    assert!(desk.sessions().is_empty());
    assert!(!desk.is_locked(&folder.at("plan.txt")).await);
    desk.run(&["recover"]).await.is(Exit::Done);
}

#[tokio::test]
async fn who_is_stopped_by_a_signal_can_go_on() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-stopped"));
    folder.write("plan.txt", "the plan");
    let editing = desk.begin(&folder.at("plan.txt"), &["--wait"]).await;
    let session = desk.until_session().await;
    desk.until_file(&session, "plan.txt").await;
    desk.overwrite(&session, "plan.txt", "mine");
    let stopped = editing.terminate().await;
    stopped.is(Exit::Kept);
    assert!(stopped.said.contains("recover"), "{}", stopped.said);
    desk.run(&["recover"]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
}

#[tokio::test]
async fn an_upload_whose_answer_was_lost_is_no_conflict() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-answer-lost"));
    let session = killed(&desk, &folder).await;
    // What a kill between the server's save and its answer leaves behind.
    folder.write("plan.txt", "mine");
    desk.run(&["recover", &session]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
    assert_eq!(folder.names(""), ["plan.txt"]);
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn what_somebody_saved_before_the_recovery_is_a_conflict() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-late"));
    let session = killed(&desk, &folder).await;
    folder.write("plan.txt", "his!");
    desk.run(&["recover", &session]).await.is(Exit::Kept);
    assert_eq!(folder.read("plan.txt"), b"his!");
    assert_eq!(desk.kept(&session, "plan.txt"), b"mine");
}

#[tokio::test]
async fn a_token_in_its_last_minutes_is_renewed() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-renewal"));
    let session = killed(&desk, &folder).await;
    shorten(&world, &desk, &session, 60);
    let recovered = desk.run(&["--verbose", "recover", &session]).await;
    recovered.is(Exit::Done);
    assert!(recovered.said.contains("the operation token is renewed"), "{}", recovered.said);
    assert_eq!(folder.read("plan.txt"), b"mine");
}

#[tokio::test]
async fn after_the_token_has_expired_a_fresh_link_saves_the_work() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-expired"));
    let session = killed(&desk, &folder).await;
    shorten(&world, &desk, &session, -10);
    let expired = desk.run(&["recover"]).await;
    expired.is(Exit::Kept);
    assert!(expired.said.contains(&format!("open --resume {session}")), "{}", expired.said);
    assert_eq!(desk.kept(&session, "plan.txt"), b"mine");

    // Not by a link to another file.
    folder.write("other.txt", "another");
    desk.open(&folder.at("other.txt"), &["--resume", &session]).await.is(Exit::BadLink);
    desk.open(&folder.at("plan.txt"), &["--resume", &session]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
    assert_eq!(folder.read("other.txt"), b"another");
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn a_server_that_is_away_during_the_save_loses_nothing() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("away");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let path = folder.at("plan.txt");

    // Nobody has patience.
    let slow = desk.waiting_script("slow", "", r#"printf mine > "$1""#);
    let options = ["--editor", &slow.command, "--heartbeat", "1", "--patience", "0"];
    let editing = desk.begin(&path, &options).await;
    slow.until_at_work().await;
    world.product_mut().kill().expect("killed");
    slow.go_on();
    let ended = editing.ended().await;
    ended.is(Exit::Unreachable);
    assert!(ended.said.contains("recover"), "{}", ended.said);
    desk.run(&["recover"]).await.is(Exit::Unreachable);
    world.product_mut().start_again().expect("a second start");
    desk.run(&["recover"]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
    assert!(desk.sessions().is_empty());

    // Somebody has.
    let slow = desk.waiting_script("patient", "", r#"printf 'mine again' > "$1""#);
    let editing = desk.begin(&path, &["--editor", &slow.command, "--heartbeat", "1"]).await;
    slow.until_at_work().await;
    world.product_mut().kill().expect("killed");
    slow.go_on();
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.product_mut().start_again().expect("a third start");
    editing.ended().await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine again");
    assert!(desk.sessions().is_empty());

    // It is away before there is anything to lose.
    let link = desk.link(&path).await;
    world.product_mut().kill().expect("killed");
    desk.run(&["open", &link, "--editor", "true"]).await.is(Exit::Unreachable);
    assert!(desk.sessions().is_empty());
}
