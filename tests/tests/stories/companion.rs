//! People who edit with programs of their desktop: the companion against the product, from the link to the save, and what
//! is left of their work when something goes wrong on the way.

mod conflicts;
mod desk;
mod gateway;
mod interruptions;
mod kills;
mod links;
mod network;
mod programs;

use causeway_tests::World;

use desk::{Desk, Exit, LOOKING};

#[tokio::test]
async fn who_changes_nothing_leaves_nothing_behind() {
    let world = World::shared().await;
    let folder = world.folder("companion-unchanged");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let looking = desk.script("look", r#"cat "$1" > "$DESK/seen"; touch "$1"; sleep 3.2"#);
    let ended = desk.open(&folder.at("plan.txt"), &["--editor", &looking]).await;
    ended.is(Exit::Unchanged);
    assert_eq!(desk.read("seen"), b"the plan");
    assert_eq!(folder.read("plan.txt"), b"the plan");
    assert!(!desk.is_locked(&folder.at("plan.txt")).await);
    assert!(desk.sessions().is_empty(), "{:?}", desk.sessions());
    assert_eq!(folder.names(""), ["plan.txt"]);
}

#[tokio::test]
async fn what_was_changed_is_saved_however_the_program_saves() {
    let world = World::shared().await;
    let folder = world.folder("companion-saved");
    let desk = Desk::of(&world, world.editor());
    let name = "Plan für 2027 (it's “new”) $HOME & 漢字.txt";
    let ways = [
        ("in-place", r#"printf 'changed by writing' > "$1""#, "changed by writing"),
        ("renaming", r#"printf 'changed by renaming' > "$1.new"; mv "$1.new" "$1""#, "changed by renaming"),
        ("anew", r#"rm "$1"; sleep 0.3; printf 'made anew' > "$1""#, "made anew"),
        ("empty", r#": > "$1""#, ""),
    ];
    for (way, script, content) in ways {
        folder.write(name, "old");
        let editor = desk.script(way, script);
        desk.open(&folder.at(name), &["--editor", &editor]).await.is(Exit::Done);
        assert_eq!(String::from_utf8_lossy(&folder.read(name)), content, "{way}");
        assert!(!desk.is_locked(&folder.at(name)).await, "{way}");
        assert!(desk.sessions().is_empty(), "{way}: {:?}", desk.sessions());
    }
    assert_eq!(folder.names(""), [name], "no temporary files");
}

#[tokio::test]
async fn a_large_file_goes_down_and_up_whole() {
    let world = World::shared().await;
    let folder = world.folder("companion-large");
    let pattern = causeway_tests::Pattern::new(41);
    folder.write("large.bin", pattern.bytes(0, 60_000_000));
    let desk = Desk::of(&world, world.editor());
    let appending = desk.script("append", r#"printf 'and more' >> "$1""#);
    // More than 50 MB are asked about; nobody can be asked here.
    desk.open(&folder.at("large.bin"), &["--editor", &appending]).await.is(Exit::Discarded);
    desk.open(&folder.at("large.bin"), &["--editor", &appending, "--yes"]).await.is(Exit::Done);
    let now = folder.read("large.bin");
    assert_eq!(now.len(), 60_000_008);
    assert!(now.ends_with(b"and more") && now[..60_000_000] == *pattern.bytes(0, 60_000_000));
}

#[tokio::test]
async fn while_somebody_edits_the_file_is_locked_for_all_others() {
    let world = World::shared().await;
    let folder = world.folder("companion-locked");
    folder.write("plan.txt", "the plan");
    let path = folder.at("plan.txt");
    let (editors_desk, admins_desk) = (Desk::of(&world, world.editor()), Desk::of(&world, world.admin()));
    let slow = editors_desk.waiting_script("slow", "", r#"printf changed > "$1""#);
    let editing = editors_desk.begin(&path, &["--editor", &slow.command, "--heartbeat", "1"]).await;
    slow.until_at_work().await;
    assert!(editors_desk.is_locked(&path).await);

    // Nobody else edits it, and the same person does not edit it twice on one computer.
    let ended = admins_desk.open(&path, &["--editor", "true"]).await;
    ended.is(Exit::LockRefused);
    assert!(ended.said.contains("editor"), "who has it is told: {}", ended.said);
    assert!(admins_desk.sessions().is_empty());
    editors_desk.open(&path, &["--editor", "true"]).await.is(Exit::Busy);
    let recovered = editors_desk.run(&["recover"]).await;
    recovered.is(Exit::Done);
    assert!(recovered.said.contains("is being edited"), "{}", recovered.said);

    slow.go_on();
    editing.ended().await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"changed");
    admins_desk.open(&path, &["--editor", LOOKING]).await.is(Exit::Unchanged);
}

#[tokio::test]
async fn nothing_secret_is_in_what_the_program_sees_or_in_what_is_logged() {
    let world = World::shared().await;
    let folder = world.folder("companion-secrets");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let nosy = desk.script(
        "nosy",
        r#"{ env; tr '\0' '\n' < /proc/$$/cmdline; cat "$1"; } > "$DESK/seen"
           stat -c %a "$1" "$(dirname "$1")" "$(dirname "$1")/.." "$(dirname "$1")/../state.json" > "$DESK/modes"
           cp "$(dirname "$1")/../state.json" "$DESK/remembered"
           printf changed > "$1""#,
    );
    let ended = desk.open(&folder.at("plan.txt"), &["--verbose", "--editor", &nosy]).await;
    ended.is(Exit::Done);
    assert_eq!(String::from_utf8_lossy(&desk.read("modes")), "600\n700\n700\n600\n");
    let state: serde_json::Value = serde_json::from_slice(&desk.read("remembered")).expect("a state");
    let seen = String::from_utf8_lossy(&desk.read("seen")).into_owned();
    for secret in ["token", "lock_capability"] {
        let secret = state["operation"][secret].as_str().expect("a secret");
        assert!(!seen.contains(secret), "the program sees {secret}");
        assert!(!ended.said.contains(secret), "the log has {secret}");
    }
    assert!(ended.said.contains("heartbeat") || ended.said.contains("answered"), "a log: {}", ended.said);
}

#[tokio::test]
async fn what_was_saved_under_another_name_is_not_removed() {
    let world = World::shared().await;
    let folder = world.folder("companion-save-as");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let elsewhere = desk.script(
        "elsewhere",
        r#"cd "$(dirname "$1")"
           for name in plan.odt '#1 plan.odt' .env x.tmp; do printf precious > "$name"; done
           : > "$1~"; sleep 3.2"#,
    );
    let ended = desk.open(&folder.at("plan.txt"), &["--editor", &elsewhere]).await;
    ended.is(Exit::Unchanged);
    let [session] = &desk.sessions()[..] else { panic!("one session: {:?}", desk.sessions()) };
    for name in ["plan.odt", "#1 plan.odt", ".env", "x.tmp"] {
        assert!(ended.said.contains(name), "{}", ended.said);
        assert_eq!(desk.kept(session, name), b"precious");
    }
    desk.run(&["discard", session]).await.is(Exit::Kept);
    desk.run(&["discard", session, "--yes"]).await.is(Exit::Done);
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn a_program_that_fails_does_not_have_its_result_saved_unasked() {
    let world = World::shared().await;
    let folder = world.folder("companion-failed");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let failing = desk.script("failing", r#"printf half > "$1"; exit 3"#);
    desk.open(&folder.at("plan.txt"), &["--editor", &failing]).await.is(Exit::Kept);
    assert_eq!(folder.read("plan.txt"), b"the plan");
    let [session] = &desk.sessions()[..] else { panic!("one session: {:?}", desk.sessions()) };
    assert_eq!(desk.kept(session, "plan.txt"), b"half");
    desk.open(&folder.at("plan.txt"), &["--editor", "there-is-no-such-program"]).await.is(Exit::Failed);

    // Somebody who is there is asked.
    let asked = ["--editor", &failing, "--ask"];
    let answers = "f\ns\n";
    desk.open_and_answer(&folder.at("plan.txt"), &asked, answers).await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"half");
}

#[tokio::test]
async fn by_hand_the_person_says_when_he_is_done() {
    let world = World::shared().await;
    let folder = world.folder("companion-by-hand");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let mut editing = desk.begin(&folder.at("plan.txt"), &["--wait"]).await;
    let session = desk.until_session().await;
    desk.until_file(&session, "plan.txt").await;
    desk.overwrite(&session, "plan.txt", "by hand");
    editing.answer("\n").await;
    editing.ended().await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"by hand");
}

#[tokio::test]
async fn the_editor_of_the_environment_and_a_link_that_nobody_else_sees() {
    let world = World::shared().await;
    let folder = world.folder("companion-edit");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    desk.open(&folder.at("plan.txt"), &["--edit"]).await.is(Exit::Failed);
    let editor = desk.script("editor", r#"printf mine > "$1""#);
    let desk = desk.with_environment("EDITOR", &editor);
    let link = desk.link(&folder.at("plan.txt")).await;
    let mut editing = desk.start(&["open", "-", "--edit"]);
    editing.answer(&format!("{link}\n")).await;
    editing.ended().await.is(Exit::Done);
    assert_eq!(folder.read("plan.txt"), b"mine");
}

#[tokio::test]
async fn two_clicks_are_one_edit() {
    let world = World::shared().await;
    let folder = world.folder("companion-clicks");
    folder.write("plan.txt", "the plan");
    let desk = Desk::of(&world, world.editor());
    let slow = desk.waiting_script("slow", "", r#"printf mine > "$1""#);
    let mut links = Vec::new();
    for _ in 0..4 {
        links.push(desk.link(&folder.at("plan.txt")).await);
    }
    let clicks: Vec<_> =
        links.iter().map(|link| desk.start(&["open", link, "--editor", &slow.command])).collect();
    slow.until_at_work().await;
    // The others end while the one goes on.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(desk.sessions().len(), 1);
    slow.go_on();
    let mut ends = Vec::new();
    for click in clicks {
        ends.push(click.ended().await.code);
    }
    ends.sort_unstable();
    assert_eq!(ends, [0, 12, 12, 12].map(Some));
    assert_eq!(folder.read("plan.txt"), b"mine");
}

#[tokio::test]
async fn at_a_terminal_it_shows_how_far_it_is() {
    let world = World::shared().await;
    let folder = world.folder("companion-terminal");
    folder.write("large.bin", causeway_tests::Pattern::new(43).bytes(0, 20_000_000));
    let desk = Desk::of(&world, world.editor());
    let appending = desk.script("append", r#"printf 'and more' >> "$1""#);
    let link = desk.link(&folder.at("large.bin")).await;
    let shown = desk.run_at_a_terminal(&["open", &link, "--editor", &appending]).await;
    shown.is(Exit::Done);
    assert!(shown.said.contains("Downloading") && shown.said.contains("Saving"), "{}", shown.said);
    assert!(folder.read("large.bin").ends_with(b"and more"));
}
