//! Many clients, few files, and everything that can go wrong: what they were told is written down and judged.

mod client;
mod trouble;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_tests::history::{Action, Found, Operation, Outcome};
use causeway_tests::{Proxy, Share, User, World, WorldOptions};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::client::Client;
use crate::arena::{self, Arena, Player, granted, lock_id, saved};

/// Operations of a run, unless `CAUSEWAY_TEST_OPERATIONS` says otherwise.
const OPERATIONS: usize = 10_000;

/// One of so many operations has to be a save that was accepted: on a machine that does much else, whatever fails fails
/// quickly, and the trouble fills a run.
const SAVES_AMONG: usize = 20;

/// One of so many has to be kept off by nothing but a hold, with certainty.
const HELD_AMONG: usize = 2_000;

/// How long a run may take, however slow the machine is.
const RUN_WITHIN: Duration = Duration::from_mins(10);

/// Until everything is as if nothing had happened.
const HEALED_WITHIN: Duration = Duration::from_mins(1);

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

const LONG_POLL: Duration = Duration::from_secs(3);

/// Before one whom the host has no room for comes back.
const HELD_OFF: Duration = Duration::from_millis(500);

/// Clients of each user: they share his locks.
const CLIENTS_EACH: usize = 3;

/// A number out of the environment.
pub(crate) fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_of_locks_and_saves_is_impossible() {
    let seed = from_environment("CAUSEWAY_TEST_SEED").unwrap_or_else(rand::random);
    let wanted = from_environment("CAUSEWAY_TEST_OPERATIONS");
    let wanted = wanted.and_then(|number| usize::try_from(number).ok()).unwrap_or(OPERATIONS);
    println!("CAUSEWAY_TEST_SEED={seed}");
    let mut world = arena::world().await;
    let proxy = Proxy::start(world.samba_port()).expect("a proxy");
    // The last one is the one that nobody changes.
    let names = ["plan.txt", "Über Höhe ä.md", "sheet.xlsx", "notes", "sealed"].map(str::to_owned);
    let arena = Arena::new(&world, &proxy, names.to_vec()).await;
    let players = players(&world).await;

    let stop = CancellationToken::new();
    let start = Instant::now();
    let clients = async {
        let work = players.iter().map(|player| {
            let (mut client, stop) = (Client::new(&arena, player.clone(), seed), stop.clone());
            async move {
                while !stop.is_cancelled() {
                    client.step().await;
                }
            }
        });
        futures::future::join_all(work).await;
    };
    let clock = async {
        let is_short = || {
            arena.recorder.count(|_| true) < wanted
                || arena.recorder.count(is_accepted_save) < wanted / SAVES_AMONG
        };
        let has_few_holds = || arena.certainly_held() < wanted / HELD_AMONG;
        while start.elapsed() < RUN_WITHIN && (is_short() || has_few_holds()) {
            // Looking for the latter takes longer.
            tokio::time::sleep(if is_short() { POLL } else { LONG_POLL }).await;
        }
        stop.cancel();
    };
    let (made, (), ()) = tokio::join!(trouble::make(&mut world, &proxy, &arena, seed, &stop), clients, clock);
    let took = start.elapsed();

    heal(&world, &arena, &players).await;
    let operations = arena.recorder.operations();
    println!("{} operations in {took:.1?} with trouble: {made:?}", operations.len());
    for (what, count) in figures(&operations) {
        println!("  {what}: {count}");
    }
    let held = arena.certainly_held();
    println!("  kept off by a hold alone: {held}");
    arena.judge(&format!("locks-{seed}"));
    assert!(operations.len() >= wanted, "only {} operations in {took:?}", operations.len());
    assert!(held >= wanted / HELD_AMONG, "only {held} were kept off by nothing but a hold");
    has_tried_everything(&operations, wanted / SAVES_AMONG);
}

/// Three editors and an administrator, each with several clients.
async fn players(world: &World) -> Vec<Player> {
    let names = ["ada", "bob", "eve"].map(str::to_owned);
    let mut users: Vec<(String, User)> =
        names.iter().cloned().zip(world.newcomers(&names, "editor").await).collect();
    users.push(("admin".to_owned(), world.admin()));
    let all = users.iter().cycle().take(users.len() * CLIENTS_EACH);
    all.enumerate()
        .map(|(client, (name, user))| Player { client, name: name.clone(), user: user.clone() })
        .collect()
}

/// Nothing is left of the trouble: each file can be read, locked and saved by anybody, nobody holds one on the server, and
/// no temporary file is there.
async fn heal(world: &World, arena: &Arena, players: &[Player]) {
    let start = Instant::now();
    let player = &players[0];
    for file in 0..arena.files() {
        let spelling = &arena.spellings(file)[0];
        // Perhaps nobody came to put it back.
        if arena.read(player, file, spelling).await == Outcome::Read(Found::Nothing) {
            arena.overwrite(player, file, 2_000).await;
        }
        let share = arena.share(player, spelling);
        let edit = loop {
            assert!(start.elapsed() < HEALED_WITHIN, "{} cannot be locked", spelling.path);
            tokio::time::sleep(POLL).await;
            let Ok(link) = share.ask_link(&spelling.path).try_send().await else { continue };
            let Ok(token) = share.exchange(&link.json()).try_send().await else { continue };
            let bootstrap = player.user.bearing(token.json()["token"].as_str().unwrap_or_default());
            let mut edit = None;
            let ask = share.ask_lock(&bootstrap, &spelling.path);
            arena
                .perform(player, file, Action::Acquire, ask, |answer| {
                    let (taken, outcome) = granted(&share, &spelling.path, answer);
                    edit = Some(taken);
                    outcome
                })
                .await;
            if let Some(edit) = edit {
                break edit;
            }
        };
        let lock = lock_id(edit.lock());
        // What an interrupted save has left uncertain is refused until it is cleared up.
        let edition = loop {
            let look = Action::Look { lock: lock.clone() };
            let (looked, _) = arena.perform(player, file, look, edit.download(), arena::found).await;
            let edition = arena.edition(file, 2_000);
            let mut said = format!("{looked:?}");
            if let Outcome::Read(Found::Whole(parent)) = looked {
                let (lock, parent) = (lock.clone(), parent.id);
                let action = Action::Save { lock, edition: edition.id, parent, keeps_copy: false };
                let (kept, answer) =
                    arena.perform(player, file, action, edit.save(edition.to_bytes()), saved).await;
                if kept == Outcome::Done {
                    break edition;
                }
                said = format!("{kept:?}: {answer:?}");
            }
            assert!(said.contains("503") || said.contains("Unknown"), "{}: {said}", spelling.path);
            assert!(start.elapsed() < HEALED_WITHIN, "{} cannot be saved: {said}", spelling.path);
            tokio::time::sleep(POLL).await;
        };
        arena.perform(player, file, Action::Release { lock }, edit.release(), |_| Outcome::Done).await;
        let read = arena.read(player, file, spelling).await;
        assert_eq!(read, Outcome::Read(Found::Whole(edition)));
    }
    let folder = arena.folder();
    loop {
        let open = world.samba().open_files().expect("smbstatus");
        let open: Vec<_> = open.into_iter().filter(|line| line.contains(folder.path())).collect();
        let rubbish = folder.rubbish();
        if open.is_empty() && rubbish.is_empty() {
            return;
        }
        assert!(start.elapsed() < HEALED_WITHIN, "left are {rubbish:?}, and open {open:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// How often what came of what.
fn figures(operations: &[Operation]) -> BTreeMap<String, usize> {
    let mut figures = BTreeMap::new();
    for operation in operations {
        let what = format!("{:?}", operation.action);
        let what = what.split(' ').next().unwrap_or_default();
        let outcome = match &operation.outcome {
            Outcome::Refused { status } => format!("refused by {status}"),
            outcome => {
                let outcome = format!("{outcome:?}").to_lowercase();
                outcome.split([' ', '(']).next().unwrap_or_default().to_owned()
            }
        };
        *figures.entry(format!("{what} {outcome}")).or_default() += 1;
    }
    figures
}

/// A run in which nothing was accepted, or nothing refused, proves nothing.
fn has_tried_everything(operations: &[Operation], least_saves: usize) {
    let count =
        |holds: &dyn Fn(&Operation) -> bool| operations.iter().filter(|operation| holds(operation)).count();
    let is_save = |operation: &Operation| matches!(operation.action, Action::Save { .. });
    let is_refused = |operation: &Operation, wanted: &[u16]| matches!(operation.outcome, Outcome::Refused { status } if wanted.contains(&status));
    let saves = count(&is_accepted_save);
    assert!(saves >= least_saves, "only {saves} saves were accepted");
    let conflicts = count(&|operation| is_save(operation) && is_refused(operation, &[409]));
    assert!(conflicts > 5, "only {conflicts} conflicts");
    let lost = count(&|operation| is_save(operation) && is_refused(operation, &[403, 404]));
    assert!(lost > 5, "only {lost} saves without a lock");
    let copies = count(&|operation| matches!(operation.outcome, Outcome::Kept { .. }));
    assert!(copies > 0, "no copies were kept");
    let unknown = count(&|operation| operation.outcome == Outcome::Unknown);
    assert!(unknown > 5, "only {unknown} answers were lost");
    let past = |operation: &Operation| matches!(operation.action, Action::Transfer { .. } | Action::Remove);
    let kept_off = count(&|operation| past(operation) && is_refused(operation, &[423]));
    assert!(kept_off > 5, "only {kept_off} copies, moves, renames and deletions met a lock");
    let passed = count(&|operation| past(operation) && operation.outcome == Outcome::Done);
    assert!(passed > 5, "only {passed} copies, moves, renames and deletions met none");
    let held_off = count(&|operation| operation.action == Action::Acquire && is_refused(operation, &[409]));
    assert!(held_off > 100, "only {held_off} came too late for a lock");
}

fn is_accepted_save(operation: &Operation) -> bool {
    matches!(operation.action, Action::Save { .. }) && operation.outcome == Outcome::Done
}

/// Of each of many users so many at the same time.
async fn storm(users: usize, each: usize) {
    let world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("storm");
    folder.write("wanted.txt", "");
    let path = folder.at("wanted.txt");
    let names: Vec<_> = (0..users).map(|number| format!("user-{number}")).collect();
    let people = world.newcomers(&names, "editor").await;
    let gate = Arc::new(tokio::sync::Barrier::new(users * each));
    let tasks: Vec<_> = people
        .iter()
        .flat_map(|user| std::iter::repeat_n(user, each))
        .map(|user| {
            let (share, path, gate) = (user.on(world.connection()), path.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                gate.wait().await;
                take(&share, &path).await
            })
        })
        .collect();
    let start = Instant::now();
    let (mut granted, mut held_off) = (Vec::new(), 0);
    for task in tasks {
        let (status, answer, refusals) = task.await.expect("a task");
        held_off += refusals;
        if status == 200 {
            granted.push(answer);
        } else {
            let detail = answer["detail"].as_str().unwrap_or_default();
            assert!(detail.starts_with("File is locked for editing by user-"), "{status}: {detail}");
        }
    }
    println!("{} of {} in {:?}, {held_off} asked once more", granted.len(), users * each, start.elapsed());
    // The winner gets it as often as he asks, and nobody else.
    assert_eq!(granted.len(), each);
    for lock in &granted {
        assert_eq!(lock["lock_id"], granted[0]["lock_id"]);
        assert_eq!(lock["lock_capability"], granted[0]["lock_capability"]);
        assert_eq!(lock["locked_by"], granted[0]["locked_by"]);
    }
    let open = world.samba().open_files().expect("smbstatus");
    let open = open.iter().filter(|line| line.contains(&path)).count();
    assert_eq!(open, 1, "one lock holds the file once");
}

/// Asks for the lock until there is an answer of yes or no; and how often there was none. The host lets so many wait and
/// tells the others to come back.
async fn take(share: &Share, path: &str) -> (u16, Value, u32) {
    let mut refusals = 0;
    loop {
        let response = share.browser_lock(path).stream().await.expect("an answer");
        let status = response.status().as_u16();
        match status {
            200 | 409 => return (status, response.json().await.expect("JSON"), refusals),
            503 => {
                assert!(response.headers().contains_key("retry-after"));
                refusals += 1;
                tokio::time::sleep(HELD_OFF).await;
            }
            _ => panic!("{status}: {}", response.text().await.unwrap_or_default()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_thousand_who_want_a_lock_at_once_one_gets_it() {
    storm(50, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_who_asks_two_thousand_times_at_once_gets_the_same_lock() {
    storm(1, 2_000).await;
}
