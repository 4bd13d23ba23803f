//! A share that runs full.

use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_samba::{Samba, Share};
use causeway_tests::{Pattern, World, WorldOptions};

const MIB: u64 = 1024 * 1024;

/// A file system of 16 MiB; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where one may not mount (no root, a container without the capability).
    fn mount(at: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m,mode=0777", "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because smbd may still be inside when a case fails.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn an_upload_onto_a_full_disk_leaves_the_old_content() {
    let place = tempfile::tempdir().expect("a directory");
    let Some(_disk) = SmallDisk::mount(place.path()) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    std::fs::write(place.path().join("old.bin"), "the old content").expect("a file");
    let samba = Samba::builder().share(Share::new("small").at(place.path()));
    let world = World::start(WorldOptions { samba, ..WorldOptions::default() }).await.expect("a world");
    let share = world.editor().on(&world.connect(&world.editor(), world.draft_of("small", "small")).await);
    let pattern = Pattern::new(2);
    for ask in
        [share.put("old.bin", pattern.reader(40 * MIB)), share.upload("old.bin", pattern.reader(40 * MIB))]
    {
        ask.send().await.expect(507).detail();
        let content = std::fs::read(place.path().join("old.bin")).expect("the old file");
        assert_eq!(content, b"the old content");
    }
    let left = || std::fs::read_dir(place.path()).map_or(0, Iterator::count);
    world.until("the rubbish is gone", || left() == 1).await;
    let _ = share.put("old.bin", pattern.reader(10 * MIB)).send().await.expect(200);
    assert!(pattern.is_file(&place.path().join("old.bin"), 10 * MIB).expect("the new file"));
}

#[tokio::test]
async fn a_save_onto_a_full_disk_leaves_the_old_content_and_the_lock() {
    let place = tempfile::tempdir().expect("a directory");
    let Some(_disk) = SmallDisk::mount(place.path()) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    std::fs::write(place.path().join("plan.odt"), "the old content").expect("a file");
    let samba = Samba::builder().share(Share::new("small").at(place.path()));
    let world = World::start(WorldOptions { samba, ..WorldOptions::default() }).await.expect("a world");
    let share = world.editor().on(&world.connect(&world.editor(), world.draft_of("small", "small")).await);
    let edit = share.edit("plan.odt").await;
    let pattern = Pattern::new(3);
    // A copy beside it has no room either.
    for ask in [edit.save(pattern.reader(40 * MIB)), edit.save_or_copy(pattern.reader(40 * MIB))] {
        ask.send().await.expect(507).is_for_a_companion().detail();
        let content = std::fs::read(place.path().join("plan.odt")).expect("the old file");
        assert_eq!(content, b"the old content");
    }
    let left = || std::fs::read_dir(place.path()).map_or(0, Iterator::count);
    world.until("the rubbish is gone", || left() == 1).await;
    let _ = edit.heartbeat().send().await.expect(200);
    let _ = edit.save(pattern.reader(10 * MIB)).send().await.expect(200);
    assert!(pattern.is_file(&place.path().join("plan.odt"), 10 * MIB).expect("the new file"));
    let _ = edit.release().send().await.expect(200);
}
