//! Stories of what a crash leaves on a share, with a real database and a real smbd: between two steps of a replacement the
//! process ends, which is the same as dropping all of it here.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use causeway_internal::FaultCode;
use causeway_internal::connections::{ChangeConnection, ConnectionPatch, DeleteConnection};

use causeway_samba::{Samba, Share};
use causeway_smb::ShareErrorKind;

use super::Place;
use super::sibling::Sibling;
use crate::fixture::Fixture;

impl Fixture {
    /// The first half of the replacement of the directory `docs`: it is set aside.
    async fn set_aside(&self) -> Sibling {
        fs::create_dir(self.on_disk("docs")).expect("a directory");
        fs::write(self.on_disk("docs/kept.txt"), "kept").expect("a file");
        let docs = self.place("docs").await;
        let aside = self.siblings.for_old(&docs).await.expect("noted");
        docs.pool.rename(&docs.full, &aside.full, false).await.expect("set aside");
        assert!(!self.on_disk("docs").exists());
        aside
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_two_renames_the_old_directory_comes_back() {
    let mut fixture = Fixture::open().await;
    drop(fixture.set_aside().await);
    fixture.crash();
    assert_eq!(fixture.sweep().await, 0);
    assert_eq!(fixture.names(), ["docs"]);
    assert_eq!(fs::read(fixture.on_disk("docs/kept.txt")).expect("a file"), b"kept");
    assert!(fixture.store.journal().leftovers().await.expect("read").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_has_taken_the_name_the_old_directory_is_shown_beside() {
    let mut fixture = Fixture::open().await;
    drop(fixture.set_aside().await);
    fs::create_dir(fixture.on_disk("docs")).expect("somebody else's");
    fixture.crash();
    let number = fixture.store.journal().leftovers().await.expect("read")[0].id;
    assert_eq!(fixture.sweep().await, 0);
    let recovered = format!("docs (recovered {number})");
    assert_eq!(fixture.names(), ["docs", &recovered]);
    assert_eq!(fs::read(fixture.on_disk(&recovered).join("kept.txt")).expect("a file"), b"kept");
    assert_eq!(fixture.sweep().await, 0);
    assert_eq!(fixture.names(), ["docs", &recovered], "it is nobody's rubbish");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_successor_is_in_place_the_old_directory_goes() {
    let mut fixture = Fixture::open().await;
    let aside = fixture.set_aside().await;
    fs::create_dir(fixture.on_disk("docs")).expect("the successor");
    aside.superseded().await.expect("noted");
    drop(aside);
    fixture.crash();
    assert_eq!(fixture.sweep().await, 0);
    assert_eq!(fixture.names(), ["docs"]);
    assert!(fs::read_dir(fixture.on_disk("docs")).expect("a directory").next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_not_forgotten_while_a_directory_is_set_aside_through_it() {
    let mut fixture = Fixture::open().await;
    let aside = fixture.set_aside().await;
    let clear = async |fixture: &Fixture| {
        fixture.siblings.clear(fixture.connection, &fixture.shares, &fixture.locks).await
    };
    let busy = clear(&fixture).await.expect_err("the replacement is under way");
    assert_eq!(busy.code, FaultCode::Busy);
    assert_eq!(fixture.names().len(), 1);

    drop(aside);
    fixture.crash();
    clear(&fixture).await.expect("cleared");
    assert_eq!(fixture.names(), ["docs"]);
    assert!(fixture.store.journal().leftovers().await.expect("read").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_the_making_are_swept_away_and_those_at_work_are_not() {
    let mut fixture = Fixture::open().await;
    let file = fixture.place("new.txt").await;
    let (lost, at_work) = (
        fixture.siblings.for_new(&file).await.expect("noted"),
        fixture.siblings.for_new(&file).await.expect("noted"),
    );
    for sibling in [&lost, &at_work] {
        fs::write(fixture.on_disk(sibling.full.as_str()), "half").expect("a file");
    }
    drop(lost);
    assert_eq!(fixture.sweep().await, 0);
    assert_eq!(fixture.names(), [at_work.full.as_str()]);
    fixture.crash();
    assert_eq!(fixture.sweep().await, 0);
    assert!(fixture.names().is_empty(), "a new process has nothing at work");
}

impl Fixture {
    /// A file that is being written over: its old content is kept, some of the new one is in its place.
    async fn write_half_over(&self, old: &str, new: &str, half: &str) -> (Place, Sibling, Sibling) {
        let file = self.place("plan.txt").await;
        fs::write(self.on_disk("plan.txt"), old).expect("a file");
        let content = self.siblings.for_new(&file).await.expect("noted");
        fs::write(self.on_disk(content.full.as_str()), new).expect("new content");
        let kept = self.siblings.for_new(&file).await.expect("noted");
        fs::write(self.on_disk(kept.full.as_str()), old).expect("kept");
        kept.keeps_old_content(&file, &content).await.expect("noted");
        fs::write(self.on_disk("plan.txt"), half).expect("torn");
        (file, content, kept)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.on_disk(name)).expect("a file")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_saves_while_an_earlier_save_may_still_take_the_place() {
    let mut fixture = Fixture::open().await;
    fs::write(fixture.on_disk("plan.txt"), "old").expect("a file");
    let (file, other) = (fixture.place("Plan.txt").await, fixture.place("other.txt").await);
    let sibling = fixture.siblings.for_new(&file).await.expect("noted");
    // What a process that was killed has left in a server that has not noticed.
    let handle = file.pool.create_for_write(&sibling.full).await.expect("a file");
    fixture.siblings.may_be_saved(&file).await.expect("no rename was asked for");
    sibling.may_replace(&file).await;
    drop(sibling);
    fixture.siblings.may_be_saved(&file).await.expect_err("in doubt in the same process");
    fixture.crash();
    let busy = fixture.siblings.may_be_saved(&file).await.expect_err("in doubt after a restart");
    assert_eq!(busy.code, FaultCode::Busy);
    fixture.siblings.may_be_read(&file.lock_key()).await.expect("a whole file, whichever it is");
    fixture.siblings.may_be_saved(&other).await.expect("of another file");
    assert_eq!(fixture.sweep().await, 1);
    fixture.siblings.may_be_saved(&file).await.expect_err("the sibling is open still");
    handle.abort().await;
    assert_eq!(fixture.sweep().await, 0);
    fixture.siblings.may_be_saved(&file).await.expect("nothing can take its place any more");
    assert_eq!(fixture.names(), ["plan.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_file_is_written_over_its_old_content_comes_back() {
    let mut fixture = Fixture::open().await;
    let (file, content, kept) =
        fixture.write_half_over("the old content, longer", "THE NEW ONE", "THE NEW content, longer").await;
    let born = fs::metadata(fixture.on_disk("plan.txt")).expect("a file").ino();
    drop((content, kept));
    // Its editor still has the lock, and with it the file, when the next process begins.
    let lock = fixture.locks.acquire(&fixture.admin, file.clone()).await.expect("locked");
    fixture.crash_under_locks().await;
    let busy = fixture.siblings.may_be_saved(&file).await.expect_err("nobody saves over it");
    assert_eq!(busy.code, FaultCode::Busy);
    fixture.siblings.may_be_read(&file.lock_key()).await.expect_err("nobody is given half of two contents");
    // The server may not have closed yet what the process before held.
    fixture.until("it is put right", async |fixture| fixture.sweep().await == 0).await;
    fixture.siblings.may_be_read(&file.lock_key()).await.expect("whole again");
    assert_eq!(fixture.read("plan.txt"), "the old content, longer");
    assert_eq!(fs::metadata(fixture.on_disk("plan.txt")).expect("a file").ino(), born, "the same file");
    assert_eq!(fixture.names(), ["plan.txt"]);
    fixture.siblings.may_be_saved(&file).await.expect("to be saved over again");
    assert_eq!(fixture.locks.acquire(&fixture.admin, file).await.expect("his").lock_id, lock.lock_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_written_since_is_left_and_the_old_content_shown_beside() {
    let mut fixture = Fixture::open().await;
    let (_, content, kept) = fixture.write_half_over("old", "NEW", "NEd, and more by somebody else").await;
    drop((content, kept));
    fixture.crash();
    assert_eq!(fixture.sweep().await, 0);
    assert_eq!(fixture.read("plan.txt"), "NEd, and more by somebody else");
    let names = fixture.names();
    assert_eq!(names.len(), 2, "{names:?}");
    let recovered = names.iter().find(|name| name.starts_with("plan.txt (recovered ")).expect("shown");
    assert_eq!(fixture.read(recovered), "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_a_file_is_written_over_the_new_content_stays() {
    let mut fixture = Fixture::open().await;
    let (file, content, kept) = fixture.write_half_over("old", "new", "new").await;
    kept.superseded().await.expect("noted");
    drop((content, kept));
    fixture.crash();
    fixture.siblings.may_be_read(&file.lock_key()).await.expect("whole");
    assert_eq!(fixture.sweep().await, 0);
    fixture.siblings.may_be_saved(&file).await.expect("nothing of it is left");
    assert_eq!(fixture.read("plan.txt"), "new");
    assert_eq!(fixture.names(), ["plan.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_anybody_was_told_a_file_that_holds_all_of_the_new_content_keeps_it() {
    let mut fixture = Fixture::open().await;
    let (_, content, kept) = fixture.write_half_over("old", "new, longer", "new, longer").await;
    drop((content, kept));
    fixture.crash();
    assert_eq!(fixture.sweep().await, 0);
    assert_eq!(fixture.read("plan.txt"), "new, longer");
    assert_eq!(fixture.names(), ["plan.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_whole_content_outlives_what_cannot_be_put_right_and_its_connection() {
    let mut fixture = Fixture::open().await;
    let (file, content, kept) =
        fixture.write_half_over("the old content", "THE NEW", "THE NEW content").await;
    let left = [content.full.as_str().to_owned(), kept.full.as_str().to_owned()];
    drop((content, kept));
    fixture.crash();
    let reader = file.pool.open_read(&file.full).await.expect("somebody reads it past us");
    assert_eq!(fixture.sweep().await, 2);
    let clear = async |fixture: &Fixture| {
        fixture.siblings.clear(fixture.connection, &fixture.shares, &fixture.locks).await
    };
    assert_eq!(clear(&fixture).await.expect_err("not while it is torn").code, FaultCode::Busy);
    for name in &left {
        assert!(fixture.on_disk(name).exists(), "{name}");
    }
    reader.close().await;
    clear(&fixture).await.expect("cleared");
    assert_eq!(fixture.read("plan.txt"), "the old content");
    assert_eq!(fixture.names(), ["plan.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_on_a_share_is_not_looked_for_on_another_one() {
    let mut fixture = Fixture::open().await;
    let (file, content, kept) =
        fixture.write_half_over("the old content", "THE NEW", "THE NEW content").await;
    drop((content, kept));
    let lead_to = async |fixture: &Fixture, share: &str| {
        let patch = ConnectionPatch { share_name: Some(share.to_owned()), ..ConnectionPatch::default() };
        let call = ChangeConnection { id: fixture.connection, patch };
        fixture.connections.change(&fixture.admin, call).await.expect("changed");
        fixture.shares.retire(fixture.connection);
    };
    lead_to(&fixture, "second").await;
    fixture.crash();
    assert_eq!(fixture.sweep().await, 2);
    fixture.siblings.may_be_read(&file.lock_key()).await.expect_err("torn where it is");
    lead_to(&fixture, "data").await;
    assert_eq!(fixture.sweep().await, 0);
    fixture.siblings.may_be_read(&file.lock_key()).await.expect("whole again");
    assert_eq!(fixture.read("plan.txt"), "the old content");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_two_contents_is_neither_copied_nor_moved_nor_read_from_above() {
    let mut fixture = Fixture::open().await;
    let (file, content, kept) =
        fixture.write_half_over("the old content", "THE NEW", "THE NEW content").await;
    drop((content, kept));
    fixture.crash();
    let root = fixture.place("").await;
    for place in [&file, &root] {
        let torn = fixture.siblings.may_be_read(&place.lock_key()).await.expect_err("torn");
        assert_eq!(torn.code, FaultCode::Busy);
    }
    fixture.siblings.may_be_read(&fixture.place("other.txt").await.lock_key()).await.expect("beside it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_taken_over_permissions_that_forbid_deleting_it_is_swept_away_all_the_same() {
    let rights = Share::new("rights")
        .option("vfs objects", "acl_xattr")
        .option("acl_xattr:ignore system acls", "yes")
        .option("force user", "daemon");
    let fixture = Fixture::on(Samba::builder().share(rights).start().expect("smbd started")).await;
    if !fixture.samba.has_share("limited") {
        println!("skipped: only root can act as somebody else");
        return;
    }
    let connection = fixture.connect("127.0.0.1", "rights").await;
    let plan = fixture.place_on(connection, "plan.txt").await;
    let directory = fixture.samba.share_dir("rights").to_owned();
    fs::write(directory.join("plan.txt"), "old").expect("a file");
    for (path, mode) in [(directory.join("plan.txt"), 0o666), (directory.clone(), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let refused = plan.pool.delete_file(&plan.full).await.expect_err("it may be changed and not deleted");
    assert_eq!(refused.kind(), ShareErrorKind::AccessDenied);

    let sibling = fixture.siblings.for_new(&plan).await.expect("noted");
    let mut content = plan.pool.create_for_write(&sibling.full).await.expect("a file");
    content.inherit(&plan.full).await.expect("taken over");
    // Killed before the rename.
    fixture.shares.retire(connection);
    drop((content, sibling));
    let plan = fixture.place_on(connection, "plan.txt").await;
    let left = || fs::read_dir(&directory).expect("a directory").count();
    assert_eq!(left(), 2);
    fixture.until("it is swept away", async |fixture| fixture.sweep().await == 0).await;
    assert_eq!(left(), 1);
    fixture.siblings.may_be_saved(&plan).await.expect("nothing can take its place any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn doubts_go_with_the_connection_that_could_settle_them() {
    let mut fixture = Fixture::open().await;
    let (file, content, kept) =
        fixture.write_half_over("the old content", "THE NEW", "THE NEW content").await;
    drop((content, kept));
    fixture.crash();
    fixture.siblings.may_be_saved(&file).await.expect_err("in doubt");
    // Without clearing up before, as where the server is away.
    let call = DeleteConnection { id: fixture.connection };
    fixture.connections.delete(&fixture.admin, call).await.expect("deleted");
    assert_eq!(fixture.sweep().await, 0);
    fixture.siblings.may_be_saved(&file).await.expect("nobody could ever settle it");
}
