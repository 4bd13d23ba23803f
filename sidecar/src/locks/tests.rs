//! Stories of locks that the routes cannot tell: a database that takes nothing, restarts at chosen moments, two servers.

use std::fs;
use std::time::{Duration, Instant};

use causeway_internal::FaultCode;
use causeway_internal::accounts::Account;
use causeway_internal::locks::{CheckLock, FindLock, LockGrant, LockProof, LockState};
use causeway_locks::Reach;
use causeway_samba::Samba;
use causeway_smb::{PoolLimits, SharePool, Target};
use tokio::time::timeout;
use uuid::Uuid;

use super::Locks;
use crate::files::Place;
use crate::house::House;
use crate::store::audit::{Event, Outcome};
use crate::store::{AuditRecord, audit_trail};

/// So much less than a server that hangs is waited for that the two are not mistaken for each other.
const WITHOUT_WAITING: Duration = Duration::from_secs(3);

/// A life of locks that one can wait for the end of, and longer than a grant takes on a busy machine.
const SHORT: Duration = Duration::from_secs(3);

/// What the trail has of locks and edits.
async fn trail(house: &House) -> Vec<AuditRecord> {
    let mut records = audit_trail(house.data_dir(), 1_000).await.expect("read");
    records.retain(|record| record.event.starts_with("lock.") || record.event.starts_with("edit."));
    records
}

async fn events(house: &House) -> Vec<String> {
    trail(house).await.into_iter().map(|record| record.event).collect()
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
    let house = House::open().await;
    fs::write(house.on_disk("plan.txt"), "content").expect("a file");
    let file = house.place("plan.txt").await;
    let other = Account { id: Uuid::new_v4(), username: "other".to_owned(), ..house.admin.clone() };
    let grant = house.locks.acquire(&house.admin, file.clone()).await.expect("locked");
    for (host, share) in [("localhost", "data"), ("127.0.0.1", "again"), ("localhost", "again")] {
        let (user, password) = (house.samba.user(), house.samba.password());
        let target = Target::new(host, house.samba.port(), share, user, password);
        let pool = SharePool::new(target, PoolLimits::default());
        let alias = Place { pool, ..file.clone() };
        let refused = house.locks.acquire(&other, alias.clone()).await.expect_err("one file");
        assert_eq!(refused.code, FaultCode::Locked, "{host} {share}");
        // Nor is it replaced that way.
        let pass = house.locks.pass(other.id, &alias, Reach::Item).expect("nothing known of that path");
        let there = alias.look().await.expect("looked");
        assert_eq!(pass.covers(&alias, there.as_ref()).await.expect_err("held").code, FaultCode::Locked);
        let own = house.locks.pass(house.admin.id, &alias, Reach::Item).expect("free");
        own.covers(&alias, there.as_ref()).await.expect("his own");
    }
    let again = house.locks.acquire(&house.admin, file).await.expect("his");
    assert_eq!(again.lock_id, grant.lock_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locked_and_unlocked_what_from_where_is_on_the_record() {
    let house = House::open().await;
    fs::write(house.on_disk("plan.txt"), "content").expect("a file");
    let file = house.place("plan.txt").await;
    let deeds = async {
        let grant = house.locks.acquire(&house.admin, file.clone()).await.expect("locked");
        let again = house.locks.acquire(&house.admin, file.clone()).await.expect("his own");
        assert_eq!((again.lock_id, again.fence), (grant.lock_id, grant.fence));
        house.locks.force(&house.admin, file.clone()).await.expect("unlocked");
        let next = house.locks.acquire(&house.admin, file.clone()).await.expect("locked again");
        assert!(next.fence > grant.fence);
        house.locks.note(&house.admin, Event::EditSaved, Outcome::Succeeded, &file, "7 bytes").await;
    };
    Box::pin(crate::origin::within(Some("192.0.2.7".to_owned()), deeds)).await;
    let written = trail(&house).await;
    let events: Vec<&str> = written.iter().map(|record| record.event.as_str()).collect();
    assert_eq!(events, ["lock.acquired", "lock.forced", "lock.acquired", "edit.saved"]);
    for record in &written {
        assert_eq!((record.actor.as_deref(), record.origin.as_deref()), (Some("admin"), Some("192.0.2.7")));
        assert!(record.detail.starts_with("plan.txt: "), "{}", record.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_could_not_be_told_of_the_end_of_a_lock_it_is_told_later() {
    let mut house = House::open().await;
    let editor = house.editor("editor").await;
    for name in ["forced.txt", "other.txt"] {
        fs::write(house.on_disk(name), "content").expect("a file");
    }
    let (forced, other) = (house.place("forced.txt").await, house.place("other.txt").await);
    let _ = house.locks.acquire(&editor, forced.clone()).await.expect("locked");
    house.store.refuse_changes(true).await;
    house.locks.force(&house.admin, forced.clone()).await.expect_err("it cannot be written down");
    assert_eq!(house.locks.state(&editor, &forced, false).await, LockState::Free, "and is over all the same");
    house.locks.force(&house.admin, forced.clone()).await.expect_err("which is not yet safe from a kill");
    let _ = house.locks.acquire(&house.admin, forced.clone()).await.expect_err("nor can this");
    assert_eq!(events(&house).await, ["lock.acquired"]);

    house.store.refuse_changes(false).await;
    let _ = house.locks.acquire(&house.admin, other.clone()).await.expect("locked");
    assert_eq!(events(&house).await, ["lock.acquired", "lock.forced", "lock.acquired"]);
    let records = trail(&house).await;
    assert_eq!(records[1].actor.as_deref(), Some("admin"));
    assert!(records[1].detail.starts_with("forced.txt: editor had it, fence "), "{}", records[1].detail);
    assert!(records[1].at < records[2].at, "it was forced when it was forced");
    // No ghost of it comes back with a new process.
    house.crash_under_locks().await;
    assert_eq!(house.locks.state(&editor, &forced, false).await, LockState::Free);
    assert!(matches!(house.locks.state(&editor, &other, false).await, LockState::Locked(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_whose_end_nobody_noticed_before_the_next_one_is_on_the_record() {
    let mut house = House::open().await;
    house.restart_with_locks_of(SHORT).await;
    let editor = house.editor("editor").await;
    fs::create_dir(house.on_disk("docs")).expect("a directory");
    fs::write(house.on_disk("docs/plan.txt"), "content").expect("a file");
    let (docs, plan) = (house.place("docs").await, house.place("docs/plan.txt").await);
    let first = house.locks.acquire(&editor, docs.clone()).await.expect("locked");
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let second = house.locks.acquire(&house.admin, plan.clone()).await.expect("nobody's any more");
    assert!(second.fence > first.fence);
    let records = trail(&house).await;
    let told: Vec<(&str, &str)> =
        records.iter().map(|record| (record.event.as_str(), record.detail.as_str())).collect();
    let expired = format!("docs: editor had it, fence {}", first.fence);
    assert_eq!(told[1], ("lock.expired", expired.as_str()));
    assert_eq!(told.len(), 3, "{told:?}");

    // While the program does not run, too.
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    house.restart_with_locks_of(SHORT).await;
    let upkeep = house.keep_locks();
    house.until("the end is recorded", async |house| events(house).await.len() == 4).await;
    upkeep.cancel();
    let expired = format!("docs/plan.txt: admin had it, fence {}", second.fence);
    let last = trail(&house).await.pop().expect("a record");
    assert_eq!((last.event.as_str(), last.detail), ("lock.expired", expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_goes_with_its_connection_or_its_user_is_on_the_record() {
    let house = House::open().await;
    let editor = house.editor("editor").await;
    let elsewhere = house.connect("localhost", "data").await;
    for name in ["connection.txt", "user.txt"] {
        fs::write(house.on_disk(name), "content").expect("a file");
    }
    let place = house.place_on(elsewhere, "connection.txt").await;
    let _ = house.locks.acquire(&house.admin, place).await.expect("locked");
    let place = house.place("user.txt").await;
    let _ = house.locks.acquire(&editor, place).await.expect("locked");
    house.locks.forget_connection(elsewhere).await;
    house.locks.forget_user(editor.id).await;
    let records = trail(&house).await;
    let told: Vec<(&str, &str)> =
        records.iter().skip(2).map(|record| (record.event.as_str(), record.detail.as_str())).collect();
    assert!(told[0].0 == "lock.dropped" && told[0].1.starts_with("connection.txt: admin had it"), "{told:?}");
    assert!(told[1].0 == "lock.dropped" && told[1].1.starts_with("user.txt: editor had it"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_a_directory_that_somebody_has_locked_is_his() {
    let house = House::open().await;
    let editor = house.editor("editor").await;
    fs::create_dir_all(house.on_disk("docs/deep")).expect("directories");
    fs::write(house.on_disk("docs/deep/plan.txt"), "content").expect("a file");
    fs::write(house.on_disk("docs.txt"), "content").expect("a file");
    let docs = house.place("docs").await;
    let _ = house.locks.acquire(&editor, docs).await.expect("locked");
    for path in ["docs", "docs/deep", "DOCS/deep/Plan.txt", "docs/not yet there"] {
        let place = house.place(path).await;
        let LockState::Locked(view) = house.locks.state(&house.admin, &place, true).await else {
            panic!("{path} is free")
        };
        assert_eq!((view.locked_by.as_str(), view.is_mine), ("editor", false), "{path}");
        // He himself may lock what is in it.
        let own = house.locks.state(&editor, &place, true).await;
        assert_eq!(own == LockState::Free, path != "docs", "{path}");
    }
    let beside = house.place("docs.txt").await;
    assert_eq!(house.locks.state(&house.admin, &beside, true).await, LockState::Free);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_locked_file_is_known_by_whatever_way_one_comes_to_it() {
    let mut house = House::open().await;
    let editor = house.editor("editor").await;
    let (address, share) =
        (house.connect("localhost", "data").await, house.connect("127.0.0.1", "again").await);
    fs::write(house.on_disk("plan.txt"), "content").expect("a file");
    let plan = house.place("plan.txt").await;
    let grant = house.locks.acquire(&house.admin, plan.clone()).await.expect("locked");
    for replaced in [false, true] {
        if replaced {
            // While nobody held it.
            fs::write(house.on_disk("new"), "another file").expect("a file");
            fs::rename(house.on_disk("new"), house.on_disk("plan.txt")).expect("in its place");
        }
        for way in [address, share] {
            house.crash_under_locks().await;
            let alias = house.place_on(way, "plan.txt").await;
            let refused = house.locks.acquire(&editor, alias).await.expect_err("the same file");
            assert_eq!(refused.code, FaultCode::Locked);
        }
    }
    assert!(is_good(&house.locks, &house.admin, &plan, &grant).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_server_that_hangs_delays_the_locks_of_no_other() {
    let mut house = House::open().await;
    let editor = house.editor("editor").await;
    // Samba makes its GUID out of the name.
    let other = Samba::builder().global("netbios name", "OTHER").start().expect("a second smbd");
    let elsewhere = house.connect_to(&other, "127.0.0.1", "data").await;
    for path in [house.on_disk("plan.txt"), other.share_dir("data").join("theirs.txt")] {
        fs::write(path, "content").expect("a file");
    }
    for name in ["theirs.txt", "not yet there.txt"] {
        let place = house.place_on(elsewhere, name).await;
        let _ = house.locks.acquire(&house.admin, place).await.expect("locked");
    }
    other.freeze();
    house.crash_under_locks().await;
    let upkeep = house.keep_locks();
    let plan = house.place("plan.txt").await;
    let granted = timeout(WITHOUT_WAITING, house.locks.acquire(&editor, plan)).await;
    other.thaw();
    upkeep.cancel();
    let _ = granted.expect("at once").expect("locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_locks_that_turn_out_to_be_on_one_file_the_earlier_one_stays() {
    let mut house = House::open().await;
    let editor = house.editor("editor").await;
    let elsewhere = house.connect("localhost", "again").await;
    for name in ["one.txt", "two.txt"] {
        fs::write(house.on_disk(name), "content").expect("a file");
    }
    let (one, two) = (house.place("one.txt").await, house.place_on(elsewhere, "two.txt").await);
    let earlier = house.locks.acquire(&house.admin, one.clone()).await.expect("locked");
    let later = house.locks.acquire(&editor, two.clone()).await.expect("another file");
    house.crash_under_locks().await;
    fs::remove_file(house.on_disk("two.txt")).expect("removed");
    fs::hard_link(house.on_disk("one.txt"), house.on_disk("two.txt")).expect("one file from now on");
    let upkeep = house.keep_locks();
    house
        .until("the later one ends", async |house| !is_good(&house.locks, &editor, &two, &later).await)
        .await;
    assert!(is_good(&house.locks, &house.admin, &one, &earlier).await);
    house.until("that is on the record", async |house| events(house).await.len() == 3).await;
    let last = trail(&house).await.pop().expect("a record");
    assert!(last.event == "lock.dropped" && last.detail.starts_with("two.txt: editor had it"), "{last:?}");
    let refused = house.locks.acquire(&editor, two).await.expect_err("the admin's");
    assert_eq!(refused.code, FaultCode::Locked);
    upkeep.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_the_database_has_lost_is_told_of_at_once_and_granted_anew() {
    let house = House::open().await;
    fs::write(house.on_disk("plan.txt"), "content").expect("a file");
    let plan = house.place("plan.txt").await;
    let lost = house.locks.acquire(&house.admin, plan.clone()).await.expect("locked");
    // As the deletion of its connection does.
    let mut change = house.store.begin().await.expect("begun");
    sqlx::query("DELETE FROM locks").execute(&mut *change).await.expect("deleted");
    change.commit().await.expect("committed");
    let again = timeout(WITHOUT_WAITING, house.locks.acquire(&house.admin, plan.clone())).await;
    assert_eq!(again.expect("at once").expect_err("it is lost").code, FaultCode::LockLost);
    assert!(!is_good(&house.locks, &house.admin, &plan, &lost).await);
    let _ = house.locks.acquire(&house.admin, plan).await.expect("anew");
    assert_eq!(events(&house).await, ["lock.acquired", "lock.dropped", "lock.acquired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_locks_that_end_at_once_are_in_the_way_of_nothing() {
    const MANY: usize = 150;
    let mut house = House::open().await;
    house.restart_with_locks_of(SHORT).await;
    let editor = house.editor("editor").await;
    for number in 0..MANY {
        let place = house.place(&format!("{number}.txt")).await;
        let _ = house.locks.acquire(&editor, place).await.expect("locked");
    }
    let upkeep = house.keep_locks();
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while events(&house).await.iter().filter(|event| *event == "lock.expired").count() < MANY {
        let asked = Instant::now();
        let other = house.place("other.txt").await;
        let _ = house.locks.acquire(&house.admin, other.clone()).await.expect("locked");
        house.locks.force(&house.admin, other).await.expect("unlocked");
        longest = longest.max(asked.elapsed());
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", events(&house).await.len());
    }
    upkeep.cancel();
    assert!(longest < WITHOUT_WAITING, "{longest:?}");
}
