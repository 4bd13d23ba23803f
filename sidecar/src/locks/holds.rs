//! The locked files, held open on their servers.
//!
//! A lock is a promise among our users; the [`Hold`] makes it one to everybody on the share. It is opened when the lock is
//! granted and closed when it ends. In between it may be lost with its connection, and is then opened again as soon as
//! that is possible; a lock without its hold is a lock still.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_locks::LockKey;
use causeway_paths::SharePath;
use causeway_smb::{Hold, ShareError, ShareErrorKind, SharePool};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use uuid::Uuid;

use super::identity::{FileIdentity, Known, ServerGuid};
use super::rows;
use crate::changes::ShareKey;
use crate::connections::Connections;
use crate::shares::Shares;
use crate::store::{Store, StoreError};

/// Between two attempts to hold a file again, at first; twice as long after each failure.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The same, at most.
const LAST_RETRY: Duration = Duration::from_secs(15);

/// Files of one share that are opened again at once: after the return of a server there may be many.
const AT_ONCE: usize = 32;

/// How long a grant waits for files of the same server that were held before a restart.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(5);

/// A hold whose server has been silent for this long is asked for a sign of life.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// All holds.
pub(super) struct Holds {
    store: Store,
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    held: Mutex<HashMap<Uuid, Held>>,
    /// Rung when a file is to be held again.
    wanted: Notify,
}

/// A locked file.
pub(super) struct Held {
    connection: Uuid,
    path: SharePath,
    share: String,
    state: State,
    /// The server that it is on, if that is known.
    server: Option<ServerGuid>,
    /// The file that was held last.
    identity: Option<FileIdentity>,
    /// The same, as the database has it.
    written: Option<FileIdentity>,
    /// Whether somebody was told that he has the lock.
    is_granted: bool,
    /// Whether it was held before a restart and is still to be looked for.
    is_restored: bool,
    /// Attempts to hold it that have begun.
    begun: u64,
    /// The latest of those that count: one that began earlier and took longer found what is not there any more.
    settled: u64,
}

impl Held {
    fn new(
        key: &LockKey,
        (connection, path): (Uuid, SharePath),
        (state, known): (State, Known),
        is_restored: bool,
    ) -> Self {
        let Known { server, identity } = known;
        Self {
            connection,
            path,
            share: key.share.clone(),
            state,
            server,
            identity,
            written: identity,
            is_granted: is_restored,
            is_restored,
            begun: 0,
            settled: 0,
        }
    }

    /// The connection by which it is held, and its path as it was spelled, from the root of the share.
    pub(super) fn place(&self) -> (Uuid, &SharePath) {
        (self.connection, &self.path)
    }

    /// Closes the file, and returns when the server knows.
    pub(super) async fn let_go(self) {
        if let State::Open(hold, _) = self.state {
            hold.release().await;
        }
    }
}

enum State {
    /// It is held open; last known to be so at that moment.
    Open(Hold, Instant),
    /// Let go, because the holder himself is about to do something to the file that the hold would be in the way of.
    LetGo,
    /// To be held again, not before that moment.
    Wanted { next: Instant, pause: Duration },
}

impl Holds {
    pub(super) fn new(store: Store, connections: Arc<Connections>, shares: Arc<Shares>) -> Self {
        Self { store, connections, shares, held: Mutex::default(), wanted: Notify::new() }
    }

    /// Keeps the file of a lock from now on that was granted before a restart.
    pub(super) fn restore(&self, lock: Uuid, key: &LockKey, at: (Uuid, SharePath), known: Known) {
        let state = State::Wanted { next: Instant::now(), pause: FIRST_RETRY };
        self.held().insert(lock, Held::new(key, at, (state, known), true));
        self.wanted.notify_one();
    }

    /// Looks for the files of a server that were held before a restart, for a moment: somebody may have put others in their
    /// places meanwhile. One that does not answer by then is not waited for again.
    pub(super) async fn catch_up(&self, with: ServerGuid) {
        let is_wanted = |held: &Held| held.is_restored && held.server.is_none_or(|server| server == with);
        let restored: Vec<Uuid> =
            self.held().iter().filter(|(_, held)| is_wanted(held)).map(|(lock, _)| *lock).collect();
        let looks = futures::stream::iter(&restored).for_each_concurrent(AT_ONCE, async |lock| {
            // Others may have looked meanwhile.
            if self.held().get(lock).is_some_and(is_wanted) {
                self.renew(*lock).await;
            }
        });
        if tokio::time::timeout(CATCH_UP_WITHIN, looks).await.is_err() {
            tracing::info!("not all files that were locked before the restart are held again");
            let mut all = self.held();
            for lock in &restored {
                if let Some(held) = all.get_mut(lock) {
                    held.is_restored = false;
                }
            }
        }
    }

    /// Keeps the file of a lock from now on; with its hold, if there is one already. Answers with the other locks under
    /// which the very same file is held.
    pub(super) fn keep(
        &self,
        lock: Uuid,
        key: &LockKey,
        at: (Uuid, SharePath),
        (hold, known): (Option<Hold>, Known),
    ) -> Vec<Uuid> {
        let now = Instant::now();
        let state = match hold {
            Some(hold) => State::Open(hold, now),
            None => State::Wanted { next: now, pause: FIRST_RETRY },
        };
        let held = Held::new(key, at, (state, known), false);
        let mut all = self.held();
        let same = known.identity.map_or_else(Vec::new, |identity| same_file(&all, &identity));
        all.insert(lock, held);
        drop(all);
        self.wanted.notify_one();
        same
    }

    /// The lock is in the database, and about to be given out.
    pub(super) fn grant(&self, lock: Uuid) {
        if let Some(held) = self.held().get_mut(&lock) {
            held.is_granted = true;
        }
    }

    /// The locks under which a file is held.
    pub(super) fn locks_on(&self, identity: &FileIdentity) -> Vec<Uuid> {
        same_file(&self.held(), identity)
    }

    /// The locks whose files are held by a connection.
    pub(super) fn locks_of(&self, connection: Uuid) -> Vec<Uuid> {
        self.held().iter().filter(|(_, held)| held.connection == connection).map(|(lock, _)| *lock).collect()
    }

    /// Holds a file by another connection from the next time on.
    pub(super) fn move_to(&self, lock: Uuid, connection: Uuid, path: &SharePath) {
        if let Some(held) = self.held().get_mut(&lock) {
            held.connection = connection;
            held.path = path.clone();
        }
    }

    /// The granted locks by which one file is held open, where there are several of them.
    pub(super) fn on_one_file(&self) -> Vec<Vec<Uuid>> {
        let mut files: BTreeMap<FileIdentity, Vec<Uuid>> = BTreeMap::new();
        for (lock, held) in self.held().iter() {
            if let (State::Open(..), Some(identity), true) = (&held.state, held.identity, held.is_granted) {
                files.entry(identity).or_default().push(*lock);
            }
        }
        files.into_values().filter(|locks| locks.len() > 1).collect()
    }

    /// The lock is over: its file is the caller's to let go.
    #[must_use]
    pub(super) fn forget(&self, lock: Uuid) -> Option<Held> {
        self.held().remove(&lock)
    }

    /// The lock is over: lets its file go, and returns when the server knows.
    pub(super) async fn end(&self, lock: Uuid) {
        if let Some(held) = self.forget(lock) {
            held.let_go().await;
        }
    }

    /// Lets files go for a while, and returns when the server knows.
    pub(super) async fn let_go(&self, locks: &[Uuid]) {
        for lock in locks {
            let before = match self.held().get_mut(lock) {
                Some(held) => std::mem::replace(&mut held.state, State::LetGo),
                None => continue,
            };
            if let State::Open(hold, _) = before {
                hold.release().await;
            }
        }
    }

    /// Holds files again, in the background.
    pub(super) fn take_up(&self, locks: &[Uuid]) {
        let now = Instant::now();
        for lock in locks {
            if let Some(held) = self.held().get_mut(lock) {
                held.state = State::Wanted { next: now, pause: FIRST_RETRY };
            }
        }
        self.wanted.notify_one();
    }

    /// Holds the file that has the lock's place now, whatever was held before. Failures are tried again later.
    pub(super) async fn renew(&self, lock: Uuid) {
        match self.open(lock).await {
            Some((attempt, opened)) => self.take_over(lock, attempt, opened).await,
            // There is no way to the file any more, for the time being.
            None => self.put_off(lock),
        }
    }

    fn put_off(&self, lock: Uuid) {
        if let Some(Held { state: State::Wanted { next, pause }, .. }) = self.held().get_mut(&lock) {
            *next = Instant::now() + *pause;
            *pause = (*pause * 2).min(LAST_RETRY);
        }
    }

    /// Closes a file and holds at once the one that has the lock's place then. Others who want it may be quicker: `InUse`.
    /// After any error it is tried again later.
    pub(super) async fn reopen(&self, lock: Uuid) -> Result<(), ShareError> {
        let wanted = State::Wanted { next: Instant::now() + FIRST_RETRY, pause: FIRST_RETRY };
        let before = match self.held().get_mut(&lock) {
            Some(held) if !matches!(held.state, State::LetGo) => std::mem::replace(&mut held.state, wanted),
            _ => return Ok(()),
        };
        if let State::Open(hold, _) = before {
            hold.release().await;
        }
        let Some((attempt, opened)) = self.open(lock).await else { return Ok(()) };
        let outcome = opened.as_ref().map(drop).map_err(Clone::clone);
        self.take_over(lock, attempt, opened).await;
        outcome
    }

    /// Files that are held at this moment.
    pub(super) fn open_count(&self) -> usize {
        self.held().values().filter(|held| matches!(held.state, State::Open(..))).count()
    }

    /// Opens again what was lost, for as long as it is polled.
    pub(super) async fn run(&self) {
        let mut under_way = FuturesUnordered::new();
        let mut busy: HashMap<Uuid, String> = HashMap::new();
        loop {
            // Nothing tells of a connection that breaks, so that as long as there are holds they are looked at.
            let pause = if self.held().is_empty() { Duration::MAX } else { FIRST_RETRY };
            tokio::select! {
                Some(lock) = under_way.next() => drop(busy.remove(&lock)),
                _ = tokio::time::timeout(pause, self.wanted.notified()) => {}
            }
            let (due, silent) = (self.due(), self.silent());
            let work = due.into_iter().map(|(lock, share)| (lock, share, true));
            for (lock, share, is_due) in
                work.chain(silent.into_iter().map(|(lock, share)| (lock, share, false)))
            {
                // By shares: those of a server that does not answer are in nobody else's way.
                if busy.contains_key(&lock)
                    || busy.values().filter(|other| **other == share).count() >= AT_ONCE
                {
                    continue;
                }
                busy.insert(lock, share);
                under_way.push(async move {
                    if is_due {
                        self.renew(lock).await;
                    } else {
                        self.probe(lock).await;
                    }
                    lock
                });
            }
        }
    }

    /// Lets everything go.
    pub(super) async fn close(&self) {
        let held: Vec<Held> = self.held().drain().map(|(_, held)| held).collect();
        let holds = held.into_iter().filter_map(|held| match held.state {
            State::Open(hold, _) => Some(hold.release()),
            State::LetGo | State::Wanted { .. } => None,
        });
        futures::future::join_all(holds).await;
    }

    /// What is to be opened now, with its share; holds whose connection is gone become so.
    fn due(&self) -> Vec<(Uuid, String)> {
        let now = Instant::now();
        let mut due = Vec::new();
        for (lock, held) in self.held().iter_mut() {
            if matches!(&held.state, State::Open(hold, _) if !hold.is_alive()) {
                tracing::info!(path = %held.path, "a locked file is not held on its server any more");
                held.state = State::Wanted { next: now, pause: FIRST_RETRY };
            }
            if matches!(held.state, State::Wanted { next, .. } if next <= now) {
                due.push((*lock, held.share.clone()));
            }
        }
        due
    }

    /// Holds of which nothing was heard for long, with their shares; they count as asked.
    fn silent(&self) -> Vec<(Uuid, String)> {
        let now = Instant::now();
        let mut silent = Vec::new();
        for (lock, held) in self.held().iter_mut() {
            if let State::Open(_, heard) = &mut held.state
                && now.duration_since(*heard) >= PROBE_EVERY
            {
                *heard = now;
                silent.push((*lock, held.share.clone()));
            }
        }
        silent
    }

    /// Asks the server of a hold for a sign of life; the next round finds out what came of it. Holds the file that has the
    /// path now, if that is another one: somebody has put it there past us.
    async fn probe(&self, lock: Uuid) {
        let (probe, number) = match self.held().get(&lock) {
            Some(Held { state: State::Open(hold, _), .. }) => (hold.probe(), hold.metadata().file_id),
            _ => return,
        };
        if !probe.await {
            return;
        }
        // If that could not be done when it was found out.
        self.write_down(lock).await;
        let Some((_, path, pool)) = self.place(lock).await else { return };
        if pool.stat(&path).await.is_ok_and(|now| now.file_id != number) {
            self.renew(lock).await;
        }
    }

    /// Opens the file of a lock, with the number of the attempt; `None` when there is no such lock any more, or no such
    /// connection.
    async fn open(&self, lock: Uuid) -> Option<(u64, Result<Hold, ShareError>)> {
        let (attempt, path, pool) = self.place(lock).await?;
        Some((attempt, pool.hold(&path).await))
    }

    /// Where the file of a lock is, and the number of the attempt that begins.
    async fn place(&self, lock: Uuid) -> Option<(u64, SharePath, SharePool)> {
        let (attempt, connection, path, share) = {
            let mut held = self.held();
            let held = held.get_mut(&lock)?;
            held.begun += 1;
            (held.begun, held.connection, held.path.clone(), held.share.clone())
        };
        let connection = self.connections.for_upkeep(connection).await.ok().flatten()?;
        let pool = self.shares.pool(&connection);
        // A connection that leads elsewhere by now has another file of that name.
        (ShareKey::of(pool.target()).text() == share).then_some((attempt, path, pool))
    }

    /// Takes over what came of an attempt, lets go what is not wanted any more, and writes down which file it is.
    async fn take_over(&self, lock: Uuid, attempt: u64, opened: Result<Hold, ShareError>) {
        if let Some(State::Open(hold, _)) = self.settle(lock, attempt, opened) {
            hold.release().await;
        }
        self.write_down(lock).await;
    }

    /// Writes down which file is held, if the database has another one.
    async fn write_down(&self, lock: Uuid) {
        if self.unwritten(lock).is_none() {
            return;
        }
        let written = async {
            let mut writer = self.store.light_writer().acquire().await?;
            // Asked again, now that nobody else writes: the last one to write is right.
            let Some(known) = self.unwritten(lock) else { return Ok(()) };
            if rows::identify(&mut writer, lock, &known).await?
                && let Some(held) = self.held().get_mut(&lock)
            {
                held.written = known.identity;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "which file is locked could not be written down");
        }
    }

    /// What is known of a file, if the database has another one.
    fn unwritten(&self, lock: Uuid) -> Option<Known> {
        let all = self.held();
        let held = all.get(&lock).filter(|held| held.identity != held.written)?;
        Some(Known { server: held.server, identity: held.identity })
    }

    /// The state of a lock after an attempt; what was there before is given back, and so is a hold that nobody wants any
    /// more.
    fn settle(&self, lock: Uuid, attempt: u64, opened: Result<Hold, ShareError>) -> Option<State> {
        let now = Instant::now();
        let mut all = self.held();
        let unwanted = |opened: Result<Hold, _>| opened.ok().map(|hold| State::Open(hold, now));
        let Some(held) = all.get_mut(&lock).filter(|held| held.settled < attempt) else {
            return unwanted(opened);
        };
        held.settled = attempt;
        held.is_restored &= opened.as_ref().is_err_and(|error| !is_absent(error.kind()));
        let pause = match held.state {
            State::Wanted { pause, .. } => (pause * 2).min(LAST_RETRY),
            State::Open(..) => FIRST_RETRY,
            // It was let go meanwhile.
            State::LetGo => return unwanted(opened),
        };
        let state = match opened {
            Ok(hold) => {
                let known = Known::of(&hold);
                held.server = known.server.or(held.server);
                held.identity = known.identity;
                State::Open(hold, now)
            }
            Err(error) => {
                tracing::debug!(path = %held.path, ?error, "a locked file cannot be held at the moment");
                if is_absent(error.kind()) {
                    // Its number may be another file's before long.
                    held.identity = None;
                }
                State::Wanted { next: now + pause, pause }
            }
        };
        Some(std::mem::replace(&mut held.state, state))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_absent(kind: ShareErrorKind) -> bool {
    matches!(kind, ShareErrorKind::NotFound | ShareErrorKind::PathNotFound)
}

fn same_file(all: &HashMap<Uuid, Held>, identity: &FileIdentity) -> Vec<Uuid> {
    all.iter().filter(|(_, held)| held.identity.as_ref() == Some(identity)).map(|(lock, _)| *lock).collect()
}
