//! A share that runs full.

use std::path::{Path, PathBuf};
use std::process::Command;

use causeway_samba::{Samba, Share};
use causeway_tests::{Pattern, World, WorldOptions};

const MIB: u64 = 1024 * 1024;

/// What is there before.
const OLD: &[u8] = b"the old content";

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

/// A world whose share `small` is on a small disk, with a file there and somebody who writes. In the order in which it is
/// taken apart.
struct SmallWorld {
    world: World,
    share: causeway_tests::Share,
    _disk: SmallDisk,
    place: tempfile::TempDir,
}

impl SmallWorld {
    /// `None` where no disk can be had.
    async fn with(name: &str) -> Option<Self> {
        let place = tempfile::tempdir().expect("a directory");
        let Some(disk) = SmallDisk::mount(place.path()) else {
            println!("skipped: no file system can be mounted here");
            return None;
        };
        std::fs::write(place.path().join(name), OLD).expect("a file");
        let samba = Samba::builder().share(Share::new("small").at(place.path()));
        let world = World::start(WorldOptions { samba, ..WorldOptions::default() }).await.expect("a world");
        let connection = world.connect(&world.editor(), world.draft_of("small", "small")).await;
        let share = world.editor().on(&connection);
        Some(Self { world, share, _disk: disk, place })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    async fn until_clear(&self) {
        let left = || std::fs::read_dir(self.place.path()).map_or(0, Iterator::count);
        self.world.until("the rubbish is gone", || left() == 1).await;
    }
}

#[tokio::test]
async fn an_upload_onto_a_full_disk_leaves_the_old_content() {
    let Some(small) = SmallWorld::with("old.bin").await else { return };
    let (share, pattern) = (&small.share, Pattern::new(2));
    for ask in
        [share.put("old.bin", pattern.reader(40 * MIB)), share.upload("old.bin", pattern.reader(40 * MIB))]
    {
        ask.send().await.expect(507).detail();
        assert_eq!(std::fs::read(small.at("old.bin")).expect("the old file"), OLD);
    }
    small.until_clear().await;
    let _ = share.put("old.bin", pattern.reader(10 * MIB)).send().await.expect(200);
    assert!(pattern.is_file(&small.at("old.bin"), 10 * MIB).expect("the new file"));
}

#[tokio::test]
async fn a_save_onto_a_full_disk_leaves_the_old_content_and_the_lock() {
    let Some(small) = SmallWorld::with("plan.odt").await else { return };
    let (edit, pattern) = (small.share.edit("plan.odt").await, Pattern::new(3));
    // A copy beside it has no room either.
    for ask in [edit.save(pattern.reader(40 * MIB)), edit.save_or_copy(pattern.reader(40 * MIB))] {
        ask.send().await.expect(507).is_for_a_companion().detail();
        assert_eq!(std::fs::read(small.at("plan.odt")).expect("the old file"), OLD);
    }
    small.until_clear().await;
    let _ = edit.heartbeat().send().await.expect(200);
    let _ = edit.save(pattern.reader(10 * MIB)).send().await.expect(200);
    assert!(pattern.is_file(&small.at("plan.odt"), 10 * MIB).expect("the new file"));
    let _ = edit.release().send().await.expect(200);
}
