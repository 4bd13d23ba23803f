//! The product is killed while it writes.

use std::time::Duration;

use causeway_tests::{Pattern, World, WorldOptions};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn killed_in_mid_upload_it_leaves_the_old_content_and_clears_up_later() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("crash");
    folder.write("old.bin", "the old content");
    let pattern = Pattern::new(17);
    for round in 0..3_u64 {
        let share = world.editor().on(world.connection());
        let path = folder.at("old.bin");
        let content = pattern.reader(512 * MIB);
        let ask = if round % 2 == 0 { share.put(&path, content) } else { share.upload(&path, content) };
        let upload = tokio::spawn(ask.try_send());
        world.until("the upload is under way", || !folder.rubbish().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(30 * round)).await;
        assert!(!upload.is_finished(), "the upload must still be under way");
        world.product_mut().kill().expect("an end");
        assert!(upload.await.expect("a task").is_err(), "nobody can have answered");
        assert_eq!(folder.read("old.bin"), b"the old content");

        world.product_mut().start_again().expect("a new start");
        world.until("the rubbish is gone", || folder.rubbish().is_empty()).await;
        assert_eq!(folder.names(""), ["old.bin"]);
        assert_eq!(folder.read("old.bin"), b"the old content");
    }
    let share = world.editor().on(world.connection());
    // The sweep deletes first, and then lets others save.
    let _ = world.until_answered(200, || share.put(&folder.at("old.bin"), "new")).await;
    assert_eq!(folder.read("old.bin"), b"new");
}

#[tokio::test]
async fn the_server_killed_in_mid_upload_breaks_that_upload_only() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("server-crash");
    folder.write("old.bin", "the old content");
    let share = world.editor().on(world.connection());
    let upload =
        tokio::spawn(share.put(&folder.at("old.bin"), Pattern::new(4).reader(2048 * MIB)).try_send());
    world.until("the upload is under way", || !folder.rubbish().is_empty()).await;
    world.samba_mut().kill9();
    let answer = upload.await.expect("a task");
    if let Ok(answer) = answer {
        assert!(matches!(answer.status(), 502 | 504), "{}", answer.status());
    }
    assert_eq!(folder.read("old.bin"), b"the old content");
    world.samba_mut().restart().expect("a new server");
    world.until_answered(200, || share.info(&folder.at("old.bin"))).await;
    world.until("the rubbish is gone", || folder.rubbish().is_empty()).await;
}
