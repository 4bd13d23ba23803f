//! An index over a tree that changes while it is looked at and told of, in every order that its reports may take.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use causeway_internal::connections::AccessMode;
use causeway_smb::{ChangeAction, ItemChange, Target};
use futures::FutureExt as _;
use proptest::prelude::*;
use tokio::task::yield_now;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::super::news::Halves;
use super::super::scan::Sight;
use super::*;
use crate::metrics::Metrics;

const DAY: Duration = Duration::from_hours(24);

/// The directories that there really are, by path, with their numbers.
#[derive(Default)]
struct Disk {
    dirs: Mutex<BTreeMap<String, u64>>,
    made: AtomicUsize,
    /// How long looks take, in turns of the others, again and again.
    delays: Vec<u8>,
    looks: AtomicUsize,
    /// A directory that cannot be listed, how often still, and why.
    closed: Mutex<Option<(SharePath, usize, ShareErrorKind)>>,
}

impl Disk {
    fn paths(&self) -> BTreeSet<String> {
        self.dirs.lock().unwrap().keys().cloned().collect()
    }

    fn has(&self, path: &SharePath) -> bool {
        path.is_root() || self.dirs.lock().unwrap().contains_key(path.as_str())
    }

    fn make(&self, path: &SharePath) {
        let number = self.made.fetch_add(1, Ordering::Relaxed) as u64 + 1;
        self.dirs.lock().unwrap().insert(path.as_str().to_owned(), number);
    }

    /// A directory with everything below it, deepest last.
    fn subtree(&self, top: &SharePath) -> Vec<SharePath> {
        let paths = self.paths();
        let below =
            paths.iter().map(|path| SharePath::parse(path).unwrap()).filter(|path| path.starts_with(top));
        below.collect()
    }

    fn rename(&self, from: &SharePath, to: &SharePath) {
        for path in self.subtree(from) {
            let moved = path.strip_prefix(from).unwrap().under(to).unwrap();
            let number = self.dirs.lock().unwrap().remove(path.as_str()).unwrap();
            self.dirs.lock().unwrap().insert(moved.as_str().to_owned(), number);
        }
    }

    fn absence(&self, path: &SharePath) -> ShareError {
        let has_place = self.has(&path.parent().unwrap_or_default());
        ShareError::new(if has_place { ShareErrorKind::NotFound } else { ShareErrorKind::PathNotFound })
    }

    /// Why this directory cannot be listed this time, if it cannot.
    fn refusal(&self, path: &SharePath) -> Option<ShareError> {
        let mut closed = self.closed.lock().unwrap();
        let (_, times, why) = closed.as_mut().filter(|(closed, times, _)| closed == path && *times > 0)?;
        *times -= 1;
        Some(ShareError::new(*why))
    }

    async fn dawdle(&self) {
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        for _ in 0..self.delays.get(look % self.delays.len().max(1)).copied().unwrap_or(0) {
            yield_now().await;
        }
    }
}

#[async_trait]
impl Sight for Disk {
    async fn number(&self, path: &SharePath) -> Result<u64, ShareError> {
        self.dawdle().await;
        if path.is_root() {
            return Ok(u64::MAX);
        }
        let number = self.dirs.lock().unwrap().get(path.as_str()).copied();
        number.ok_or_else(|| self.absence(path))
    }

    async fn list(&self, path: &SharePath) -> Result<Vec<Subdirectory>, ShareError> {
        self.dawdle().await;
        if !self.has(path) {
            return Err(self.absence(path));
        }
        if let Some(refusal) = self.refusal(path) {
            return Err(refusal);
        }
        let found = {
            let dirs = self.dirs.lock().unwrap();
            let within = dirs.iter().filter_map(|(found, id)| {
                let found = SharePath::parse(found).unwrap();
                (found.parent().as_ref() == Some(path)).then(|| (found.name().unwrap().to_owned(), *id))
            });
            within.map(|(name, id)| Subdirectory { name, id, is_link: false }).collect()
        };
        // What is on its way is not what is there any more.
        self.dawdle().await;
        Ok(found)
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Make(SharePath),
    Delete(SharePath),
    Rename(SharePath, SharePath),
}

#[derive(Debug, Clone)]
enum Step {
    /// One of two clients of the server does something; or it is done through us.
    Do {
        client: usize,
        through_us: bool,
        deed: Deed,
    },
    /// The server hears of so much by each of them, in this order, and packs it into an answer.
    Answer(Vec<usize>),
    /// An answer that waits is taken in: the next one, or the one after it.
    TakeIn {
        overtakes: bool,
    },
    /// We tell ourselves what we did, in whatever order.
    Notice(usize),
    /// The keeper works for a while.
    Work(u8),
    /// Somebody begins to list a directory, or his listing is there.
    List(SharePath),
    Listed,
    Scan,
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn path() -> impl Strategy<Value = SharePath> {
    prop::collection::vec(name(), 1..4).prop_map(|names| SharePath::parse(&names.join("/")).unwrap())
}

fn deed() -> impl Strategy<Value = Deed> {
    let sibling = |path: &SharePath, name: &str| path.parent().unwrap().child(name).unwrap();
    prop_oneof![
        3 => path().prop_map(Deed::Make),
        2 => path().prop_map(Deed::Delete),
        3 => (path(), name()).prop_map(move |(from, name)| { let to = sibling(&from, name); Deed::Rename(from, to) }),
        1 => (path(), path()).prop_map(|(from, to)| Deed::Rename(from, to)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..2_usize, prop::bool::weighted(0.2), deed())
            .prop_map(|(client, through_us, deed)| Step::Do { client, through_us, deed }),
        4 => prop::collection::vec(0..2_usize, 1..6).prop_map(Step::Answer),
        4 => prop::bool::weighted(0.3).prop_map(|overtakes| Step::TakeIn { overtakes }),
        2 => (0..8_usize).prop_map(Step::Notice),
        6 => (0..12_u8).prop_map(Step::Work),
        1 => path().prop_map(Step::List),
        1 => Just(Step::Listed),
        1 => Just(Step::Scan),
    ]
}

/// A disk, its server and the keeper of the index over it.
struct World {
    disk: Arc<Disk>,
    keeper: Keeper,
    halves: Halves,
    /// What each of two clients has done and the server has not heard of.
    done: [VecDeque<ItemChange>; 2],
    answers: VecDeque<Vec<ItemChange>>,
    notices: Vec<Vec<News>>,
    listing: Option<(SharePath, Vec<Subdirectory>, Moment)>,
    _home: tempfile::TempDir,
}

impl World {
    fn new(start: &[SharePath], delays: Vec<u8>) -> Self {
        let disk = Arc::new(Disk { delays, ..Disk::default() });
        for path in start {
            let mut at = SharePath::root();
            for name in path.segments() {
                at = at.child(name).unwrap();
                if !disk.has(&at) {
                    disk.make(&at);
                }
            }
        }
        let home = tempfile::tempdir().unwrap();
        let connection = ResolvedConnection {
            id: Uuid::nil(),
            host: "nas".to_owned(),
            port: 445,
            share: "data".to_owned(),
            username: "u".to_owned(),
            password: Zeroizing::new("p".to_owned()),
            prefix: SharePath::root(),
            access: AccessMode::ReadWrite,
            revision: 1,
        };
        let share = ShareKey::of(&Target::new("nas", 445, "data", "u", "p"));
        let shared = Arc::new(Shared::new(Arc::<Metrics>::default()));
        let shelf = Arc::new(Shelf::new(home.path()));
        let scan = Scan::new(Arc::clone(&disk) as Arc<dyn Sight>);
        let keeper = Keeper::new(Arc::new(connection), share, shared, shelf, scan, DAY);
        Self {
            disk,
            keeper,
            halves: Halves::default(),
            done: Default::default(),
            answers: VecDeque::new(),
            notices: Vec::new(),
            listing: None,
            _home: home,
        }
    }

    async fn shown(&self) -> BTreeSet<String> {
        self.keeper.shared.tree.read().await.iter().collect()
    }

    /// Does what can be done; gives the directories that it was done to.
    fn do_it(&mut self, client: usize, through_us: bool, deed: &Deed) -> Vec<SharePath> {
        let can_be_new =
            |disk: &Disk, path: &SharePath| !disk.has(path) && disk.has(&path.parent().unwrap_or_default());
        let mut report = |action, path: &SharePath| {
            self.done[client].push_back(ItemChange { action, path: path.clone() });
        };
        let (news, touched) = match deed {
            Deed::Make(path) if can_be_new(&self.disk, path) => {
                self.disk.make(path);
                report(ChangeAction::Added, path);
                (News::Added(path.clone()), vec![path.clone()])
            }
            Deed::Delete(path) if self.disk.has(path) => {
                let subtree = self.disk.subtree(path);
                for path in subtree.iter().rev() {
                    self.disk.dirs.lock().unwrap().remove(path.as_str());
                    report(ChangeAction::Removed, path);
                }
                (News::Removed(path.clone()), vec![path.clone()])
            }
            Deed::Rename(from, to)
                if self.disk.has(from) && can_be_new(&self.disk, to) && !to.starts_with(from) =>
            {
                self.disk.rename(from, to);
                let (gone, come) = if from.parent() == to.parent() {
                    (ChangeAction::RenamedFrom, ChangeAction::RenamedTo)
                } else {
                    (ChangeAction::Removed, ChangeAction::Added)
                };
                report(gone, from);
                report(come, to);
                (News::Renamed { from: from.clone(), to: to.clone() }, vec![from.clone(), to.clone()])
            }
            _ => return Vec::new(),
        };
        if through_us {
            self.notices.push(vec![news]);
        }
        touched
    }

    fn answer(&mut self, turns: &[usize]) {
        let answer: Vec<ItemChange> =
            turns.iter().filter_map(|client| self.done[*client].pop_front()).collect();
        if !answer.is_empty() {
            self.answers.push_back(answer);
        }
    }

    async fn take_in(&mut self, overtakes: bool) {
        if let Some(answer) = self.answers.remove(usize::from(overtakes && self.answers.len() > 1)) {
            let news = self.halves.take(answer);
            self.keeper.take(Word::News(news)).await;
        }
    }

    async fn work(&mut self, turns: u8) {
        for _ in 0..turns {
            self.keeper.go_on();
            yield_now().await;
            if let Some(Some(seen)) = self.keeper.scan.seen().now_or_never() {
                self.keeper.see(seen).await;
            }
        }
    }

    async fn finish_looking(&mut self) {
        loop {
            self.keeper.go_on();
            match self.keeper.scan.seen().await {
                Some(seen) => self.keeper.see(seen).await,
                None if self.keeper.scan.is_idle() && self.keeper.scanning_since.is_none() => break,
                None => {}
            }
        }
        let held = self.keeper.shared.tree.read().await.len();
        assert_eq!(self.keeper.shared.count(), held, "what is told is what is held");
    }

    async fn step(&mut self, step: &Step) -> Vec<SharePath> {
        match step {
            Step::Do { client, through_us, deed } => return self.do_it(*client, *through_us, deed),
            Step::Answer(turns) => self.answer(turns),
            Step::TakeIn { overtakes } => self.take_in(*overtakes).await,
            Step::Notice(which) => {
                if !self.notices.is_empty() {
                    let news = self.notices.remove(which % self.notices.len());
                    self.keeper.take(Word::News(news)).await;
                }
            }
            Step::Work(turns) => self.work(*turns).await,
            Step::List(path) => {
                let since = self.keeper.amendments.now();
                let found = self.disk.list(path).await;
                self.listing = found.ok().map(|found| (path.clone(), found, since));
            }
            Step::Listed => {
                if let Some((path, found, since)) = self.listing.take() {
                    self.keeper.take(Word::Listed { path, found, since }).await;
                }
            }
            Step::Scan => self.keeper.next_scan = Instant::now(),
        }
        Vec::new()
    }

    /// Everything is told and looked at; no scan is made for it.
    async fn come_to_rest(&mut self) {
        while self.done.iter().any(|done| !done.is_empty()) {
            self.answer(&[0, 1, 1, 0]);
        }
        while !self.answers.is_empty() {
            self.take_in(false).await;
        }
        for notice in std::mem::take(&mut self.notices) {
            self.keeper.take(Word::News(notice)).await;
        }
        let left = self.halves.let_go();
        self.keeper.take(Word::News(left)).await;
        self.finish_looking().await;
    }
}

fn run<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(story)
}

/// An index that has been scanned once and is not scanned again unless it is told to.
async fn scanned(start: &[SharePath], delays: Vec<u8>) -> World {
    let mut world = World::new(start, delays);
    world.keeper.next_scan = Instant::now();
    world.finish_looking().await;
    assert_eq!(world.shown().await, world.disk.paths());
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_of_reports_the_index_is_the_tree_in_the_end(
        start in prop::collection::vec(path(), 0..12),
        delays in prop::collection::vec(0..4_u8, 1..8),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        run(async {
            let mut world = scanned(&start, delays).await;
            let mut untouched = world.disk.paths();
            let mut scans = 0;
            for step in &steps {
                scans += usize::from(matches!(step, Step::Scan));
                for touched in world.step(step).await {
                    untouched.retain(|path| !SharePath::parse(path).unwrap().starts_with(&touched));
                }
                let shown = world.shown().await;
                let missing: Vec<_> = untouched.difference(&shown).collect();
                prop_assert!(missing.is_empty(), "{:?} have been there all the time; after {:?}", missing, step);
            }
            let begun = world.keeper.next_scan;
            world.come_to_rest().await;
            prop_assert_eq!(world.shown().await, world.disk.paths());
            prop_assert!(scans > 0 || world.keeper.next_scan == begun, "no scan was needed");
            Ok(())
        })?;
    }

    #[test]
    fn a_scan_shows_all_of_the_old_or_all_of_the_new_at_any_moment(
        start in prop::collection::vec(path(), 0..20),
        delays in prop::collection::vec(0..4_u8, 1..8),
        deeds in prop::collection::vec(deed(), 0..12),
    ) {
        run(async {
            let mut world = scanned(&start, delays).await;
            let old = world.disk.paths();
            for deed in &deeds {
                world.do_it(0, false, deed);
            }
            let new = world.disk.paths();
            let either: BTreeSet<String> = old.union(&new).cloned().collect();
            world.keeper.next_scan = Instant::now();
            world.keeper.go_on();
            while world.keeper.scanning_since.is_some() {
                world.work(1).await;
                let shown = world.shown().await;
                prop_assert!(shown.is_superset(&old) || shown.is_superset(&new), "{:?}", shown);
                prop_assert!(shown.is_subset(&either), "{:?}", shown);
            }
            prop_assert_eq!(world.shown().await, new);
            Ok(())
        })?;
    }
}

/// The paths are there at the start; then this happens; in the end the index is the tree.
fn comes_right(start: &[&str], steps: &[Step]) {
    let start: Vec<SharePath> = start.iter().map(|path| at(path)).collect();
    run(async {
        let mut world = scanned(&start, vec![1]).await;
        for step in steps {
            world.step(step).await;
        }
        world.come_to_rest().await;
        assert_eq!(world.shown().await, world.disk.paths());
    });
}

fn at(path: &str) -> SharePath {
    SharePath::parse(path).unwrap()
}

fn theirs(deed: Deed) -> Step {
    Step::Do { client: 0, through_us: false, deed }
}

fn ours(client: usize, deed: Deed) -> Step {
    Step::Do { client, through_us: true, deed }
}

#[test]
fn a_notice_that_comes_late_brings_nothing_back() {
    let steps = [
        ours(0, Deed::Make(at("b/a"))),
        ours(1, Deed::Delete(at("b"))),
        Step::Notice(1),
        Step::Answer(vec![1, 1]),
        Step::TakeIn { overtakes: false },
        Step::Work(1),
    ];
    comes_right(&["b"], &steps);
    let steps = [
        ours(0, Deed::Rename(at("a"), at("b/a"))),
        theirs(Deed::Rename(at("b"), at("a"))),
        Step::Answer(vec![0]),
        Step::Answer(vec![0, 0]),
        Step::TakeIn { overtakes: true },
        Step::TakeIn { overtakes: false },
        Step::Work(2),
    ];
    comes_right(&["a", "b"], &steps);
}

#[test]
fn a_report_by_a_path_of_the_past_is_followed() {
    let steps = [
        theirs(Deed::Make(at("b/b/a"))),
        ours(1, Deed::Rename(at("b"), at("c"))),
        Step::Notice(0),
        Step::Answer(vec![0]),
        Step::Answer(vec![1]),
        Step::TakeIn { overtakes: true },
    ];
    comes_right(&["b/b"], &steps);
}

#[test]
fn what_is_heard_of_during_a_scan_is_scanned_all_the_same() {
    let steps = [
        Step::Do { client: 1, through_us: false, deed: Deed::Delete(at("c/a")) },
        theirs(Deed::Delete(at("c"))),
        theirs(Deed::Delete(at("a/a"))),
        Step::Answer(vec![0; 4]),
        Step::TakeIn { overtakes: false },
        theirs(Deed::Rename(at("a"), at("c"))),
        Step::Work(5),
        Step::Scan,
        Step::Work(1),
    ];
    comes_right(&["c/c/a", "c/a/b", "a/b/a", "b/a/a", "a/a"], &steps);
}

#[test]
fn a_look_that_finds_no_way_doubts_the_way() {
    for turns in 0..40 {
        let steps = [Step::Scan, Step::Work(turns), theirs(Deed::Rename(at("b"), at("a"))), Step::Work(40)];
        comes_right(&["b/a/a"], &steps);
    }
}

#[test]
fn a_refusal_is_believed_when_it_stays() {
    use ShareErrorKind::{AccessDenied, DeletePending};
    let tries = usize::from(MAX_TRIES);
    for (why, times, shown) in [
        (AccessDenied, 1, &["a", "a/b", "a/c"][..]),
        (AccessDenied, tries, &["a"]),
        (DeletePending, 1, &["a", "a/b", "a/c"]),
        (DeletePending, tries, &[]),
    ] {
        run(async {
            let mut world = scanned(&[at("a/b")], vec![1]).await;
            world.disk.make(&at("a/c"));
            *world.disk.closed.lock().unwrap() = Some((at("a"), times, why));
            world.keeper.visit_soon(at("a"), false);
            loop {
                world.finish_looking().await;
                let Some(moment) = world.keeper.scan.next_moment() else { break };
                assert!(world.shown().await.contains("a/b"), "nothing is forgotten for the first refusals");
                world.keeper.scan.wake(moment);
            }
            assert_eq!(world.shown().await, shown.iter().map(|path| (*path).to_owned()).collect());
        });
    }
}

/// Reports of one client, each in an answer of its own that is taken in at once.
fn reported(answers: &[usize]) -> Vec<Step> {
    let taken = |changes: &usize| [Step::Answer(vec![0; *changes]), Step::TakeIn { overtakes: false }];
    answers.iter().flat_map(taken).collect()
}

#[test]
fn what_a_chain_of_renames_left_below_a_name_is_looked_at() {
    let start = ["d1/x/p", "d2/x/q"];
    let deeds = || {
        [
            theirs(Deed::Rename(at("d1"), at("d3"))),
            theirs(Deed::Rename(at("d2"), at("d1"))),
            ours(1, Deed::Rename(at("d1"), at("d4"))),
        ]
    };
    let our_report = || [Step::Answer(vec![1, 1]), Step::TakeIn { overtakes: false }];
    for turns in 0..12 {
        // Our own notice is heard first.
        let mut steps = deeds().to_vec();
        steps.extend([Step::Notice(0), Step::Work(turns)]);
        steps.extend(reported(&[2, 2]));
        steps.push(Step::Work(turns));
        steps.extend(our_report());
        comes_right(&start, &steps);

        // The same, and the server's reports of ours come before those of theirs.
        let mut steps = deeds().to_vec();
        steps.extend([Step::Notice(0), Step::Work(turns)]);
        steps.extend(our_report());
        steps.push(Step::Work(turns));
        steps.extend(reported(&[2, 2]));
        comes_right(&start, &steps);

        // The same with halves that did not find each other.
        let mut steps = deeds().to_vec();
        steps.extend([Step::Notice(0), Step::Work(turns), Step::Answer(vec![0, 1, 1, 0, 0, 0])]);
        steps.extend([Step::TakeIn { overtakes: false }, Step::Work(turns)]);
        comes_right(&start, &steps);
    }
}

#[test]
fn what_was_above_a_directory_and_is_below_it_by_now_is_no_loop() {
    run(async {
        for has_looked in [false, true] {
            let mut world = scanned(&[at("a/b/c/d"), at("a/y/z")], vec![1]).await;
            let number = |path: &str| world.disk.dirs.lock().unwrap()[path];
            let trail = Trail::to(number("a/b"), Some(Trail::to(number("a"), None)));
            let trail = Trail::to(number("a/b/c"), Some(trail));
            let visit = Visit {
                path: at("a/b/c"),
                trail: Some(Arc::clone(&trail)),
                deep: false,
                since: world.keeper.amendments.now(),
                failures: 0,
            };
            let found = world.disk.list(&at("a/b/c")).await;
            for (from, to) in [("a/b", "b"), ("a", "b/c/a")] {
                world.disk.rename(&at(from), &at(to));
                let news = News::Renamed { from: at(from), to: at(to) };
                world.keeper.take(Word::News(vec![news])).await;
            }
            world.finish_looking().await;
            assert_eq!(world.shown().await, world.disk.paths());

            // A look from the time before comes last: it has waited, or its answer was on its way.
            if has_looked {
                world.keeper.see(Seen { visit, trail, outcome: found }).await;
            } else {
                world.keeper.scan.push(visit);
            }
            world.finish_looking().await;
            assert_eq!(world.shown().await, world.disk.paths(), "it had looked: {has_looked}");
        }
    });
}

#[test]
fn what_was_exchanged_while_the_watch_was_deaf_is_found_when_it_hears() {
    run(async {
        let mut world = scanned(&[at("a/x/p"), at("b/x/q")], vec![1]).await;
        world.disk.rename(&at("a"), &at("c"));
        world.disk.rename(&at("b"), &at("a"));
        world.keeper.take(Word::Settled).await;
        world.finish_looking().await;
        assert_eq!(world.shown().await, world.disk.paths());
    });
}

#[test]
fn a_directory_that_never_answers_is_left_to_another_scan() {
    run(async {
        let mut world = scanned(&[at("a")], vec![]).await;
        let slow = |failures| Seen {
            visit: Visit { path: at("a"), trail: None, deep: false, since: Moment(0), failures },
            trail: Trail::to(0, None),
            outcome: Err(ShareError::new(ShareErrorKind::TimedOut)),
        };
        world.keeper.see(slow(0)).await;
        assert!(world.keeper.next_scan > Instant::now() + DAY / 2, "it is tried again first");
        world.keeper.see(slow(MAX_FAILURES - 1)).await;
        assert!(world.keeper.next_scan <= Instant::now() + SHORTEST_REST);

        // One for which nothing helps does not have everything read again and again.
        let mut rests = Vec::new();
        for _ in 0..3 {
            world.keeper.resting_until = None;
            world.keeper.begin_scan(Instant::now());
            world.keeper.see(slow(MAX_FAILURES - 1)).await;
            let ended = Instant::now() + Duration::from_mins(1);
            world.keeper.end_scan(ended);
            rests.push(world.keeper.next_scan - ended);
        }
        assert!(rests[0] >= Duration::from_mins(3), "{rests:?}");
        assert!(rests.windows(2).all(|pair| pair[1] > pair[0] * 3 / 2), "{rests:?}");
    });
}

#[test]
fn what_an_index_does_is_counted() {
    run(async {
        let mut world = scanned(&[at("a/b"), at("c")], vec![]).await;
        let metrics = Arc::clone(&world.keeper.shared.metrics);
        let figure = |name: &str| {
            let text = metrics.text();
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("causeway_{name} ")));
            line.map(|value| value.parse::<u64>().unwrap())
        };
        assert_eq!(figure("directories"), Some(3));
        let bytes = world.keeper.shared.tree.read().await.bytes() as u64;
        assert_eq!(figure("directory_index_bytes"), Some(bytes));
        assert_eq!(figure("directory_indexes_full"), Some(0));
        assert_eq!(figure("directory_scans_begun_total"), Some(1));
        assert_eq!(figure("directory_scans_ended_total"), Some(1));
        assert_eq!(figure("directory_events_total"), Some(0));
        for step in [theirs(Deed::Make(at("c/d"))), Step::Answer(vec![0]), Step::TakeIn { overtakes: false }]
        {
            world.step(&step).await;
        }
        world.finish_looking().await;
        assert_eq!(figure("directory_events_total"), Some(1));
        assert_eq!(figure("directories"), Some(4));

        let trouble = ShareError::new(ShareErrorKind::Unreachable);
        let visit =
            |path: &str| Visit { path: at(path), trail: None, deep: true, since: Moment(0), failures: 0 };
        for path in ["a", "c"] {
            let seen = Seen { visit: visit(path), trail: Trail::to(0, None), outcome: Err(trouble.clone()) };
            world.keeper.see(seen).await;
        }
        assert_eq!(
            figure("directory_scan_failures_total"),
            Some(1),
            "one trouble, however many looks it fails"
        );
        for _ in 0..2 {
            world.keeper.note(Err(IndexFull));
            assert_eq!(figure("directory_indexes_full"), Some(1));
        }
        drop(world);
        for name in ["directories", "directory_index_bytes", "directory_indexes_full"] {
            assert_eq!(figure(name), Some(0), "the index is not in memory any more");
        }
    });
}
