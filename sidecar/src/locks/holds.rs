//! The locked files, held open on their servers.
//!
//! A lock is a promise among our users; the [`Hold`] makes it one to everybody on the share. It is opened when the lock is
//! granted and closed when it ends. In between it may be lost with its connection, and is then opened again as soon as
//! that is possible; a lock without its hold is a lock still.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_locks::LockKey;
use causeway_paths::SharePath;
use causeway_smb::{Hold, Metadata, ShareError, SharePool};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::changes::ShareKey;
use crate::connections::Connections;
use crate::shares::Shares;

/// Between two attempts to hold a file again, at first; twice as long after each failure.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The same, at most.
const LAST_RETRY: Duration = Duration::from_secs(15);

/// Files that are opened again at once: after the return of a server there may be many.
const AT_ONCE: usize = 32;

/// A hold whose server has been silent for this long is asked for a sign of life.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// All holds.
pub(super) struct Holds {
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    held: Mutex<HashMap<Uuid, Held>>,
    /// Rung when a file is to be held again.
    wanted: Notify,
}

/// A locked file.
struct Held {
    connection: Uuid,
    path: SharePath,
    share: String,
    state: State,
    /// The file that was held last.
    identity: Option<FileIdentity>,
    /// Attempts to hold it that have begun.
    begun: u64,
    /// The latest of those that count: one that began earlier and took longer found what is not there any more.
    settled: u64,
}

/// A file by its server's own numbers: the same by whatever address, share or path one comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    server: [u8; 16],
    volume: u64,
    file: u64,
}

impl FileIdentity {
    /// `None` where the server does not tell.
    pub(super) async fn of(pool: &SharePool, metadata: &Metadata) -> Option<Self> {
        let server = pool.server_identity().await.ok()?.server_guid;
        let (volume, file) = (metadata.volume_id?, metadata.file_id);
        (file != 0 && server != [0; 16]).then_some(Self { server, volume, file })
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
    pub(super) fn new(connections: Arc<Connections>, shares: Arc<Shares>) -> Self {
        Self { connections, shares, held: Mutex::default(), wanted: Notify::new() }
    }

    /// Keeps the file of a lock from now on; with its hold, if there is one already. Answers with the other locks under
    /// which the very same file is held.
    pub(super) fn keep(
        &self,
        lock: Uuid,
        key: &LockKey,
        (connection, path): (Uuid, SharePath),
        hold: Option<(Hold, Option<FileIdentity>)>,
    ) -> Vec<Uuid> {
        let now = Instant::now();
        let (state, identity) = match hold {
            Some((hold, identity)) => (State::Open(hold, now), identity),
            None => (State::Wanted { next: now, pause: FIRST_RETRY }, None),
        };
        let share = key.share.clone();
        let held = Held { connection, path, share, state, identity, begun: 0, settled: 0 };
        let mut all = self.held();
        let same = identity.map_or_else(Vec::new, |identity| same_file(&all, &identity));
        all.insert(lock, held);
        drop(all);
        self.wanted.notify_one();
        same
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

    /// The lock is over: lets its file go, and returns its path when the server knows.
    pub(super) async fn end(&self, lock: Uuid) -> Option<SharePath> {
        let held = self.held().remove(&lock)?;
        if let State::Open(hold, _) = held.state {
            hold.release().await;
        }
        Some(held.path)
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
        let Some((attempt, opened)) = self.open(lock).await else { return };
        if let Some(State::Open(hold, _)) = self.settle(lock, attempt, opened) {
            hold.release().await;
        }
    }

    /// Files that are held at this moment.
    pub(super) fn open_count(&self) -> usize {
        self.held().values().filter(|held| matches!(held.state, State::Open(..))).count()
    }

    /// Opens again what was lost, for as long as it is polled.
    pub(super) async fn run(&self) {
        loop {
            // Nothing tells of a connection that breaks, so that as long as there are holds they are looked at.
            let pause = if self.held().is_empty() { Duration::MAX } else { FIRST_RETRY };
            let _ = tokio::time::timeout(pause, self.wanted.notified()).await;
            let due = self.due();
            for some in due.chunks(AT_ONCE) {
                futures::future::join_all(some.iter().map(|&lock| self.renew(lock))).await;
            }
            let silent = self.silent();
            for some in silent.chunks(AT_ONCE) {
                futures::future::join_all(some.iter().map(|&lock| self.probe(lock))).await;
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

    /// What is to be opened now; holds whose connection is gone become so.
    fn due(&self) -> Vec<Uuid> {
        let now = Instant::now();
        let mut due = Vec::new();
        for (lock, held) in self.held().iter_mut() {
            if matches!(&held.state, State::Open(hold, _) if !hold.is_alive()) {
                tracing::info!(path = %held.path, "a locked file is not held on its server any more");
                held.state = State::Wanted { next: now, pause: FIRST_RETRY };
            }
            if matches!(held.state, State::Wanted { next, .. } if next <= now) {
                due.push(*lock);
            }
        }
        due
    }

    /// Holds of which nothing was heard for long; they count as asked.
    fn silent(&self) -> Vec<Uuid> {
        let now = Instant::now();
        let mut silent = Vec::new();
        for (lock, held) in self.held().iter_mut() {
            if let State::Open(_, heard) = &mut held.state
                && now.duration_since(*heard) >= PROBE_EVERY
            {
                *heard = now;
                silent.push(*lock);
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
        let Some((_, path, pool)) = self.place(lock).await else { return };
        if pool.stat(&path).await.is_ok_and(|now| now.file_id != number) {
            self.renew(lock).await;
        }
    }

    /// Opens the file of a lock, with the number of the attempt; `None` when there is no such lock any more, or no such
    /// connection.
    async fn open(&self, lock: Uuid) -> Option<(u64, Result<(Hold, Option<FileIdentity>), ShareError>)> {
        let (attempt, path, pool) = self.place(lock).await?;
        let opened = match pool.hold(&path).await {
            Ok(hold) => {
                let identity = FileIdentity::of(&pool, hold.metadata()).await;
                Ok((hold, identity))
            }
            Err(error) => Err(error),
        };
        Some((attempt, opened))
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

    /// Takes over what came of an attempt; what was there before is given back, and so is a hold that nobody wants any
    /// more.
    fn settle(
        &self,
        lock: Uuid,
        attempt: u64,
        opened: Result<(Hold, Option<FileIdentity>), ShareError>,
    ) -> Option<State> {
        let now = Instant::now();
        let mut all = self.held();
        let unwanted = |opened: Result<(Hold, _), _>| opened.ok().map(|(hold, _)| State::Open(hold, now));
        let Some(held) = all.get_mut(&lock).filter(|held| held.settled < attempt) else {
            return unwanted(opened);
        };
        held.settled = attempt;
        let pause = match held.state {
            State::Wanted { pause, .. } => (pause * 2).min(LAST_RETRY),
            State::Open(..) => FIRST_RETRY,
            // It was let go meanwhile.
            State::LetGo => return unwanted(opened),
        };
        let state = match opened {
            Ok((hold, identity)) => {
                held.identity = identity;
                State::Open(hold, now)
            }
            Err(error) => {
                tracing::debug!(path = %held.path, ?error, "a locked file cannot be held at the moment");
                State::Wanted { next: now + pause, pause }
            }
        };
        Some(std::mem::replace(&mut held.state, state))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_file(all: &HashMap<Uuid, Held>, identity: &FileIdentity) -> Vec<Uuid> {
    all.iter().filter(|(_, held)| held.identity.as_ref() == Some(identity)).map(|(lock, _)| *lock).collect()
}
