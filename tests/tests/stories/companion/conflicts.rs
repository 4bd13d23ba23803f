//! Somebody else changes the file meanwhile, or takes the lock away: what is asked, and what becomes of both versions.

use causeway_tests::{Folder, World};

use super::desk::{Desk, Ended, Exit, LOOKING};

/// What somebody else makes of `the plan`, as long as that. He saves by rename, as most programs do; on the server's own
/// disk no lock is in the way of that.
const THEIRS: &str = "THE PLAN";

/// Edits `plan.txt` while somebody writes to it past everybody, and ends with these options and answers.
async fn edited_by_two(desk: &Desk, folder: &Folder, options: &[&str], answers: &str) -> Ended {
    folder.write("plan.txt", "the plan");
    let slow = desk.waiting_script(&format!("slow-{}", options.len()), "", r#"printf mine > "$1""#);
    let options: Vec<&str> = ["--editor", &slow.command].into_iter().chain(options.iter().copied()).collect();
    let mut editing = desk.begin(&folder.at("plan.txt"), &options).await;
    slow.until_at_work().await;
    folder.write("plan.txt.next", THEIRS);
    std::fs::rename(folder.on_disk("plan.txt.next"), folder.on_disk("plan.txt")).expect("renamed");
    slow.go_on();
    editing.answer(answers).await;
    editing.ended().await
}

fn copies(folder: &Folder) -> Vec<String> {
    folder.names("").into_iter().filter(|name| name != "plan.txt").collect()
}

#[tokio::test]
async fn who_wants_to_overwrite_overwrites() {
    let world = World::shared().await;
    for (topic, options, answers) in [
        ("companion-overwrite", &["--on-conflict", "overwrite"][..], ""),
        ("companion-overwrite-asked", &["--ask"][..], "o\n"),
    ] {
        let (desk, folder) = (Desk::of(&world, world.editor()), world.folder(topic));
        edited_by_two(&desk, &folder, options, answers).await.is(Exit::Done);
        assert_eq!(folder.read("plan.txt"), b"mine");
        assert!(copies(&folder).is_empty() && desk.sessions().is_empty());
        assert!(!desk.is_locked(&folder.at("plan.txt")).await);
    }
}

#[tokio::test]
async fn who_wants_a_copy_has_both_versions_side_by_side() {
    let world = World::shared().await;
    for (topic, options, answers) in [
        ("companion-copy", &["--on-conflict", "copy"][..], ""),
        ("companion-copy-asked", &["--ask"][..], "what?\nc\n"),
    ] {
        let (desk, folder) = (Desk::of(&world, world.editor()), world.folder(topic));
        let ended = edited_by_two(&desk, &folder, options, answers).await;
        ended.is(Exit::SavedAsCopy);
        assert_eq!(folder.read("plan.txt"), THEIRS.as_bytes());
        let [copy] = &copies(&folder)[..] else { panic!("one copy: {:?}", copies(&folder)) };
        assert!(copy.starts_with("plan (conflict copy, editor, ") && copy.ends_with(").txt"), "{copy}");
        assert_eq!(folder.read(copy), b"mine");
        assert!(ended.said.contains(copy.as_str()), "the person is told where: {}", ended.said);
        assert!(desk.sessions().is_empty());
    }
}

#[tokio::test]
async fn what_is_kept_can_be_saved_later() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-keep"));
    let path = folder.at("plan.txt");
    // Nobody is there to be asked: nothing is lost, neither here nor there.
    edited_by_two(&desk, &folder, &[], "").await.is(Exit::Kept);
    assert_eq!(folder.read("plan.txt"), THEIRS.as_bytes());
    let [session] = &desk.sessions()[..] else { panic!("one session: {:?}", desk.sessions()) };
    assert_eq!(desk.kept(session, "plan.txt"), b"mine");
    assert!(!desk.is_locked(&path).await, "others may go on");
    let listed = desk.run(&["sessions"]).await;
    assert!(listed.said.contains(session) && listed.said.contains(&path), "{}", listed.said);
    desk.run(&["recover"]).await.is(Exit::Kept);

    // Opening the file again tells of it; who cannot be asked gets the file from the server.
    let told = desk.open(&path, &["--editor", LOOKING]).await;
    told.is(Exit::Unchanged);
    assert!(told.said.contains(session), "{}", told.said);

    // It is still a conflict.
    desk.open(&path, &["--resume", session]).await.is(Exit::Kept);
    desk.open(&path, &["--resume", session, "--on-conflict", "copy"]).await.is(Exit::SavedAsCopy);
    assert_eq!(folder.read("plan.txt"), THEIRS.as_bytes());
    let [copy] = &copies(&folder)[..] else { panic!("one copy: {:?}", copies(&folder)) };
    assert_eq!(folder.read(copy), b"mine");
    assert!(desk.sessions().is_empty());
}

#[tokio::test]
async fn who_throws_his_changes_away_means_it() {
    let world = World::shared().await;
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-discard"));
    edited_by_two(&desk, &folder, &["--ask"], "d\ny\n").await.is(Exit::Discarded);
    assert_eq!(folder.read("plan.txt"), THEIRS.as_bytes());
    assert!(desk.sessions().is_empty() && copies(&folder).is_empty());

    // Who only pressed a key does not, and "don't" does not mean "discard".
    let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-no-discard"));
    edited_by_two(&desk, &folder, &["--ask"], "don't\nd\nn\nk\n").await.is(Exit::Kept);
    let [session] = &desk.sessions()[..] else { panic!("one session: {:?}", desk.sessions()) };
    assert_eq!(desk.kept(session, "plan.txt"), b"mine");
}

#[tokio::test]
async fn a_file_that_was_removed_meanwhile_comes_back_only_on_demand() {
    let world = World::shared().await;
    for (number, (policy, exit)) in [("keep", Exit::Kept), ("overwrite", Exit::Done)].into_iter().enumerate()
    {
        let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-gone"));
        folder.write("plan.txt", "the plan");
        let slow = desk.waiting_script(&format!("slow-{number}"), "", r#"printf mine > "$1""#);
        let options = ["--editor", &slow.command, "--on-conflict", policy];
        let editing = desk.begin(&folder.at("plan.txt"), &options).await;
        slow.until_at_work().await;
        std::fs::remove_file(folder.on_disk("plan.txt")).expect("removed");
        slow.go_on();
        editing.ended().await.is(exit);
        match exit {
            Exit::Done => assert_eq!(folder.read("plan.txt"), b"mine"),
            _ => assert!(!folder.has("plan.txt") && desk.sessions().len() == 1),
        }
    }
}

#[tokio::test]
async fn without_a_lock_nothing_is_overwritten_and_nothing_is_lost() {
    let world = World::shared().await;
    let admin = Desk::of(&world, world.admin());
    for (policy, exit) in [("overwrite", Exit::Kept), ("copy", Exit::SavedAsCopy)] {
        let (desk, folder) = (Desk::of(&world, world.editor()), world.folder("companion-lock-lost"));
        let path = folder.at("plan.txt");
        folder.write("plan.txt", "the plan");
        let slow = desk.waiting_script("slow", "", r#"printf mine > "$1""#);
        let options = ["--verbose", "--editor", &slow.command, "--heartbeat", "1", "--on-conflict", policy];
        let editing = desk.begin(&path, &options).await;
        slow.until_at_work().await;
        admin.force_unlock(&path).await;
        slow.go_on();
        let ended = editing.ended().await;
        ended.is(exit);
        assert_eq!(ended.said.matches("Your lock on").count(), 1, "it is told once: {}", ended.said);
        assert_eq!(folder.read("plan.txt"), b"the plan");
        if exit == Exit::SavedAsCopy {
            let [copy] = &copies(&folder)[..] else { panic!("one copy: {:?}", copies(&folder)) };
            assert_eq!(folder.read(copy), b"mine");
            continue;
        }
        // Under a lock of its own it is no conflict at all: nobody changed the file.
        let [session] = &desk.sessions()[..] else { panic!("one session: {:?}", desk.sessions()) };
        let go_on = desk.open_and_answer(&path, &["--ask"], "g\n").await;
        go_on.is(Exit::Done);
        assert!(go_on.said.contains(session), "{}", go_on.said);
        assert_eq!(folder.read("plan.txt"), b"mine");
        assert!(desk.sessions().is_empty());
    }
}

#[tokio::test]
async fn a_client_that_compares_times_alone_sees_every_change_it_can_be_told_of() {
    let world = World::shared().await;
    let folder = world.folder("companion-times");
    folder.write("plan.txt", "the plan");
    let edit = world.editor().on(world.connection()).edit(&folder.at("plan.txt")).await;
    let told = async || {
        let info = edit.info().send().await.expect(200).json();
        info["modified_at"].as_str().expect("a time").to_owned()
    };
    let first = told().await;
    assert_eq!(told().await, first);
    // The product holds the file open, and its server tells the old time for as long.
    folder.write("plan.txt", "a longer plan");
    let second = told().await;
    assert_ne!(second, first);
    assert_eq!(told().await, second, "until it changes again");
    let saved = edit.save("mine").send().await.expect(200).json();
    assert_eq!(saved["last_modified"], told().await.as_str());
    let _ = edit.release().send().await.expect(200);
}
