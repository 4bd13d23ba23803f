//! The product, the server and the network are killed in the middle of saves: each file has its old or its new content, and
//! nothing else is left.

use std::time::{Duration, Instant};

use causeway_tests::history::{Action, Edition, Found, Outcome};
use causeway_tests::{Edit, Folder, Proxy, Share, World};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::block_in_place;

use crate::arena::{self, Arena, Player, granted, lock_id, saved};
use crate::locks::from_environment;

/// Saves that a run interrupts, unless `CAUSEWAY_TEST_KILLS` says otherwise.
const KILLS: usize = 1_000;

/// Saves at the same time: a kill meets all that are under way.
const AT_ONCE: usize = 16;

/// Lengths of what is saved, in bytes.
const LENGTHS: std::ops::Range<usize> = 100_000..3_000_000;

/// How long a run may take, however slow the machine is.
const RUN_WITHIN: Duration = Duration::from_mins(10);

/// Until what was left behind is gone.
const CLEARED_WITHIN: Duration = Duration::from_mins(1);

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// Somebody with a file of his own.
struct Writer<'a> {
    arena: &'a Arena,
    player: Player,
    file: usize,
    share: Share,
    path: String,
    edit: Option<Edit>,
    parent: u64,
    /// The content of which nobody knows whether it was saved.
    perhaps: Option<u64>,
}

/// What becomes of a save that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Saved,
    Refused,
    Unknown,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_that_is_killed_leaves_the_old_or_the_new_content_and_nothing_else() {
    let seed = from_environment("CAUSEWAY_TEST_SEED").unwrap_or_else(rand::random);
    let wanted = from_environment("CAUSEWAY_TEST_KILLS").and_then(|number| usize::try_from(number).ok());
    let wanted = wanted.unwrap_or(KILLS);
    println!("CAUSEWAY_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = arena::world().await;
    let proxy = Proxy::start(world.samba_port()).expect("a proxy");
    let names = (0..AT_ONCE).map(|number| format!("work-{number}.bin")).collect();
    let arena = Arena::new(&world, &proxy, names).await;
    let mut writers: Vec<_> = (0..AT_ONCE).map(|file| Writer::new(&world, &arena, file)).collect();

    let start = Instant::now();
    // Until a round of saves is done when nobody disturbs it.
    let mut usual = Duration::from_millis(400);
    let (mut interrupted, mut rounds, mut landed, mut kept) = (0, 0, 0, 0);
    while interrupted < wanted && start.elapsed() < RUN_WITHIN {
        rounds += 1;
        let lengths: Vec<_> = writers.iter().map(|_| random.random_range(LENGTHS)).collect();
        let moment = usual.mul_f64(random.random_range(0.02..1.0));
        let kind = random.random_range(0..10);
        let begin = Instant::now();
        let saves = async {
            let saves = writers.iter_mut().zip(lengths).map(|(writer, length)| writer.save(length));
            let fates = futures::future::join_all(saves).await;
            (fates, begin.elapsed())
        };
        let disturbance = async {
            tokio::time::sleep(moment).await;
            strike(&mut world, &proxy, &arena, kind).await;
        };
        let ((fates, took), ()) = tokio::join!(saves, disturbance);
        interrupted += fates.iter().filter(|fate| **fate == Fate::Unknown).count();
        if fates.iter().all(|fate| *fate == Fate::Saved) {
            // The kill came too late.
            usual = took;
        } else {
            usual = usual.mul_f64(1.02);
        }
        for writer in &mut writers {
            match writer.find_out(arena.folder(), &world) {
                Some(true) => landed += 1,
                Some(false) => kept += 1,
                None => {}
            }
        }
    }
    let took = start.elapsed();
    println!(
        "{interrupted} saves interrupted in {rounds} rounds and {took:.1?}: {kept} files have their old content, {landed} the \
         new one"
    );
    is_cleared(&world, &arena).await;
    for writer in &writers {
        writer.read().await;
    }
    arena.judge(&format!("kills-{seed}"));
    assert!(interrupted >= wanted, "only {interrupted} in {took:?}");
    assert!(kept > 0 && landed > 0, "each kill came at the same moment");
}

/// Kills something, and mends it.
async fn strike(world: &mut World, proxy: &Proxy, arena: &Arena, kind: u32) {
    match kind {
        // The server, and the connection to it.
        0 => {
            block_in_place(|| world.samba_mut().kill9());
            block_in_place(|| world.samba_mut().restart().expect("a new server"));
        }
        1 => {
            proxy.cut();
            proxy.restore();
        }
        _ => {
            let _away = arena.calm.write().await;
            block_in_place(|| world.product_mut().kill().expect("an end"));
            block_in_place(|| world.product_mut().start_again().expect("a new start"));
        }
    }
}

/// Nothing temporary is left.
async fn is_cleared(world: &World, arena: &Arena) {
    let start = Instant::now();
    while !arena.folder().rubbish().is_empty() {
        let left = arena.folder().rubbish();
        assert!(start.elapsed() < CLEARED_WITHIN, "left are {left:?}\n{}", world.product().last_log());
        tokio::time::sleep(POLL).await;
    }
}

impl<'a> Writer<'a> {
    fn new(world: &World, arena: &'a Arena, file: usize) -> Self {
        let player = Player { client: file, name: "editor".to_owned(), user: world.editor() };
        let spelling = &arena.spellings(file)[0];
        let share = arena.share(&player, spelling);
        // The first content of each file has its number.
        let parent = file as u64;
        Self { arena, player, file, share, path: spelling.path.clone(), edit: None, parent, perhaps: None }
    }

    /// Takes the lock anew: it may have died while nobody was there to keep it.
    async fn open(&mut self) -> Option<()> {
        let link = self.share.ask_link(&self.path).try_send().await.ok()?;
        let token = self.share.exchange(&link.json()).try_send().await.ok()?;
        let bootstrap = self.player.user.bearing(token.json()["token"].as_str()?);
        let mut edit = None;
        let ask = self.share.ask_lock(&bootstrap, &self.path);
        let (share, path) = (&self.share, &self.path);
        self.arena
            .perform(&self.player, self.file, Action::Acquire, ask, |answer| {
                let (taken, outcome) = granted(share, path, answer);
                edit = Some(taken);
                outcome
            })
            .await;
        self.edit = Some(edit?);
        let edit = self.edit.as_ref()?;
        let look = Action::Look { lock: lock_id(edit.lock()) };
        let (read, _) =
            self.arena.perform(&self.player, self.file, look, edit.download(), arena::found).await;
        match read {
            Outcome::Read(Found::Whole(edition)) => {
                self.parent = edition.id;
                Some(())
            }
            _ => {
                self.edit = None;
                None
            }
        }
    }

    async fn save(&mut self, length: usize) -> Fate {
        if self.edit.is_none() && self.open().await.is_none() {
            return Fate::Refused;
        }
        let Some(edit) = &self.edit else { return Fate::Refused };
        let edition = self.arena.edition(self.file, length);
        let action = Action::Save {
            lock: lock_id(edit.lock()),
            edition: edition.id,
            parent: self.parent,
            keeps_copy: false,
        };
        let ask = edit.save(edition.to_bytes());
        let (outcome, _) = self.arena.perform(&self.player, self.file, action, ask, saved).await;
        match outcome {
            Outcome::Done => {
                self.parent = edition.id;
                Fate::Saved
            }
            Outcome::Unknown => {
                self.perhaps = Some(edition.id);
                self.edit = None;
                Fate::Unknown
            }
            _ => {
                self.edit = None;
                Fate::Refused
            }
        }
    }

    /// Looks on the server's disk which content the file has: whether it is the one of the save that was interrupted.
    fn find_out(&mut self, folder: &Folder, world: &World) -> Option<bool> {
        let perhaps = self.perhaps.take()?;
        let name = self.path.rsplit('/').next().unwrap_or_default();
        match Edition::read(&folder.read(name)) {
            Found::Whole(edition) if edition.id == perhaps => Some(true),
            Found::Whole(edition) if edition.id == self.parent => Some(false),
            found => panic!(
                "{name} is {found:?}, neither {perhaps} nor {}\n{}",
                self.parent,
                world.product().last_log()
            ),
        }
    }

    async fn read(&self) {
        let spelling = &self.arena.spellings(self.file)[0];
        let read = self.arena.read(&self.player, self.file, spelling).await;
        assert!(matches!(read, Outcome::Read(Found::Whole(_))), "{read:?}");
    }
}
