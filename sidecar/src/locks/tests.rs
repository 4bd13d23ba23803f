//! Stories of locks that the routes cannot tell: a database that takes nothing, restarts at chosen moments, two servers.

use std::fs;
use std::time::{Duration, Instant};

use causeway_internal::FaultCode;
use causeway_internal::accounts::{Account, DeleteUser};
use causeway_internal::connections::DeleteConnection;
use causeway_internal::locks::{CheckLock, FindLock, LockGrant, LockProof, LockState};
use causeway_locks::Reach;
use causeway_samba::Samba;
use causeway_smb::{PoolLimits, SharePool, Target};
use futures::{StreamExt as _, future, stream};
use tokio::time::timeout;
use uuid::Uuid;

use super::Locks;
use crate::files::Place;
use crate::fixture::Fixture;
use crate::store::audit::{Event, Outcome};
use crate::store::{AuditRecord, audit_trail};

/// So much less than a server that hangs is waited for that the two are not mistaken for each other.
const WITHOUT_WAITING: Duration = Duration::from_secs(3);

/// A life of locks that one can wait for the end of, and longer than a grant takes on a busy machine.
const SHORT: Duration = Duration::from_secs(3);

/// What the trail has of locks and edits.
async fn trail(fixture: &Fixture) -> Vec<AuditRecord> {
    let mut records = audit_trail(fixture.data_dir(), 1_000).await.expect("read");
    records.retain(|record| record.event.starts_with("lock.") || record.event.starts_with("edit."));
    records
}

async fn events(fixture: &Fixture) -> Vec<String> {
    trail(fixture).await.into_iter().map(|record| record.event).collect()
}

async fn is_good(locks: &Locks, account: &Account, place: &Place, grant: &LockGrant) -> bool {
    let proof = LockProof {
        find: FindLock::ById,
        lock_id: grant.lock_id,
        operation_id: grant.operation_id.clone(),
        capability: Some(grant.capability.clone()),
        fence: Some(grant.fence),
    };
    let (connection, path) = (place.connection.id, place.full.clone());
    locks.check(account, CheckLock { connection, path, proof, refresh: false }).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_has_one_lock_by_whatever_address_and_share_it_is_reached() {
    let fixture = Fixture::open().await;
    fs::write(fixture.on_disk("plan.txt"), "content").expect("a file");
    let file = fixture.place("plan.txt").await;
    let other = Account { id: Uuid::new_v4(), username: "other".to_owned(), ..fixture.admin.clone() };
    let grant = fixture.locks.acquire(&fixture.admin, file.clone()).await.expect("locked");
    for (host, share) in [("localhost", "data"), ("127.0.0.1", "again"), ("localhost", "again")] {
        let (user, password) = (fixture.samba.user(), fixture.samba.password());
        let target = Target::new(host, fixture.samba.port(), share, user, password);
        let pool = SharePool::new(target, PoolLimits::default());
        let alias = Place { pool, ..file.clone() };
        let refused = fixture.locks.acquire(&other, alias.clone()).await.expect_err("one file");
        assert_eq!(refused.code, FaultCode::Locked, "{host} {share}");
        // Nor is it replaced that way.
        let pass = fixture.locks.pass(other.id, &alias, Reach::Item).expect("nothing known of that path");
        let there = alias.look().await.expect("looked");
        assert_eq!(pass.covers(&alias, there.as_ref()).await.expect_err("held").code, FaultCode::Locked);
        let own = fixture.locks.pass(fixture.admin.id, &alias, Reach::Item).expect("free");
        own.covers(&alias, there.as_ref()).await.expect("his own");
    }
    let again = fixture.locks.acquire(&fixture.admin, file).await.expect("his");
    assert_eq!(again.lock_id, grant.lock_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locked_and_unlocked_what_from_where_is_on_the_record() {
    let fixture = Fixture::open().await;
    fs::write(fixture.on_disk("plan.txt"), "content").expect("a file");
    let file = fixture.place("plan.txt").await;
    let deeds = async {
        let grant = fixture.locks.acquire(&fixture.admin, file.clone()).await.expect("locked");
        let again = fixture.locks.acquire(&fixture.admin, file.clone()).await.expect("his own");
        assert_eq!((again.lock_id, again.fence), (grant.lock_id, grant.fence));
        fixture.locks.force(&fixture.admin, file.clone()).await.expect("unlocked");
        let next = fixture.locks.acquire(&fixture.admin, file.clone()).await.expect("locked again");
        assert!(next.fence > grant.fence);
        fixture.locks.note(&fixture.admin, Event::EditSaved, Outcome::Succeeded, &file, "7 bytes").await;
    };
    Box::pin(crate::origin::within(Some("192.0.2.7".to_owned()), deeds)).await;
    let written = trail(&fixture).await;
    let events: Vec<&str> = written.iter().map(|record| record.event.as_str()).collect();
    assert_eq!(events, ["lock.acquired", "lock.forced", "lock.acquired", "edit.saved"]);
    for record in &written {
        assert_eq!((record.actor.as_deref(), record.origin.as_deref()), (Some("admin"), Some("192.0.2.7")));
        assert!(record.detail.starts_with("plan.txt: "), "{}", record.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_could_not_be_told_of_the_end_of_a_lock_it_is_told_later() {
    let mut fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    for name in ["forced.txt", "other.txt"] {
        fs::write(fixture.on_disk(name), "content").expect("a file");
    }
    let (forced, other) = (fixture.place("forced.txt").await, fixture.place("other.txt").await);
    let _ = fixture.locks.acquire(&editor, forced.clone()).await.expect("locked");
    fixture.store.refuse_changes(true).await;
    fixture.locks.force(&fixture.admin, forced.clone()).await.expect_err("it cannot be written down");
    assert_eq!(
        fixture.locks.state(&editor, &forced, false).await,
        LockState::Free,
        "and is over all the same"
    );
    fixture.locks.force(&fixture.admin, forced.clone()).await.expect_err("which is not yet safe from a kill");
    let _ = fixture.locks.acquire(&fixture.admin, forced.clone()).await.expect_err("nor can this");
    assert_eq!(events(&fixture).await, ["lock.acquired"]);

    fixture.store.refuse_changes(false).await;
    let _ = fixture.locks.acquire(&fixture.admin, other.clone()).await.expect("locked");
    assert_eq!(events(&fixture).await, ["lock.acquired", "lock.forced", "lock.acquired"]);
    let records = trail(&fixture).await;
    assert_eq!(records[1].actor.as_deref(), Some("admin"));
    assert!(records[1].detail.starts_with("forced.txt: editor had it, fence "), "{}", records[1].detail);
    assert!(records[1].at < records[2].at, "it was forced when it was forced");
    // No ghost of it comes back with a new process.
    fixture.crash_under_locks().await;
    assert_eq!(fixture.locks.state(&editor, &forced, false).await, LockState::Free);
    assert!(matches!(fixture.locks.state(&editor, &other, false).await, LockState::Locked(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_end_nobody_noticed_before_the_next_one_is_on_the_record() {
    let mut fixture = Fixture::open().await;
    fixture.restart_with_locks_of(SHORT).await;
    let editor = fixture.editor("editor").await;
    fs::create_dir(fixture.on_disk("docs")).expect("a directory");
    fs::write(fixture.on_disk("docs/plan.txt"), "content").expect("a file");
    let (docs, plan) = (fixture.place("docs").await, fixture.place("docs/plan.txt").await);
    let first = fixture.locks.acquire(&editor, docs.clone()).await.expect("locked");
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let second = fixture.locks.acquire(&fixture.admin, plan.clone()).await.expect("nobody's any more");
    assert!(second.fence > first.fence);
    let records = trail(&fixture).await;
    let told: Vec<(&str, &str)> =
        records.iter().map(|record| (record.event.as_str(), record.detail.as_str())).collect();
    let expired = format!("docs: editor had it, fence {}", first.fence);
    assert_eq!(told[1], ("lock.expired", expired.as_str()));
    assert_eq!(told.len(), 3, "{told:?}");

    // While the program does not run, too.
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    fixture.restart_with_locks_of(SHORT).await;
    let upkeep = fixture.keep_locks();
    fixture.until("the end is recorded", async |fixture| events(fixture).await.len() == 4).await;
    upkeep.cancel();
    let expired = format!("docs/plan.txt: admin had it, fence {}", second.fence);
    let last = trail(&fixture).await.pop().expect("a record");
    assert_eq!((last.event.as_str(), last.detail), ("lock.expired", expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_goes_with_its_connection_or_its_user_is_on_the_record() {
    let fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    let elsewhere = fixture.connect("localhost", "data").await;
    for name in ["connection.txt", "user.txt"] {
        fs::write(fixture.on_disk(name), "content").expect("a file");
    }
    let place = fixture.place_on(elsewhere, "connection.txt").await;
    let _ = fixture.locks.acquire(&fixture.admin, place).await.expect("locked");
    let place = fixture.place("user.txt").await;
    let _ = fixture.locks.acquire(&editor, place).await.expect("locked");
    let call = DeleteConnection { id: elsewhere };
    fixture.connections.delete(&fixture.admin, call).await.expect("deleted");
    let call = DeleteUser { id: editor.id };
    fixture.accounts.delete_user(&fixture.admin, call).await.expect("deleted");
    // With the deletion itself, and once.
    assert_eq!(trail(&fixture).await.len(), 4);
    fixture.locks.forget_connection(elsewhere).await;
    fixture.locks.forget_user(editor.id).await;
    let records = trail(&fixture).await;
    let told: Vec<(&str, &str)> =
        records.iter().skip(2).map(|record| (record.event.as_str(), record.detail.as_str())).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].0 == "lock.dropped" && told[0].1.starts_with("connection.txt: admin had it"), "{told:?}");
    assert!(told[1].0 == "lock.dropped" && told[1].1.starts_with("user.txt: editor had it"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_a_directory_that_somebody_has_locked_is_his() {
    let fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    fs::create_dir_all(fixture.on_disk("docs/deep")).expect("directories");
    fs::write(fixture.on_disk("docs/deep/plan.txt"), "content").expect("a file");
    fs::write(fixture.on_disk("docs.txt"), "content").expect("a file");
    let docs = fixture.place("docs").await;
    let _ = fixture.locks.acquire(&editor, docs).await.expect("locked");
    for path in ["docs", "docs/deep", "DOCS/deep/Plan.txt", "docs/not yet there"] {
        let place = fixture.place(path).await;
        let LockState::Locked(view) = fixture.locks.state(&fixture.admin, &place, true).await else {
            panic!("{path} is free")
        };
        assert_eq!((view.locked_by.as_str(), view.is_mine), ("editor", false), "{path}");
        // He himself may lock what is in it.
        let own = fixture.locks.state(&editor, &place, true).await;
        assert_eq!(own == LockState::Free, path != "docs", "{path}");
    }
    let beside = fixture.place("docs.txt").await;
    assert_eq!(fixture.locks.state(&fixture.admin, &beside, true).await, LockState::Free);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_locked_file_is_known_by_whatever_way_one_comes_to_it() {
    let mut fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    let (address, share) =
        (fixture.connect("localhost", "data").await, fixture.connect("127.0.0.1", "again").await);
    fs::write(fixture.on_disk("plan.txt"), "content").expect("a file");
    let plan = fixture.place("plan.txt").await;
    let grant = fixture.locks.acquire(&fixture.admin, plan.clone()).await.expect("locked");
    for replaced in [false, true] {
        if replaced {
            // While nobody held it.
            fs::write(fixture.on_disk("new"), "another file").expect("a file");
            fs::rename(fixture.on_disk("new"), fixture.on_disk("plan.txt")).expect("in its place");
        }
        for way in [address, share] {
            fixture.crash_under_locks().await;
            let alias = fixture.place_on(way, "plan.txt").await;
            let refused = fixture.locks.acquire(&editor, alias).await.expect_err("the same file");
            assert_eq!(refused.code, FaultCode::Locked);
        }
    }
    assert!(is_good(&fixture.locks, &fixture.admin, &plan, &grant).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_server_that_hangs_delays_the_locks_of_no_other() {
    let mut fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    // Samba makes its GUID out of the name.
    let other = Samba::builder().global("netbios name", "OTHER").start().expect("a second smbd");
    let elsewhere = fixture.connect_to(&other, "127.0.0.1", "data").await;
    for path in [fixture.on_disk("plan.txt"), other.share_dir("data").join("theirs.txt")] {
        fs::write(path, "content").expect("a file");
    }
    for name in ["theirs.txt", "not yet there.txt"] {
        let place = fixture.place_on(elsewhere, name).await;
        let _ = fixture.locks.acquire(&fixture.admin, place).await.expect("locked");
    }
    other.freeze();
    fixture.crash_under_locks().await;
    let upkeep = fixture.keep_locks();
    let plan = fixture.place("plan.txt").await;
    let granted = timeout(WITHOUT_WAITING, fixture.locks.acquire(&editor, plan)).await;
    other.thaw();
    upkeep.cancel();
    let _ = granted.expect("at once").expect("locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_locks_that_turn_out_to_be_on_one_file_the_earlier_one_stays() {
    let mut fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    let elsewhere = fixture.connect("localhost", "again").await;
    for name in ["one.txt", "two.txt"] {
        fs::write(fixture.on_disk(name), "content").expect("a file");
    }
    let (one, two) = (fixture.place("one.txt").await, fixture.place_on(elsewhere, "two.txt").await);
    let earlier = fixture.locks.acquire(&fixture.admin, one.clone()).await.expect("locked");
    let later = fixture.locks.acquire(&editor, two.clone()).await.expect("another file");
    fixture.crash_under_locks().await;
    fs::remove_file(fixture.on_disk("two.txt")).expect("removed");
    fs::hard_link(fixture.on_disk("one.txt"), fixture.on_disk("two.txt")).expect("one file from now on");
    let upkeep = fixture.keep_locks();
    fixture
        .until("the later one ends", async |fixture| !is_good(&fixture.locks, &editor, &two, &later).await)
        .await;
    assert!(is_good(&fixture.locks, &fixture.admin, &one, &earlier).await);
    fixture.until("that is on the record", async |fixture| events(fixture).await.len() == 3).await;
    let last = trail(&fixture).await.pop().expect("a record");
    assert!(last.event == "lock.dropped" && last.detail.starts_with("two.txt: editor had it"), "{last:?}");
    let refused = fixture.locks.acquire(&editor, two).await.expect_err("the admin's");
    assert_eq!(refused.code, FaultCode::Locked);
    upkeep.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_the_database_has_lost_is_told_of_at_once_and_granted_anew() {
    let fixture = Fixture::open().await;
    fs::write(fixture.on_disk("plan.txt"), "content").expect("a file");
    let plan = fixture.place("plan.txt").await;
    let lost = fixture.locks.acquire(&fixture.admin, plan.clone()).await.expect("locked");
    // As the deletion of its connection does, which puts it on the record.
    let mut change = fixture.store.begin().await.expect("begun");
    sqlx::query("DELETE FROM locks").execute(&mut *change).await.expect("deleted");
    change.commit().await.expect("committed");
    let again = timeout(WITHOUT_WAITING, fixture.locks.acquire(&fixture.admin, plan.clone())).await;
    assert_eq!(again.expect("at once").expect_err("it is lost").code, FaultCode::LockLost);
    assert!(!is_good(&fixture.locks, &fixture.admin, &plan, &lost).await);
    let _ = fixture.locks.acquire(&fixture.admin, plan).await.expect("anew");
    assert_eq!(events(&fixture).await, ["lock.acquired", "lock.acquired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_has_a_thousand_locks_at_most() {
    let fixture = Fixture::open().await;
    let editor = fixture.editor("editor").await;
    let mut places = Vec::new();
    for number in 0..=1_000 {
        places.push(fixture.place(&format!("{number}.txt")).await);
    }
    let one_more = places.pop().expect("the last one");
    let first = places[0].clone();
    let locked = stream::iter(places).map(|place| fixture.locks.acquire(&editor, place)).buffer_unordered(32);
    assert_eq!(locked.filter(|granted| future::ready(granted.is_ok())).count().await, 1_000);
    let refused = fixture.locks.acquire(&editor, one_more.clone()).await.expect_err("one too many");
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (FaultCode::Conflict, "You have too many files locked")
    );
    let _ = fixture.locks.acquire(&fixture.admin, one_more).await.expect("another user");
    let again = fixture.locks.acquire(&editor, first).await;
    let _ = again.expect("he has that one already");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_locks_that_end_at_once_are_in_the_way_of_nothing() {
    const MANY: usize = 150;
    let mut fixture = Fixture::open().await;
    fixture.restart_with_locks_of(SHORT).await;
    let editor = fixture.editor("editor").await;
    for number in 0..MANY {
        let place = fixture.place(&format!("{number}.txt")).await;
        let _ = fixture.locks.acquire(&editor, place).await.expect("locked");
    }
    let upkeep = fixture.keep_locks();
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while events(&fixture).await.iter().filter(|event| *event == "lock.expired").count() < MANY {
        let asked = Instant::now();
        let other = fixture.place("other.txt").await;
        let _ = fixture.locks.acquire(&fixture.admin, other.clone()).await.expect("locked");
        fixture.locks.force(&fixture.admin, other).await.expect("unlocked");
        longest = longest.max(asked.elapsed());
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", events(&fixture).await.len());
    }
    upkeep.cancel();
    assert!(longest < WITHOUT_WAITING, "{longest:?}");
}
