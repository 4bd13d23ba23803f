//! Programs that hand the file over, that are still at work, and that were killed: nothing is removed under them, and nothing
//! of what they leave.

use causeway_tests::{Folder, World};

use super::desk::{Desk, Exit, Waiting, until};

/// A program that ends at once and goes on in the background, until it is told to save.
fn handing_over(desk: &Desk, then: &str) -> Waiting {
    let background = desk.waiting_script("background", "", then);
    desk.has_a_desktop(&format!(r#"{} "$1" > /dev/null 2>&1 &"#, background.command));
    background
}

fn only(desk: &Desk) -> String {
    let sessions = desk.sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions.into_iter().next().unwrap_or_default()
}

fn plan(world: &World, topic: &str) -> (Desk, Folder) {
    let (desk, folder) = (Desk::of(world, world.editor()), world.folder(topic));
    folder.write("plan.txt", "the plan");
    (desk, folder)
}

#[tokio::test]
async fn what_a_killed_program_had_not_saved_is_not_removed() {
    let world = World::shared().await;
    for name in [".plan.txt.swp", "#plan.txt#"] {
        let (desk, folder) = plan(&world, "companion-program-killed");
        let path = folder.at("plan.txt");
        let killed = format!(r#"printf unsaved > "$(dirname "$1")/{name}"; kill -9 $$"#);
        let killed = desk.script("killed", &killed);
        let ended = desk.open(&path, &["--editor", &killed]).await;
        ended.is(Exit::Kept);
        assert!(ended.said.contains(name), "{}", ended.said);
        let session = only(&desk);
        desk.run(&["recover"]).await.is(Exit::Kept);
        desk.open(&path, &["--resume", &session]).await.is(Exit::Kept);
        desk.run(&["discard", &session]).await.is(Exit::Kept);
        assert_eq!(desk.kept(&session, name), b"unsaved");
        assert_eq!(folder.read("plan.txt"), b"the plan");

        // The program itself makes it good.
        let recovering = format!(r#"cd "$(dirname "$1")"; mv '{name}' "$1""#);
        let recovering = desk.script("recovering", &recovering);
        desk.open(&path, &["--resume", &session, "--editor", &recovering]).await.is(Exit::Done);
        assert_eq!(folder.read("plan.txt"), b"unsaved");
        assert!(desk.sessions().is_empty());
    }
}

#[tokio::test]
async fn what_is_left_after_all_were_killed_is_not_removed() {
    let world = World::shared().await;
    for name in [".plan.txt.swp", "#plan.txt#"] {
        let (desk, folder) = plan(&world, "companion-all-killed");
        let first = format!(r#"printf unsaved > "$(dirname "$1")/{name}""#);
        let slow = desk.waiting_script("slow", &first, "kill -9 $$");
        let editing = desk.begin(&folder.at("plan.txt"), &["--editor", &slow.command]).await;
        slow.until_at_work().await;
        editing.kill().await;
        slow.go_on();
        let session = only(&desk);
        until_nobody_has_it(&desk).await;
        desk.run(&["recover"]).await.is(Exit::Kept);
        // After a reboot nobody has it open any more.
        desk.change_state(&session, |state| {
            state["phase"] = serde_json::json!({"at": "editing"});
            state["boot"] = "another".into();
        });
        desk.run(&["recover"]).await.is(Exit::Kept);
        assert_eq!(desk.kept(&session, name), b"unsaved");
    }
}

async fn until_nobody_has_it(desk: &Desk) {
    for _ in 0..200 {
        if !desk.run(&["sessions"]).await.said.contains("open in a program") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the program does not end");
}

#[tokio::test]
async fn nothing_is_taken_away_under_a_program_that_has_it_open() {
    let world = World::shared().await;
    let (desk, folder) = plan(&world, "companion-open-mark");
    let path = folder.at("plan.txt");
    desk.has_a_desktop("exit 0");
    let editing = desk.begin(&path, &["--ask"]).await;
    let session = desk.until_session().await;
    desk.until_remembered(&session, "it is open", |state| state["handed_over"] == true).await;
    desk.until_file(&session, "plan.txt").await;
    editing.kill().await;
    for content in ["the plan", "mine"] {
        desk.overwrite(&session, "plan.txt", content);
        desk.overwrite(&session, ".~lock.plan.txt#", "Ann");
        for command in [&["recover"][..], &["discard", &session]] {
            let refused = desk.run(command).await;
            refused.is(Exit::Kept);
            assert!(refused.said.contains(".~lock.plan.txt#") || command[0] == "discard", "{}", refused.said);
        }
        desk.open(&path, &["--resume", &session]).await.is(Exit::Kept);
        assert_eq!(desk.kept(&session, "plan.txt"), content.as_bytes());
        assert_eq!(folder.read("plan.txt"), b"the plan");
        desk.remove(&session, ".~lock.plan.txt#");
    }
    // It has closed the file.
    desk.run(&["recover"]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
}

#[tokio::test]
async fn what_the_desktop_opened_may_be_open_without_a_mark() {
    let world = World::shared().await;
    let (desk, folder) = plan(&world, "companion-no-mark");
    let path = folder.at("plan.txt");
    let background = handing_over(&desk, r#"printf late > "$1""#);
    let editing = desk.begin(&path, &["--ask"]).await;
    background.until_at_work().await;
    let session = desk.until_session().await;
    editing.kill().await;
    desk.run(&["recover"]).await.is(Exit::Kept);
    background.go_on();
    until("the program saves", || desk.kept(&session, "plan.txt") == b"late").await;
    // It is saved, and its copy stays: the program may save once more.
    desk.run(&["recover"]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"late");
    assert_eq!(desk.kept(&session, "plan.txt"), b"late");
    desk.run(&["discard", &session, "--yes"]).await.is(Exit::Done);

    // After a reboot it is not.
    let editing = desk.begin(&path, &["--wait"]).await;
    let session = desk.until_session().await;
    desk.until_remembered(&session, "it is open", |state| state["handed_over"] == true).await;
    editing.kill().await;
    desk.change_state(&session, |state| state["boot"] = "another".into());
    desk.run(&["recover"]).await.is(Exit::Done);
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn a_program_that_only_hands_over_does_not_end_the_edit() {
    let world = World::shared().await;
    let (desk, folder) = plan(&world, "companion-hands-over");
    let path = folder.at("plan.txt");
    let background = handing_over(&desk, r#"printf mine > "$1""#);
    let ended = desk.open(&path, &["--until-exit"]).await;
    ended.is(Exit::Kept);
    let session = only(&desk);
    background.until_at_work().await;
    background.go_on();
    until("the program saves", || desk.kept(&session, "plan.txt") == b"mine").await;
    desk.open(&path, &["--resume", &session]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");

    // One that takes longer to hand over, and says so by a mark.
    let late = desk.script("late", r#": > "$(dirname "$1")/.~lock.plan.txt#"; sleep 3.2"#);
    desk.open(&path, &["--editor", &late]).await.is(Exit::Kept);
    let session = only(&desk);
    assert!(desk.has(&session, "plan.txt"));
    desk.run(&["discard", &session, "--yes"]).await.is(Exit::Done);

    // Somebody who is there says when he is done.
    let background = handing_over(&desk, r#"printf 'mine again' > "$1"; touch "$DESK/saved""#);
    desk.forget("background.at-work");
    desk.forget("background.go");
    let mut editing = desk.begin(&path, &["--ask"]).await;
    background.until_at_work().await;
    background.go_on();
    until("the program saves", || desk.has_left("saved")).await;
    editing.answer("\n").await;
    editing.ended().await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine again");
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn the_desktops_program_opens_blocks_and_fails() {
    let world = World::shared().await;
    let (desk, folder) = plan(&world, "companion-desktop");
    let path = folder.at("plan.txt");
    desk.has_a_desktop(r#"sleep 0.3; printf mine > "$1""#);
    desk.open(&path, &[]).await.is(Exit::Failed);
    desk.open(&path, &["--until-exit"]).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
    desk.has_a_desktop("sleep 3.2");
    desk.open(&path, &["--until-exit"]).await.is(Exit::Unchanged);
    desk.has_a_desktop("exit 3");
    let failed = desk.open(&path, &["--until-exit"]).await;
    failed.is(Exit::Failed);
    assert!(failed.said.contains("--editor"), "{}", failed.said);
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn the_end_of_the_input_is_no_end_of_a_program() {
    let world = World::shared().await;
    let (desk, folder) = plan(&world, "companion-input-ends");
    desk.has_a_desktop(r#": > "$(dirname "$1")/.~lock.plan.txt#""#);
    desk.open_and_answer(&folder.at("plan.txt"), &["--ask"], "").await.is(Exit::Kept);
    let session = only(&desk);
    assert!(desk.has(&session, "plan.txt"));
    // Nor is `--yes` an answer to the question whether it is.
    desk.run(&["discard", &session, "--yes"]).await.is(Exit::Done);
    desk.open_and_answer(&folder.at("plan.txt"), &["--ask", "--yes"], "\n\n").await.is(Exit::Kept);
    // Somebody who says so knows better.
    desk.run(&["discard", &only(&desk), "--yes"]).await.is(Exit::Done);
    desk.open_and_answer(&folder.at("plan.txt"), &["--ask"], "\n\ny\n").await.is(Exit::Unchanged);
    assert!(desk.sessions().is_empty());
}
