//! Histories of the lock table: what people do, and what must hold whatever they do.

use std::time::Duration;

use causeway_locks::{Acquired, Find, Fresh, Lock, LockKey, LockTable, Proof, Reach, Refusal};
use causeway_paths::{CaseRule, SharePath};
use proptest::prelude::*;
use uuid::Uuid;

const LIFETIME: Duration = Duration::from_mins(2);
const ALICE: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);

fn key(path: &str) -> LockKey {
    let path = SharePath::parse(path).expect("a path").canonical_key(CaseRule::Insensitive);
    LockKey { share: "nas/data".into(), path }
}

fn fresh(number: u128) -> Fresh {
    Fresh {
        id: Uuid::from_u128(1000 + number),
        operation: Uuid::from_u128(2000 + number),
        capability: format!("secret {number}"),
        holder_name: "somebody".into(),
        locked_at: 0,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn granted(acquired: Acquired) -> Lock {
    match acquired {
        Acquired::Granted { lock, .. } => lock,
        other => panic!("not granted: {other:?}"),
    }
}

/// Shows everything that the holder of `lock` knows, and hands it on.
fn with_proof<T>(lock: &Lock, show: impl FnOnce(&Proof<'_>) -> T) -> T {
    let operation = lock.grant.operation.simple().to_string();
    show(&Proof {
        find: Find::ById,
        id: lock.grant.id,
        operation: &operation,
        capability: Some(&lock.grant.capability),
        fence: Some(lock.fence),
    })
}

#[test]
fn one_edits_and_the_other_waits_for_the_release() {
    let mut table = LockTable::new(0, LIFETIME);
    let file = key("docs/Plan.odt");
    let lock = granted(table.acquire(&file, ALICE, fresh(1), seconds(0)));
    // Other spellings are the same file.
    let Acquired::Held(by) = table.acquire(&key("DOCS//plan.ODT"), BOB, fresh(2), seconds(1)) else {
        panic!("two holders");
    };
    assert_eq!(by.grant.id, lock.grant.id);
    let Acquired::Again(again) = table.acquire(&file, ALICE, fresh(3), seconds(1)) else {
        panic!("a holder does not wait for himself");
    };
    assert_eq!((again.grant.id, again.fence), (lock.grant.id, lock.fence));
    let released = with_proof(&lock, |proof| table.release(&file, proof, ALICE, seconds(2)));
    assert_eq!(released.expect("his own").map(|lock| lock.grant.id), Some(lock.grant.id));
    assert_eq!(with_proof(&lock, |proof| table.release(&file, proof, ALICE, seconds(2))), Ok(None));
    let next = granted(table.acquire(&file, BOB, fresh(4), seconds(3)));
    assert!(next.fence > lock.fence);
    let stale = with_proof(&lock, |proof| table.heartbeat(&file, proof, ALICE, seconds(3)).map(drop));
    assert_eq!(stale, Err(Refusal::Lost));
}

#[test]
fn a_lock_lives_as_long_as_its_holder_gives_a_sign() {
    let mut table = LockTable::new(7, LIFETIME);
    let file = key("a.txt");
    let lock = granted(table.acquire(&file, ALICE, fresh(1), seconds(0)));
    assert_eq!(lock.fence, 8);
    for at in [100, 200, 300] {
        with_proof(&lock, |proof| table.heartbeat(&file, proof, ALICE, seconds(at))).expect("alive");
    }
    assert!(matches!(table.acquire(&file, BOB, fresh(2), seconds(419)), Acquired::Held(_)));
    assert_eq!(table.holder(&file, seconds(420)), None);
    let late = with_proof(&lock, |proof| table.heartbeat(&file, proof, ALICE, seconds(420)).map(drop));
    assert_eq!(late, Err(Refusal::Lost));
    let Acquired::Granted { lock: next, replaced } = table.acquire(&file, BOB, fresh(2), seconds(420)) else {
        panic!("dead locks are in nobody's way");
    };
    assert_eq!(replaced.len(), 1);
    assert_eq!(table.expire(seconds(420)), []);
    assert_eq!(table.expire(seconds(420) + LIFETIME), [next]);
}

#[test]
fn what_is_shown_is_compared_in_the_order_that_clients_know() {
    let mut table = LockTable::new(0, LIFETIME);
    let file = key("a.txt");
    let lock = granted(table.acquire(&file, ALICE, fresh(1), seconds(0)));
    let operation = lock.grant.operation.simple().to_string();
    let good = Proof {
        find: Find::ByPath,
        id: lock.grant.id,
        operation: &operation,
        capability: Some(&lock.grant.capability),
        fence: None,
    };
    let check = |proof: Proof<'_>, key: &LockKey, user| table.check(key, &proof, user, seconds(1)).map(drop);
    assert_eq!(check(good, &file, ALICE), Ok(()));
    let nothing_right = Proof { id: Uuid::nil(), operation: "x", capability: Some("x"), ..good };
    assert_eq!(check(nothing_right, &file, BOB), Err(Refusal::Mismatch));
    let wrong_secret = Proof { id: Uuid::nil(), capability: Some("x"), ..good };
    assert_eq!(check(wrong_secret, &file, BOB), Err(Refusal::Capability));
    assert_eq!(check(Proof { id: Uuid::nil(), ..good }, &file, BOB), Err(Refusal::Lost));
    assert_eq!(check(good, &file, BOB), Err(Refusal::Foreign));
    assert_eq!(check(Proof { fence: Some(lock.fence + 1), ..good }, &file, ALICE), Err(Refusal::Lost));
    assert_eq!(check(Proof { find: Find::ById, ..good }, &key("b.txt"), ALICE), Err(Refusal::Mismatch));
    assert_eq!(check(good, &key("b.txt"), ALICE), Err(Refusal::Lost));
    assert_eq!(check(Proof { capability: None, ..good }, &file, ALICE), Ok(()));
}

#[test]
fn a_directory_counts_with_all_that_is_in_it() {
    let mut table = LockTable::new(0, LIFETIME);
    let _file = granted(table.acquire(&key("docs/a/plan.odt"), ALICE, fresh(1), seconds(0)));
    for (above, reach) in [("docs/a/plan.odt", Reach::Item), ("docs/a", Reach::Tree), ("", Reach::Tree)] {
        assert!(table.pin(&key(above), reach, BOB, seconds(1)).is_err(), "{above}");
    }
    for beside in ["docs/a", "docs/a/plan.odt.bak", "docs/a b", "docs"] {
        let pin = table.pin(&key(beside), Reach::Item, BOB, seconds(1)).expect(beside);
        table.unpin(pin);
    }
    // A locked directory is nobody else's place to work in.
    let _directory = granted(table.acquire(&key("work"), ALICE, fresh(2), seconds(0)));
    assert!(table.pin(&key("work/new.txt"), Reach::Item, BOB, seconds(1)).is_err());
    assert!(matches!(table.acquire(&key("work/new.txt"), BOB, fresh(3), seconds(1)), Acquired::Held(_)));
    assert!(table.pin(&key("work/new.txt"), Reach::Item, ALICE, seconds(1)).is_ok());
    assert_eq!(table.own_within(&key("docs"), ALICE, seconds(1)).count(), 1);
    assert_eq!(table.own_within(&key("docs"), BOB, seconds(1)).count(), 0);
}

#[test]
fn nobody_takes_a_lock_while_somebody_else_changes_the_file() {
    let mut table = LockTable::new(0, LIFETIME);
    let pin = table.pin(&key("docs"), Reach::Tree, BOB, seconds(0)).expect("free");
    assert_eq!(table.acquire(&key("docs/a.txt"), ALICE, fresh(1), seconds(0)), Acquired::Changing);
    table.unpin(pin);
    let _lock = granted(table.acquire(&key("docs/a.txt"), ALICE, fresh(1), seconds(0)));
}

#[test]
fn a_restart_takes_over_what_can_stand_together() {
    let mut first = LockTable::new(0, LIFETIME);
    let one = granted(first.acquire(&key("a"), ALICE, fresh(1), seconds(0)));
    let mut second = LockTable::new(0, LIFETIME);
    assert!(second.restore(one.clone()));
    assert!(!second.restore(Lock { grant: fresh(9), ..one.clone() }));
    // What one user has locked within what he has locked stays his, and is nobody else's.
    let inner = Lock { grant: fresh(10), key: key("a/inner"), ..one.clone() };
    assert!(second.restore(inner.clone()));
    assert!(!second.restore(Lock { grant: fresh(11), key: key("a/other"), holder: BOB, ..one.clone() }));
    assert!(matches!(second.acquire(&key("a"), BOB, fresh(2), seconds(1)), Acquired::Held(_)));
    assert!(granted(second.acquire(&key("b"), BOB, fresh(3), seconds(1))).fence > one.fence);
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Step {
    Acquire { who: u8, path: usize },
    Heartbeat { grant: usize },
    Release { grant: usize },
    Remove { grant: usize },
    Pin { who: u8, path: usize, tree: bool },
    Unpin,
    Wait { seconds: u64 },
    Sweep,
}

const PATHS: [&str; 6] = ["a", "A/x", "a/x/1", "ab", "b/y", ""];

fn step() -> impl Strategy<Value = Step> {
    let who = 1_u8..4;
    let path = 0..PATHS.len();
    prop_oneof![
        4 => (who.clone(), path.clone()).prop_map(|(who, path)| Step::Acquire { who, path }),
        3 => (0_usize..8).prop_map(|grant| Step::Heartbeat { grant }),
        2 => (0_usize..8).prop_map(|grant| Step::Release { grant }),
        1 => (0_usize..8).prop_map(|grant| Step::Remove { grant }),
        2 => (who, path, any::<bool>()).prop_map(|(who, path, tree)| Step::Pin { who, path, tree }),
        2 => Just(Step::Unpin),
        3 => (1_u64..150).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Sweep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever people do: one holder, numbers that rise, nobody writes under another one's lock, and whoever was told
    /// "yes" to a heartbeat is the holder.
    #[test]
    fn nobody_holds_what_another_one_holds(steps in proptest::collection::vec(step(), 1..60)) {
        let mut table = LockTable::new(0, LIFETIME);
        let mut now = Duration::ZERO;
        let mut grants: Vec<Lock> = Vec::new();
        let mut pins = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Acquire { who, path } => {
                    let user = Uuid::from_u128(who.into());
                    let last = grants.iter().map(|lock| lock.fence).max().unwrap_or(0);
                    match table.acquire(&key(PATHS[path]), user, fresh(number as u128), now) {
                        Acquired::Granted { lock, .. } => {
                            prop_assert!(lock.fence > last);
                            grants.push(lock);
                        }
                        Acquired::Again(lock) => prop_assert_eq!(lock.holder, user),
                        Acquired::Held(lock) => {
                            prop_assert_ne!(lock.holder, user);
                            prop_assert!(lock.is_live(now) && lock.key.overlaps(&key(PATHS[path])));
                        }
                        Acquired::Changing => prop_assert!(!pins.is_empty()),
                    }
                }
                Step::Heartbeat { grant } => if let Some(lock) = grants.get(grant) {
                    let alive = with_proof(lock, |proof| table.heartbeat(&lock.key, proof, lock.holder, now));
                    if let Ok(alive) = alive {
                        prop_assert_eq!(alive.fence, lock.fence);
                        prop_assert_eq!(alive.dies_at, now + LIFETIME);
                        let newer = grants.iter().any(|other| other.key == lock.key && other.fence > lock.fence);
                        prop_assert!(!newer, "a heartbeat of a stale holder was taken");
                    }
                },
                Step::Release { grant } => if let Some(lock) = grants.get(grant) {
                    let released = with_proof(lock, |proof| table.release(&lock.key, proof, lock.holder, now));
                    prop_assert!(released.is_ok_and(|gone| gone.is_none_or(|gone| gone.grant.id == lock.grant.id)));
                },
                Step::Remove { grant } => if let Some(lock) = grants.get(grant) {
                    table.remove(lock.grant.id);
                    prop_assert!(table.get(lock.grant.id).is_none());
                },
                Step::Pin { who, path, tree } => {
                    let reach = if tree { Reach::Tree } else { Reach::Item };
                    let (user, key) = (Uuid::from_u128(who.into()), key(PATHS[path]));
                    if let Ok(pin) = table.pin(&key, reach, user, now) {
                        pins.push((pin, key, reach, user));
                    }
                }
                Step::Unpin => if !pins.is_empty() {
                    table.unpin(pins.swap_remove(0).0);
                },
                Step::Wait { seconds } => now += Duration::from_secs(seconds),
                Step::Sweep => prop_assert!(table.expire(now).iter().all(|lock| !lock.is_live(now))),
            }
            let live: Vec<&Lock> = table.locks().filter(|lock| lock.is_live(now)).collect();
            for (at, one) in live.iter().enumerate() {
                for other in &live[at + 1..] {
                    prop_assert!(one.holder == other.holder || !one.key.overlaps(&other.key));
                }
                for (_, key, reach, user) in &pins {
                    let below = *reach == Reach::Tree && one.key.is_within(key);
                    prop_assert!(one.holder == *user || !(below || key.is_within(&one.key)));
                }
            }
        }
    }
}
