//! The product, the server and the network are killed in the middle of saves and uploads: each file has its old or its new
//! content, and nothing else is left.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use causeway_tests::history::{Action, Edition, Found, Outcome};
use causeway_tests::{Edit, Folder, Proxy, Share, World};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::block_in_place;

use crate::arena::{self, Arena, Player, granted, lock_id, saved};
use crate::locks::from_environment;

/// Saves and uploads that a run interrupts.
const INTERRUPTED: usize = 1_000;

/// Of so many interruptions one has to be a strike of its own, each of which meets several that are under way, unless
/// `CAUSEWAY_TEST_KILLS` says how many strikes there have to be.
const MET_BY_ONE: usize = 16;

/// Of so many one has to be of each way to write.
const OF_EACH_AMONG: usize = 20;

/// Writers at the same time of each way to write, in turns.
const WRITERS: [Way; 16] = {
    use Way::{InPlace, Save, Upload};
    [
        Save, InPlace, Upload, Save, Save, InPlace, Upload, Save, Save, InPlace, Upload, Save, Save, InPlace,
        Upload, Save,
    ]
};

/// The share where nobody may replace a file.
const STICKY_SHARE: &str = "limited";

/// Lengths of what is saved, in bytes.
const LENGTHS: std::ops::Range<usize> = 100_000..3_000_000;

/// How long a run may take, however slow the machine is; or one strike, if there are many.
const RUN_WITHIN: Duration = Duration::from_mins(10);
const STRIKE_WITHIN: Duration = Duration::from_secs(4);

/// Until what was left behind is gone.
const CLEARED_WITHIN: Duration = Duration::from_mins(1);

/// How long a file may not be readable after the server it is on was killed.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// How somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Under a lock, by another file in the place.
    Save,
    /// Under a lock, where nobody may replace the file: over the old content.
    InPlace,
    /// Without a lock, as one body.
    Upload,
}

/// Somebody with a file of his own.
struct Writer<'a> {
    arena: &'a Arena,
    way: Way,
    player: Player,
    file: usize,
    share: Share,
    path: String,
    edit: Option<Edit>,
    parent: u64,
    /// The content of which nobody knows whether it was saved.
    perhaps: Option<u64>,
    /// Contents that were not there when it was looked, of writes whose server may still do them: until the next write is
    /// accepted, which waits for the end of that.
    late: Vec<u64>,
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
    let kills = from_environment("CAUSEWAY_TEST_KILLS").and_then(|number| u32::try_from(number).ok());
    let kills = kills.unwrap_or(u32::try_from(INTERRUPTED / MET_BY_ONE).expect("few"));
    let run_within = RUN_WITHIN.max(STRIKE_WITHIN * kills);
    println!("CAUSEWAY_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = arena::world().await;
    let proxy = Proxy::start(world.samba_port()).expect("a proxy");
    let ways = ways(&world);
    let of_share = |is_sticky: bool| {
        let own = ways.iter().filter(|way| (**way == Way::InPlace) == is_sticky);
        own.enumerate().map(|(number, _)| format!("work-{number}.bin")).collect::<Vec<_>>()
    };
    let mut arenas = vec![Arena::new(&world, &proxy, of_share(false)).await];
    if ways.contains(&Way::InPlace) {
        let sticky = Arena::on(&world, &proxy, STICKY_SHARE, of_share(true)).await;
        make_sticky(sticky.folder());
        arenas.push(sticky);
    }
    let mut writers = Vec::new();
    let mut next = [0, 0];
    for &way in &ways {
        let number = usize::from(way == Way::InPlace);
        writers.push(Writer::new(&world, &arenas[number], next[number], way));
        next[number] += 1;
    }

    let start = Instant::now();
    // Until a round of saves is done when nobody disturbs it.
    let mut usual = Duration::from_millis(400);
    let (mut rounds, mut strikes, mut landed, mut kept) = (0, 0_u32, 0, 0);
    let mut interrupted: BTreeMap<Way, usize> = ways.iter().map(|way| (*way, 0)).collect();
    let is_short = |strikes: u32, interrupted: &BTreeMap<Way, usize>| {
        strikes < kills || interrupted.values().sum::<usize>() < INTERRUPTED
    };
    while is_short(strikes, &interrupted) && start.elapsed() < run_within {
        rounds += 1;
        let lengths: Vec<_> = writers.iter().map(|_| random.random_range(LENGTHS)).collect();
        let moment = usual.mul_f64(random.random_range(0.02..1.0));
        let kind = random.random_range(0..10);
        let begin = Instant::now();
        let saves = async {
            let saves = writers.iter_mut().zip(lengths).map(|(writer, length)| writer.write(length));
            let fates = futures::future::join_all(saves).await;
            (fates, begin.elapsed())
        };
        let disturbance = async {
            tokio::time::sleep(moment).await;
            strike(&mut world, &proxy, &arenas, kind).await;
        };
        let ((fates, took), ()) = tokio::join!(saves, disturbance);
        strikes += u32::from(fates.contains(&Fate::Unknown));
        for (way, _) in ways.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Unknown) {
            *interrupted.entry(*way).or_default() += 1;
        }
        if fates.iter().all(|fate| *fate == Fate::Saved) {
            // The kill came too late.
            usual = took;
        } else {
            usual = usual.mul_f64(1.02);
        }
        for writer in &mut writers {
            match writer.find_out(&world).await {
                Some(true) => landed += 1,
                Some(false) => kept += 1,
                None => {}
            }
        }
    }
    let took = start.elapsed();
    println!(
        "{strikes} strikes in {rounds} rounds and {took:.1?} interrupted {interrupted:?}: {kept} files have their old content, \
         {landed} the new one"
    );
    for arena in &arenas {
        is_cleared(&world, arena).await;
    }
    for writer in &writers {
        writer.read().await;
    }
    for (number, arena) in arenas.iter().enumerate() {
        arena.judge(&format!("kills-{seed}-{number}"));
    }
    assert!(!is_short(strikes, &interrupted), "only {strikes} strikes and {interrupted:?} in {took:?}");
    for (way, &met) in &interrupted {
        assert!(met >= INTERRUPTED / OF_EACH_AMONG, "only {met} of {way:?} were interrupted");
    }
    assert!(kept > 0 && landed > 0, "each kill came at the same moment");
}

/// How the writers write here: only root can act as somebody else, so that nobody may replace a file.
fn ways(world: &World) -> Vec<Way> {
    let can_be_sticky = world.samba().has_share(STICKY_SHARE);
    WRITERS.into_iter().filter(|way| can_be_sticky || *way != Way::InPlace).collect()
}

/// From now on anybody may write the files and make others there; only their owner may remove them.
fn make_sticky(folder: &Folder) {
    let mode = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.on_disk(name), permissions).expect("a mode");
    };
    for name in folder.names("").iter().filter(|name| name.contains('.')) {
        mode(name, 0o666);
    }
    mode("", 0o1777);
}

/// Kills something, and mends it.
async fn strike(world: &mut World, proxy: &Proxy, arenas: &[Arena], kind: u32) {
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
            let _away = futures::future::join_all(arenas.iter().map(|arena| arena.calm.write())).await;
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
    fn new(world: &World, arena: &'a Arena, file: usize, way: Way) -> Self {
        let player = Player { client: file, name: "editor".to_owned(), user: world.editor() };
        let spelling = &arena.spellings(file)[0];
        let share = arena.share(&player, spelling);
        // The first content of each file has its number.
        let parent = file as u64;
        Self {
            arena,
            way,
            player,
            file,
            share,
            path: spelling.path.clone(),
            edit: None,
            parent,
            perhaps: None,
            late: Vec::new(),
        }
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

    async fn write(&mut self, length: usize) -> Fate {
        match self.way {
            Way::Save | Way::InPlace => self.save(length).await,
            Way::Upload => self.upload(length).await,
        }
    }

    async fn upload(&mut self, length: usize) -> Fate {
        let edition = self.arena.edition(self.file, length);
        let action = Action::Put { edition: edition.id };
        let ask = self.share.put(&self.path, edition.to_bytes());
        let (outcome, _) = self.arena.perform(&self.player, self.file, action, ask, |_| Outcome::Done).await;
        match outcome {
            Outcome::Done => {
                self.parent = edition.id;
                self.late.clear();
                Fate::Saved
            }
            Outcome::Unknown => {
                self.perhaps = Some(edition.id);
                Fate::Unknown
            }
            _ => Fate::Refused,
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
                self.late.clear();
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

    /// Looks on the server's disk which content the file has: whether it is the one of the write that was interrupted. What
    /// was written over in place is put right before long.
    async fn find_out(&mut self, world: &World) -> Option<bool> {
        let perhaps = self.perhaps.take()?;
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let start = Instant::now();
        loop {
            let is_cleared = self.way != Way::InPlace || self.arena.folder().rubbish().is_empty();
            match Edition::read(&self.arena.folder().read(name)) {
                Found::Whole(edition) if is_cleared && edition.id == perhaps => {
                    self.parent = perhaps;
                    return Some(true);
                }
                Found::Whole(edition) if is_cleared && edition.id == self.parent => {
                    self.late.push(perhaps);
                    return Some(false);
                }
                Found::Whole(edition) if is_cleared && self.late.contains(&edition.id) => {
                    self.parent = edition.id;
                    self.late.push(perhaps);
                    return Some(false);
                }
                _ if self.way == Way::InPlace && start.elapsed() < CLEARED_WITHIN => {
                    tokio::time::sleep(POLL).await;
                }
                found => panic!(
                    "{:?}: {name} is {found:?}, neither {perhaps} nor {}; there are {:?}\n{}",
                    self.way,
                    self.parent,
                    self.arena.folder().names(""),
                    world.product().last_log()
                ),
            }
        }
    }

    async fn read(&self) {
        let spelling = &self.arena.spellings(self.file)[0];
        let start = Instant::now();
        // The product may not have noticed yet that its sessions went with the server that was killed last.
        let read = loop {
            let read = self.arena.read(&self.player, self.file, spelling).await;
            if read != Outcome::Unknown || start.elapsed() > ANSWERED_WITHIN {
                break read;
            }
            tokio::time::sleep(POLL).await;
        };
        assert!(matches!(read, Outcome::Read(Found::Whole(_))), "{read:?}");
    }
}
