//! [`Keeper`]: the one who changes an index.
//!
//! Everything that may change an index comes to one task: what a scan has seen, what the server reports, what our own
//! operations did, what somebody's listing has shown. So each directory is put right in one step, by whoever looked last,
//! and a look that began before something else was heard is amended by that before it counts.

mod correct;
mod hearing;
#[cfg(test)]
mod tests;
mod tops;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use causeway_directory_index::IndexFull;
use causeway_paths::{CaseRule, SharePath};
use causeway_smb::{ShareError, ShareErrorKind};
use rand::Rng as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::tops::Tops;
use super::amendments::{Amendments, Moment, Whereabouts};
use super::news::News;
use super::scan::{Scan, Seen, Shown, Subdirectory, Trail, Visit};
use super::shared::Shared;
use super::shelf::Shelf;
use super::tree_watch::{self, pause_after};
use crate::changes::{Heard, Listener, ShareKey};
use crate::connections::ResolvedConnection;

/// Between two times that an index which changes all the time is written to disk.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Directories that wait to be looked into because of something heard. When there are more, looking at everything once
/// costs less.
const MAX_WAITING: usize = 100_000;

/// Tries of a directory that the server does not answer for.
const MAX_FAILURES: u8 = 3;

/// Tries of a directory that alone cannot be looked into: somebody may have it open for himself, and Samba denies access to
/// one that was exchanged while it opened it.
const MAX_TRIES: u8 = 5;

/// Between the first two of these tries; each further one waits four times as long.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// A scan for which something was missed follows the one before after this many times its duration, so that a share that
/// changes faster than it can be read is not read all the time.
const REST: u32 = 3;

/// Each scan in a row that gave up on a directory doubles that rest, so often at most.
const MAX_DOUBLINGS: u32 = 8;

/// Shortest rest.
const SHORTEST_REST: Duration = Duration::from_secs(2);

/// How long the first look waits for the watch.
const WATCH_PATIENCE: Duration = Duration::from_secs(15);

/// What a keeper is told.
pub(super) enum Word {
    /// The tree is being watched, from now on.
    Watching,
    /// By now the server tells of the root's own directories too.
    Settled,
    /// It is not, for now.
    NotWatching,
    /// What the watch reports.
    News(Vec<News>),
    /// Somebody has listed a directory.
    Listed {
        /// Which.
        path: SharePath,
        /// What directories there were in it.
        found: Vec<Subdirectory>,
        /// When he began to.
        since: Moment,
    },
    /// Somebody says that this directory is not there.
    Doubted(SharePath),
}

/// What a keeper works with.
pub(super) struct Work {
    pub(super) connection: Arc<ResolvedConnection>,
    pub(super) pool: causeway_smb::SharePool,
    pub(super) shared: Arc<Shared>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) listener: Listener,
    pub(super) words: mpsc::Receiver<Word>,
    pub(super) to_self: mpsc::Sender<Word>,
    /// Between two scans.
    pub(super) rescan_every: Duration,
    pub(super) stop: CancellationToken,
}

/// The one who changes an index.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each asked for by itself")]
struct Keeper {
    connection: Arc<ResolvedConnection>,
    share: ShareKey,
    shared: Arc<Shared>,
    shelf: Arc<Shelf>,
    scan: Scan,
    amendments: Amendments,
    rescan_every: Duration,
    /// Whether a scan of everything has begun since the start.
    begun: bool,
    /// When the scan of everything that is under way began.
    scanning_since: Option<Instant>,
    /// What this scan has not found where it was. It stays until everything has been seen, so that what was moved unseen
    /// is found in its old place until it is in its new one; then it is looked for once more.
    vanished: Vec<Visit>,
    /// Everything has been seen, and what has vanished is being looked for.
    parting: bool,
    /// Something was missed: scan again when this scan is done.
    again: bool,
    /// A directory that never answered in time was given up since the last scan ended.
    gave_up: bool,
    /// Scans in a row that did.
    in_vain: u32,
    tops: Tops,
    /// When everything is scanned next.
    next_scan: Instant,
    /// A scan of everything has ended, or one had when the index was written to disk.
    complete: bool,
    /// The server does not answer: nothing is asked for until then.
    resting_until: Option<Instant>,
    failures: u32,
    dirty: bool,
    saved: Instant,
}

/// Keeps an index until it is told to stop, and leaves it on disk, or, when it is of no more use, removes it from there.
pub(super) async fn keep(work: Work) {
    let Work { connection, pool, shared, shelf, mut listener, mut words, to_self, rescan_every, stop } = work;
    let prefix = connection.prefix.clone();
    let scan = Scan::new(Arc::new(Shown::new(pool.clone(), prefix.clone())));
    let mut keeper = Keeper::new(connection, ShareKey::of(pool.target()), shared, shelf, scan, rescan_every);
    keeper.load().await;
    let watch = tree_watch::run(pool, prefix, to_self, Arc::clone(&keeper.shared.metrics));
    let watch = AbortOnDropHandle::new(tokio::spawn(watch));
    loop {
        keeper.go_on();
        let wake = keeper.wake();
        tokio::select! {
            () = stop.cancelled() => break,
            heard = listener.next() => match heard {
                Some(Heard::Notice(notice)) => keeper.hear(&notice).await,
                Some(Heard::Missed) => keeper.learn(News::Missed).await,
                None => break,
            },
            word = words.recv() => match word {
                Some(word) => keeper.take(word).await,
                None => break,
            },
            Some(seen) = keeper.scan.seen() => keeper.see(seen).await,
            () = tokio::time::sleep_until(wake) => {}
        }
        keeper.save_when_due().await;
    }
    drop(watch);
    keeper.leave().await;
}

impl Keeper {
    /// Knows nothing yet.
    fn new(
        connection: Arc<ResolvedConnection>,
        share: ShareKey,
        shared: Arc<Shared>,
        shelf: Arc<Shelf>,
        scan: Scan,
        rescan_every: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            connection,
            share,
            shared,
            shelf,
            scan,
            amendments: Amendments::new(CaseRule::Insensitive),
            rescan_every,
            begun: false,
            scanning_since: None,
            vanished: Vec::new(),
            parting: false,
            again: false,
            gave_up: false,
            in_vain: 0,
            tops: Tops::default(),
            next_scan: now + WATCH_PATIENCE,
            complete: false,
            resting_until: None,
            failures: 0,
            dirty: false,
            saved: now,
        }
    }

    async fn load(&mut self) {
        let (shelf, id, revision) = (Arc::clone(&self.shelf), self.connection.id, self.connection.revision);
        let loaded = tokio::task::spawn_blocking(move || shelf.load(id, revision)).await.ok().flatten();
        if let Some(index) = loaded {
            tracing::debug!(connection = %id, directories = index.len(), "a directory index was read from disk");
            self.complete = true;
            *self.shared.tree.write().await = index;
        }
        self.publish().await;
        self.shared.loaded.cancel();
    }

    /// Begins what can be begun.
    fn go_on(&mut self) {
        let now = Instant::now();
        if self.resting_until.is_some_and(|until| until <= now) {
            self.resting_until = None;
        }
        if self.resting_until.is_none() {
            self.scan.wake(now);
            if self.scanning_since.is_none() && self.next_scan <= now {
                self.begin_scan(now);
            }
            if self.scan.is_idle() {
                self.parting = !self.vanished.is_empty();
                for visit in std::mem::take(&mut self.vanished) {
                    self.scan.push(visit);
                }
            }
            while let Some(visit) = self.scan.next(self.shared.people.load(Ordering::Relaxed) > 0) {
                match self.amendments.follow(visit.since, &visit.path) {
                    Whereabouts::Same => self.scan.look(Visit { since: self.amendments.now(), ..visit }),
                    Whereabouts::Moved(path) => {
                        let since = self.amendments.now();
                        self.scan.look(Visit { path, trail: None, since, ..visit });
                    }
                    Whereabouts::Gone => {}
                    Whereabouts::Unknown => {
                        // Where it is now, if it was moved, only another scan tells.
                        self.scan_soon();
                        self.scan.look(Visit { trail: None, since: self.amendments.now(), ..visit });
                    }
                }
            }
            if self.scan.is_idle() && self.scanning_since.is_some() {
                self.end_scan(now);
            }
        }
        self.publish_state();
    }

    fn begin_scan(&mut self, now: Instant) {
        self.begun = true;
        self.scanning_since = Some(now);
        self.again = false;
        (self.vanished, self.parting) = (Vec::new(), false);
        self.shared.metrics.directory_scans_begun.count();
        self.shared.show_full(false);
        // Everything is looked into anyway.
        self.scan.clear();
        self.visit(SharePath::root(), None, true);
    }

    fn end_scan(&mut self, now: Instant) {
        let took = self.scanning_since.take().map_or(Duration::ZERO, |since| now - since);
        self.shared.metrics.directory_scans_ended.count();
        self.complete = true;
        self.dirty = true;
        self.saved = now.checked_sub(SAVE_EVERY).unwrap_or(now);
        self.in_vain = if std::mem::take(&mut self.gave_up) { self.in_vain + 1 } else { 0 };
        let wait = if std::mem::take(&mut self.again) {
            let doubled = REST << self.in_vain.min(MAX_DOUBLINGS);
            took.saturating_mul(doubled).max(SHORTEST_REST).min(self.rescan_every)
        } else {
            self.rescan_every.mul_f64(rand::rng().random_range(0.9..1.0))
        };
        self.next_scan = now + wait;
        tracing::debug!(connection = %self.connection.id, ?took, directories = self.shared.count(), "a share was scanned");
    }

    /// When there is something to do though nothing happens.
    fn wake(&self) -> Instant {
        let work = match self.resting_until {
            Some(until) => until,
            None if self.scanning_since.is_some() => Instant::now() + self.rescan_every,
            None => self.next_scan,
        };
        // Nobody is woken for it while the server rests.
        let later = self.scan.next_moment().filter(|_| self.resting_until.is_none());
        let work = later.map_or(work, |moment| work.min(moment));
        if self.dirty { work.min(self.saved + SAVE_EVERY) } else { work }
    }

    async fn take(&mut self, word: Word) {
        match word {
            Word::Watching => {
                self.tops = Tops::default();
                if self.begun {
                    // Nobody watched for a while.
                    self.learn(News::Missed).await;
                } else {
                    self.next_scan = Instant::now();
                }
            }
            Word::Settled => {
                self.tops.settle();
                self.visit_soon(SharePath::root(), false);
            }
            Word::NotWatching => self.next_scan = self.next_scan.min(Instant::now()),
            Word::News(news) => {
                for news in news {
                    self.learn(news).await;
                }
            }
            Word::Listed { path, found, since } => {
                if self.amendments.follow(since, &path) == Whereabouts::Same
                    && let Some(touched) = self.amendments.touched(since, &path)
                {
                    self.put_right(&path, None, false, found, &touched).await;
                }
            }
            Word::Doubted(path) => self.visit_soon(path, false),
        }
    }

    /// Takes in what a visit has shown.
    async fn see(&mut self, seen: Seen) {
        let Seen { visit, trail, outcome } = seen;
        let error = match outcome {
            Ok(found) => {
                (self.failures, self.resting_until) = (0, None);
                if visit.path.is_root() {
                    for path in self.tops.exchanged(visit.deep, &found) {
                        self.visit_soon(path, true);
                    }
                }
                match self.amendments.follow(visit.since, &visit.path) {
                    Whereabouts::Same => match self.amendments.touched(visit.since, &visit.path) {
                        Some(touched) => {
                            self.put_right(&visit.path, Some(&trail), visit.deep, found, &touched).await;
                        }
                        None => self.visit_again(visit),
                    },
                    Whereabouts::Moved(path) => self.visit_again(Visit { path, ..visit }),
                    Whereabouts::Unknown => self.visit_again(visit),
                    Whereabouts::Gone => {}
                }
                return;
            }
            Err(error) => error,
        };
        if visit.path.is_root() || is_trouble(error.kind()) {
            self.rest(visit, &error);
            return;
        }
        tracing::debug!(?error, "a directory cannot be looked into");
        match self.amendments.follow(visit.since, &visit.path) {
            Whereabouts::Same => {}
            Whereabouts::Moved(path) => return self.visit_again(Visit { path, ..visit }),
            Whereabouts::Unknown => return self.visit_again(visit),
            Whereabouts::Gone => return,
        }
        if self.has_been_heard_of(visit.since, &visit.path) {
            return self.visit_again(visit);
        }
        match error.kind() {
            // What it was in is gone or elsewhere, and so is everything that was not looked for.
            ShareErrorKind::PathNotFound => {
                self.remove(&visit.path).await;
                if let Some(parent) = visit.path.parent()
                    && self.shared.tree.read().await.contains(&parent)
                {
                    self.visit_soon(parent, false);
                }
            }
            ShareErrorKind::NotFound | ShareErrorKind::NotADirectory => self.remove(&visit.path).await,
            _ if visit.failures + 1 < MAX_TRIES && self.scan.later() < MAX_WAITING => self.try_later(visit),
            // Whoever holds it open might have kept it; by now he is not expected to.
            ShareErrorKind::DeletePending => self.remove(&visit.path).await,
            // It is there; what is in it is nobody's business.
            ShareErrorKind::AccessDenied => {
                if let Some(touched) = self.amendments.touched(visit.since, &visit.path) {
                    self.put_right(&visit.path, Some(&trail), false, Vec::new(), &touched).await;
                }
            }
            _ => {}
        }
        self.publish().await;
    }

    /// Looks into a directory again when what kept us out may have passed.
    fn try_later(&mut self, visit: Visit) {
        let pause = BETWEEN_TRIES * 4_u32.pow(u32::from(visit.failures));
        self.scan.push_later(Instant::now() + pause, Visit { failures: visit.failures + 1, ..visit });
    }

    /// Whether something was heard of a directory since that moment, or that was too long ago to know.
    fn has_been_heard_of(&self, since: Moment, path: &SharePath) -> bool {
        let (Some(name), Some(parent)) = (path.name(), path.parent()) else { return false };
        self.amendments.touched(since, &parent).is_none_or(|touched| touched.has(name))
    }

    /// The server does not answer: tries again later, each time later.
    fn rest(&mut self, visit: Visit, error: &ShareError) {
        // Those that were under way at the same time fail for the same reason.
        if self.resting_until.is_none() {
            self.failures += 1;
            self.shared.metrics.directory_scan_failures.count();
            let pause = pause_after(self.failures, error.kind());
            tracing::debug!(?error, ?pause, "a scan waits for its server");
            self.resting_until = Some(Instant::now() + pause);
        }
        let failures = visit.failures + u8::from(error.kind() == ShareErrorKind::TimedOut);
        if failures < MAX_FAILURES || visit.path.is_root() {
            self.scan.push_ahead(Visit { failures, ..visit });
        } else {
            // Nobody knows what is in it, unless another scan tells.
            self.gave_up = true;
            self.scan_soon();
        }
    }

    fn visit(&mut self, path: SharePath, trail: Option<Arc<Trail>>, deep: bool) {
        let since = self.amendments.now();
        self.scan.push(Visit { path, trail, deep, since, failures: 0 });
    }

    /// Ahead of what a scan has still to see.
    fn visit_soon(&mut self, path: SharePath, deep: bool) {
        if self.scanning_since.is_none() && self.scan.waiting() >= MAX_WAITING {
            self.scan_soon();
            return;
        }
        let since = self.amendments.now();
        self.scan.push_ahead(Visit { path, trail: None, deep, since, failures: 0 });
    }

    /// Something has been heard of it since. The way to it may be another one by now, on which what was above it may be
    /// below it.
    fn visit_again(&mut self, visit: Visit) {
        self.scan.push(Visit { trail: None, since: self.amendments.now(), ..visit });
    }

    /// Something was missed: looks at everything, though not all the time.
    fn scan_soon(&mut self) {
        if self.scanning_since.is_some() {
            self.again = true;
        } else {
            self.next_scan = self.next_scan.min(Instant::now() + SHORTEST_REST);
        }
    }

    fn note(&mut self, outcome: Result<usize, IndexFull>) {
        match outcome {
            Ok(changed) => self.dirty |= changed > 0,
            Err(full) => {
                if !self.shared.show_full(true) {
                    tracing::warn!(connection = %self.connection.id, %full, "not all directories of a share can be searched");
                }
                self.scan.clear();
            }
        }
    }

    /// Shows how large the index is, and what it is worth.
    async fn publish(&self) {
        let (count, bytes) = {
            let tree = self.shared.tree.read().await;
            (tree.len(), tree.bytes())
        };
        self.shared.show_size(count, bytes);
        self.publish_state();
    }

    /// A scan is at its end when each directory has been asked for, though some that could not be looked into wait for
    /// another try: they are found by their names, and hardly a share is without any that nobody may look into.
    fn publish_state(&self) {
        use causeway_internal::directories::IndexState as State;
        let rests = self.resting_until.is_some();
        self.shared.set_state(match (self.complete, self.scanning_since.is_some()) {
            (true, true) if !rests => State::Updating,
            (true, _) => State::Ready,
            (false, _) if rests && self.shared.count() == 0 => State::Empty,
            (false, _) => State::Building,
        });
    }

    async fn save_when_due(&mut self) {
        if self.dirty && self.saved.elapsed() >= SAVE_EVERY {
            self.save().await;
        }
    }

    async fn save(&mut self) {
        let (shared, shelf) = (Arc::clone(&self.shared), Arc::clone(&self.shelf));
        let (id, revision) = (self.connection.id, self.connection.revision);
        let saving =
            tokio::task::spawn_blocking(move || shelf.save(id, revision, &shared.tree.blocking_read()));
        self.saved = Instant::now();
        match saving.await {
            Ok(Ok(())) => self.dirty = false,
            Ok(Err(error)) => tracing::warn!(connection = %id, %error, "a directory index is not kept"),
            Err(error) => tracing::error!(%error, "keeping a directory index panicked"),
        }
    }

    async fn leave(mut self) {
        if self.shared.discarded.load(Ordering::Acquire) {
            let shelf = Arc::clone(&self.shelf);
            let (id, own) = (self.connection.id, self.connection.revision);
            // Removing is all that can fail, and it tells so itself. Another keeper may have followed already.
            let _ = tokio::task::spawn_blocking(move || shelf.remove_if(id, |kept| kept == own)).await;
        } else if self.dirty && self.shared.count() > 0 {
            self.save().await;
        }
    }
}

/// Whether it is the server or the way to it that fails, and not this directory.
fn is_trouble(kind: ShareErrorKind) -> bool {
    use ShareErrorKind as Kind;
    matches!(
        kind,
        Kind::Unreachable
            | Kind::ConnectionLost
            | Kind::TimedOut
            | Kind::LogonRefused
            | Kind::ShareNotFound
            | Kind::EncryptionRequired
    )
}
