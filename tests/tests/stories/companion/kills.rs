//! A kill, or a disk that is full, at every write of the state: the file on the server or the session holds the work.

use causeway_tests::{Folder, World, WorldOptions};

use super::desk::{Desk, Exit, until};

/// The variable by which the companion is told where to fail.
const FAULT: &str = "CAUSEWAY_COMPANION_FAULT";

/// More writes of the state than an edit has.
const WRITES: usize = 12;

/// An edit to `mine` that fails at that point. Whether the program got as far as saving, and the desk without faults.
async fn failed_at(world: &World, folder: &Folder, fault: &str) -> (bool, Desk) {
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(world, world.editor()).with_environment(FAULT, fault);
    let editor =
        desk.script("editor", r#"touch "$DESK/begun"; sleep 0.3; printf mine > "$1"; touch "$DESK/saved""#);
    let _ = desk.open(&folder.at("plan.txt"), &["--editor", &editor]).await;
    let desk = desk.without_environment(FAULT);
    // A program outlives the companion. One that was started just then may not have come to its first line.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let begun = desk.has_left("begun");
    if begun {
        until("the program saves", || desk.has_left("saved")).await;
    }
    (begun, desk)
}

#[track_caller]
fn work_is_somewhere(desk: &Desk, folder: &Folder, fault: &str) {
    let on_server = folder.read("plan.txt") == b"mine";
    let here =
        desk.sessions().iter().any(|id| desk.has(id, "plan.txt") && desk.kept(id, "plan.txt") == b"mine");
    assert!(on_server || here, "{fault}: the work is gone");
}

#[tokio::test]
async fn a_kill_at_any_write_loses_nothing() {
    let world = World::shared().await;
    let folder = world.folder("companion-kill-points");
    for when in ["before", "after"] {
        let mut kills = 0;
        for write in 1..=WRITES {
            let fault = format!("killed-{when}:{write}");
            let (edited, desk) = failed_at(&world, &folder, &fault).await;
            kills += usize::from(!desk.sessions().is_empty());
            if edited {
                work_is_somewhere(&desk, &folder, &fault);
            }
            desk.run(&["recover"]).await;
            if edited {
                work_is_somewhere(&desk, &folder, &fault);
                assert_eq!(folder.read("plan.txt"), b"mine", "{fault}: it can be recovered");
            }
            desk.force_unlock(&folder.at("plan.txt")).await;
        }
        assert!(kills > 4, "the points are there: {kills}");
    }
}

#[tokio::test]
async fn a_full_disk_at_any_write_loses_nothing() {
    let world = World::shared().await;
    let folder = world.folder("companion-full-points");
    for write in 1..=WRITES {
        let fault = format!("full-from:{write}");
        let (edited, desk) = failed_at(&world, &folder, &fault).await;
        if edited {
            work_is_somewhere(&desk, &folder, &fault);
            desk.run(&["recover"]).await;
            work_is_somewhere(&desk, &folder, &fault);
        } else {
            assert_eq!(folder.read("plan.txt"), b"the plan", "{fault}");
        }
        desk.force_unlock(&folder.at("plan.txt")).await;
    }
}

#[tokio::test]
async fn who_edits_on_after_a_save_without_an_answer_is_no_stranger_to_himself() {
    let world = World::shared().await;
    for then in ["mine, and more", "the plan"] {
        let folder = world.folder("companion-edits-on");
        // The write that follows the answer.
        let mut found = false;
        for write in 5..=WRITES {
            let (_, desk) = failed_at(&world, &folder, &format!("killed-before:{write}")).await;
            let Some(session) = desk.sessions().first().cloned() else { continue };
            found = desk.state(&session)["phase"]["at"] == "saving" && folder.read("plan.txt") == b"mine";
            if found {
                desk.overwrite(&session, "plan.txt", then);
                desk.run(&["recover"]).await.is(Exit::Done);
                assert_eq!(String::from_utf8_lossy(&folder.read("plan.txt")), then);
                assert!(desk.sessions().is_empty());
                break;
            }
            desk.force_unlock(&folder.at("plan.txt")).await;
        }
        assert!(found, "there is such a point");
    }
}

#[tokio::test]
async fn what_a_power_failure_made_of_a_file_does_not_replace_it() {
    let world = World::shared().await;
    for left in ["", "\0\0\0\0"] {
        let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-power"));
        folder.write("plan.txt", "the plan");
        let editing = desk.begin(&folder.at("plan.txt"), &["--wait"]).await;
        let session = desk.until_session().await;
        desk.until_remembered(&session, "it is open", |state| state["handed_over"] == true).await;
        editing.kill().await;
        desk.overwrite(&session, "plan.txt", left);
        desk.change_state(&session, |state| state["boot"] = "another".into());
        desk.run(&["recover"]).await.is(Exit::Kept);
        assert_eq!(folder.read("plan.txt"), b"the plan");
        assert_eq!(desk.sessions(), [session]);
    }
}

#[tokio::test]
async fn who_slept_longer_than_his_lock_lives_overwrites_nobody() {
    let mut options = WorldOptions::default();
    options.product.environment.push(("CAUSEWAY_LOCK_SECONDS".to_owned(), "6".to_owned()));
    let world = World::start(options).await.expect("a world");
    let folder = world.folder("slept");
    folder.write("plan.txt", "the plan");
    let path = folder.at("plan.txt");
    let (desk, other) = (Desk::of(&world, world.editor()), Desk::of(&world, world.admin()));
    let slow = desk.waiting_script("slow", "", r#"printf mine > "$1""#);
    let editing = desk.begin(&path, &["--editor", &slow.command, "--heartbeat", "1"]).await;
    slow.until_at_work().await;
    editing.signal("STOP");
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    let theirs = other.script("theirs", r#"printf theirs > "$1""#);
    other.open(&path, &["--editor", &theirs, "--heartbeat", "1"]).await.is(Exit::Done);
    editing.signal("CONT");
    slow.go_on();
    editing.ended().await.is(Exit::Kept);
    assert_eq!(folder.read("plan.txt"), b"theirs");
    let session = desk.sessions().remove(0);
    assert_eq!(desk.kept(&session, "plan.txt"), b"mine");
    // It is a conflict, and not a loss.
    desk.open(&path, &["--resume", &session]).await.is(Exit::Kept);
    desk.open(&path, &["--resume", &session, "--on-conflict", "copy"]).await.is(Exit::SavedAsCopy);
    assert_eq!(folder.read("plan.txt"), b"theirs");
}

/// Sessions of so many files `N.txt`, whose work was not saved.
async fn interrupted(desk: &Desk, folder: &Folder, count: usize) {
    for number in 0..count {
        let name = format!("{number}.txt");
        folder.write(&name, "the plan");
        let before = desk.sessions();
        let editing = desk.begin(&folder.at(&name), &["--wait"]).await;
        until("there is one more session", || desk.sessions().len() > before.len()).await;
        let session = desk.sessions().into_iter().find(|session| !before.contains(session));
        let session = session.unwrap_or_default();
        desk.until_remembered(&session, "it is open", |state| state["handed_over"] == true).await;
        editing.kill().await;
        desk.overwrite(&session, &name, "mine");
        desk.change_state(&session, |state| state["boot"] = "another".into());
    }
}

#[tokio::test]
async fn while_one_edit_is_asked_about_the_others_keep_their_locks() {
    let mut options = WorldOptions::default();
    options.product.environment.push(("CAUSEWAY_LOCK_SECONDS".to_owned(), "15".to_owned()));
    let world = World::start(options).await.expect("a world");
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("queued"));
    interrupted(&desk, &folder, 2).await;
    let mut recovering = desk.start(&["--verbose", "recover", "--ask", "--heartbeat", "1"]);
    // Longer than a lock lives; the person has gone for a coffee.
    tokio::time::sleep(std::time::Duration::from_secs(18)).await;
    recovering.answer("s\ns\n").await;
    recovering.ended().await.is(Exit::Done);
    assert_eq!(folder.read("0.txt"), b"mine");
    assert_eq!(folder.read("1.txt"), b"mine");
}

#[tokio::test]
async fn who_is_asked_and_does_not_answer_has_not_said_that_it_is_to_be_saved() {
    let world = World::shared().await;
    for answers in ["", "x\nx\nx\nx\nx\n"] {
        let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-no-answer"));
        interrupted(&desk, &folder, 1).await;
        let mut recovering = desk.start(&["recover", "--ask"]);
        recovering.answer(answers).await;
        recovering.end_input();
        recovering.ended().await.is(Exit::Kept);
        assert_eq!(folder.read("0.txt"), b"the plan");
        assert_eq!(desk.kept(&desk.sessions().remove(0), "0.txt"), b"mine");
    }
}

#[tokio::test]
async fn each_earlier_edit_of_a_file_is_offered() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-earlier"));
    folder.write("plan.txt", "the plan");
    let path = folder.at("plan.txt");
    for content in ["first", "second"] {
        let failing = desk.script(content, &format!(r#"printf {content} > "$1"; exit 3"#));
        desk.open(&path, &["--editor", &failing]).await.is(Exit::Kept);
        // They are told apart by the second in which they began.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    desk.open_and_answer(&path, &["--ask"], "f\ng\n").await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"first");
    assert_eq!(desk.kept(&desk.sessions().remove(0), "plan.txt"), b"second");
}
