//! What a network does to an edit, and what stands in it.

use causeway_tests::{Folder, Pattern, World};

use super::desk::{Desk, Exit, until};
use super::gateway::{Fault, Gateway};

fn far_away(world: &World, topic: &str) -> (Gateway, Desk, Folder) {
    let gateway = Gateway::to(world.editor().address());
    let desk = Desk::of(world, world.editor()).by_way_of(gateway.address());
    let folder = world.folder(topic);
    folder.write("plan.txt", "the plan");
    (gateway, desk, folder)
}

#[tokio::test]
async fn requests_and_answers_that_are_cut_are_made_good() {
    let world = World::shared().await;
    let (gateway, desk, folder) = far_away(&world, "companion-cut");
    let pattern = Pattern::new(47);
    folder.write("large.bin", pattern.bytes(0, 5_000_000));
    let appending = desk.script("append", r#"printf 'and more' >> "$1""#);
    gateway.does(Fault::AnswerCut, 1, "GET download");
    gateway.does(Fault::RequestCut, 1, "POST upload");
    gateway.does(Fault::AnswerLost, 1, "POST upload");
    gateway.does(Fault::AnswerLost, 1, "DELETE lock");
    desk.open(&folder.at("large.bin"), &["--editor", &appending]).await.is(Exit::Done);
    let now = folder.read("large.bin");
    assert!(
        now.len() == 5_000_008 && now.ends_with(b"and more") && now.starts_with(&pattern.bytes(0, 5_000_000))
    );
    assert_eq!(folder.names(""), ["large.bin", "plan.txt"], "one version");
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn a_copy_without_an_answer_is_not_made_twice() {
    let world = World::shared().await;
    let (gateway, desk, folder) = far_away(&world, "companion-copy-lost");
    gateway.does(Fault::AnswerLost, 1, "POST upload");
    let slow = desk.waiting_script("slow", "", r#"printf mine > "$1""#);
    let options = ["--editor", &slow.command, "--on-conflict", "copy"];
    let editing = desk.begin(&folder.at("plan.txt"), &options).await;
    slow.until_at_work().await;
    folder.write("plan.txt.next", "THE PLAN");
    std::fs::rename(folder.on_disk("plan.txt.next"), folder.on_disk("plan.txt")).expect("renamed");
    slow.go_on();
    let ended = editing.ended().await;
    ended.is(Exit::Kept);
    assert!(ended.said.contains("already, or not"), "{}", ended.said);
    assert_eq!(folder.names("").len(), 2, "one copy: {:?}", folder.names(""));
    assert_eq!(desk.kept(&desk.sessions().remove(0), "plan.txt"), b"mine");
}

#[tokio::test]
async fn a_full_share_is_no_server_that_is_away() {
    let world = World::shared().await;
    let (gateway, desk, folder) = far_away(&world, "companion-no-room");
    let full = "HTTP/1.1 507 Insufficient Storage\r\ncontent-type: application/json\r\ncontent-length: 31\r\n\r\n\
                {\"detail\": \"The share is full\"}";
    gateway.does(Fault::Instead(full), 1, "POST upload");
    let editor = desk.script("editor", r#"printf mine > "$1""#);
    let ended = desk.open(&folder.at("plan.txt"), &["--editor", &editor]).await;
    ended.is(Exit::Kept);
    assert!(ended.said.contains("The share is full; it can be saved after"), "{}", ended.said);
    let session = desk.sessions().remove(0);
    desk.open(&folder.at("plan.txt"), &["--resume", &session]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
}

#[tokio::test]
async fn a_save_while_the_lock_is_given_back_is_not_lost() {
    let world = World::shared().await;
    for (first, exit) in [("mine", "saved"), ("the plan", "not changed")] {
        let (gateway, desk, folder) = far_away(&world, "companion-release");
        gateway.does(Fault::HeldUp, 1, "DELETE lock");
        let mut editing = desk.begin(&folder.at("plan.txt"), &["--wait"]).await;
        let session = desk.until_session().await;
        desk.until_remembered(&session, "it is open", |state| state["handed_over"] == true).await;
        desk.overwrite(&session, "plan.txt", first);
        editing.answer("\n").await;
        until("the lock is given back", || gateway.holds()).await;
        desk.overwrite(&session, "plan.txt", "later");
        gateway.let_go();
        let ended = editing.ended().await;
        ended.is(Exit::Kept);
        assert!(ended.said.contains(exit), "{}", ended.said);
        assert_eq!(folder.read("plan.txt"), first.as_bytes());
        assert_eq!(desk.kept(&session, "plan.txt"), b"later");
        desk.open(&folder.at("plan.txt"), &["--resume", &session]).await.is(Exit::Done);
        assert_eq!(folder.read("plan.txt"), b"later");
    }
}

#[tokio::test]
async fn a_proxy_that_wants_a_sign_in_is_told_from_the_server() {
    let world = World::shared().await;
    let (gateway, desk, folder) = far_away(&world, "companion-proxy");
    let elsewhere = "HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/sign-in\r\ncontent-length: 0\r\n\r\n";
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<h1>Hi!</h1>\n";
    for (answer, request) in [
        (elsewhere, "POST token"),
        (page, "POST token"),
        (page, "GET file-info"),
        (elsewhere, "POST lock"),
        (page, "GET download"),
    ] {
        gateway.does(Fault::Instead(answer), 1, request);
        let refused = desk.open(&folder.at("plan.txt"), &["--editor", "true"]).await;
        refused.is(Exit::Refused);
        assert!(refused.said.contains("sign in"), "{request}: {}", refused.said);
        assert!(desk.sessions().is_empty());
    }
    // In the end: what was edited stays.
    gateway.does(Fault::Instead(page), 1, "POST upload");
    let editor = desk.script("editor", r#"printf mine > "$1""#);
    desk.open(&folder.at("plan.txt"), &["--editor", &editor]).await.is(Exit::Kept);
    assert_eq!(desk.kept(&desk.sessions().remove(0), "plan.txt"), b"mine");
    assert_eq!(folder.read("plan.txt"), b"the plan");
}

#[tokio::test]
async fn what_was_decided_before_a_kill_still_holds() {
    let world = World::shared().await;
    for (answers, exit, told) in
        [("d\ny\n", Exit::Done, "thrown away"), ("c\n", Exit::SavedAsCopy, "(conflict copy, ")]
    {
        let (gateway, desk, folder) = far_away(&world, "companion-decided");
        gateway.does(Fault::HeldUp, 1, "DELETE lock");
        let slow = desk.waiting_script("slow", "", r#"printf mine > "$1""#);
        let mut editing = desk.begin(&folder.at("plan.txt"), &["--editor", &slow.command, "--ask"]).await;
        slow.until_at_work().await;
        folder.write("plan.txt.next", "THEIR PLAN");
        std::fs::rename(folder.on_disk("plan.txt.next"), folder.on_disk("plan.txt")).expect("renamed");
        slow.go_on();
        editing.answer(answers).await;
        until("the lock is given back", || gateway.holds()).await;
        editing.kill().await;
        gateway.let_go();
        let files = folder.names("");
        let recovered = desk.run(&["recover"]).await;
        recovered.is(exit);
        assert!(recovered.said.contains(told), "{}", recovered.said);
        assert_eq!(folder.read("plan.txt"), b"THEIR PLAN");
        assert_eq!(folder.names(""), files, "nothing is sent once more");
        assert!(desk.sessions().is_empty());
    }
}
