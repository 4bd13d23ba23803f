//! Temporary siblings: what stands beside an item while it is being replaced.
//!
//! Each is written into the database's journal before it exists on the share, and struck off when it is gone again. What
//! a crash or an unreachable server leaves behind is therefore known and removed later by [`Siblings::sweep`], also
//! after a restart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_internal::{Fault, FaultCode};
use causeway_paths::{SharePath, TempName};
use causeway_smb::{ShareErrorKind, SharePool};
use tokio::sync::{Notify, OnceCell};
use uuid::Uuid;

use super::Place;
use super::doubts::{Doubt, Doubts};
use super::recovery::put_right;
use super::tree::{Tally, delete_whole};
use crate::connections::Connections;
use crate::locks::Locks;
use crate::shares::{Shares, fault};
use crate::store::{Journal, Leftover};

/// Purpose in the journal: worthless.
const NEW: &str = "new";

/// Purpose in the journal: new content on its way; worthless once nobody works on it. Followed by the name of the item that
/// it is for: a rename onto it may have been asked for.
const NEW_FOR: &str = "new:";

/// Purpose in the journal: the old item, out of the way of its successor. Followed by the item's name.
const OLD: &str = "old:";

/// Purpose in the journal: the old content of a file that is being written in place. Followed by the name of the sibling
/// with the new content, a colon (which no name has), and the file's name.
const KEPT: &str = "kept:";

/// When those come back who find a file in doubt.
const RETRY_AFTER_SECONDS: u32 = 2;

/// What they are told while it waits for its old content.
const PUT_RIGHT: &str = "The file is being put right after a failure";

/// How long the deletion of a connection waits for its clearing up; somebody waits for that.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(20);

/// The temporary siblings of this process and what earlier ones left behind.
pub(crate) struct Siblings {
    journal: Journal,
    connections: Arc<Connections>,
    /// In use by running operations: not for the sweep.
    active: Mutex<HashSet<i64>>,
    /// Held from an entry in the journal to its mark in `active`, so that the sweep never sees the one without the other.
    gate: tokio::sync::Mutex<()>,
    /// Rung when something was left behind.
    left_behind: Notify,
    /// Files that nobody saves over for the moment. Read from the journal when they are first asked for.
    doubts: OnceCell<Mutex<Doubts>>,
}

/// A temporary sibling of a running operation. Dropped without [`settle`](Self::settle), it is left to the sweep.
pub(super) struct Sibling {
    id: i64,
    /// Where it is on the share.
    pub(super) full: SharePath,
    siblings: Arc<Siblings>,
    settled: bool,
}

impl Siblings {
    pub(crate) fn new(journal: Journal, connections: Arc<Connections>) -> Self {
        Self {
            journal,
            connections,
            active: Mutex::new(HashSet::new()),
            gate: tokio::sync::Mutex::new(()),
            left_behind: Notify::new(),
            doubts: OnceCell::new(),
        }
    }

    /// A place beside `place` for its new content.
    pub(super) async fn for_new(self: &Arc<Self>, place: &Place) -> Result<Sibling, Fault> {
        let name = place.full.name().unwrap_or_default();
        self.begin(place, format!("{NEW_FOR}{name}")).await
    }

    /// A place beside `place` for what is there now.
    pub(super) async fn for_old(self: &Arc<Self>, place: &Place) -> Result<Sibling, Fault> {
        let name = place.full.name().unwrap_or_default();
        self.begin(place, format!("{OLD}{name}")).await
    }

    async fn begin(self: &Arc<Self>, place: &Place, purpose: String) -> Result<Sibling, Fault> {
        let name = TempName::from_uuid_bytes(Uuid::new_v4().into_bytes());
        let full = place
            .full
            .parent()
            .ok_or_else(|| Fault::new(FaultCode::Invalid, "The share root cannot be replaced"))?
            .join(&name.to_entry_name())
            .map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))?;
        let id = {
            let _gate = self.gate.lock().await;
            let id =
                self.journal.begin(place.connection.id, &full, &purpose, keeps_something(&purpose)).await?;
            self.lock().insert(id);
            id
        };
        Ok(Sibling { id, full, siblings: Arc::clone(self), settled: false })
    }

    /// Returns when something has been left behind.
    pub(crate) async fn left_behind(&self) {
        self.left_behind.notified().await;
    }

    /// Whether the file at `place` may be saved over. Fault: `Busy` while it waits for its old content, or while a rename onto
    /// it may still be done.
    pub(super) async fn may_be_saved(&self, place: &Place) -> Result<(), Fault> {
        let busy = |message| Err(Fault::new(FaultCode::Busy, message).retry_after(RETRY_AFTER_SECONDS));
        let doubt = locked(self.doubts().await?).of(&place.lock_key());
        match doubt {
            None => Ok(()),
            Some(Doubt::Torn) => busy(PUT_RIGHT),
            Some(Doubt::MayBeReplaced) => busy("An earlier save of the file is not over yet"),
        }
    }

    /// Whether the file at `place` may be read. Fault: `Busy` while it waits for its old content.
    pub(super) async fn may_be_read(&self, place: &Place) -> Result<(), Fault> {
        if locked(self.doubts().await?).of(&place.lock_key()) == Some(Doubt::Torn) {
            return Err(Fault::new(FaultCode::Busy, PUT_RIGHT).retry_after(RETRY_AFTER_SECONDS));
        }
        Ok(())
    }

    async fn doubts(&self) -> Result<&Mutex<Doubts>, Fault> {
        self.doubts
            .get_or_try_init(async || {
                let mut doubts = Doubts::default();
                for leftover in self.abandoned().await? {
                    let Some((file, doubt)) = leftover.doubt() else { continue };
                    // Without its connection nobody can do anything to it.
                    let Some(connection) = self.connections.for_upkeep(leftover.connection).await? else {
                        continue;
                    };
                    doubts.add(leftover.id, Place::key_at(&connection, &file), doubt);
                }
                Ok(Mutex::new(doubts))
            })
            .await
    }

    /// Nothing is uncertain any more because of this entry of the journal.
    fn no_doubt(&self, entry: i64) {
        if let Some(doubts) = self.doubts.get() {
            locked(doubts).settle(entry);
        }
    }

    /// Removes what was left behind, as far as the servers can be reached. Says how many are left for next time.
    pub(crate) async fn sweep(&self, shares: &Shares, locks: &Locks) -> Result<usize, Fault> {
        // Before anything of it is settled.
        self.doubts().await?;
        let mut left = 0;
        let mut needed = HashSet::new();
        let mut leftovers = self.abandoned().await?;
        // What is new content to one entry is proof to another one.
        leftovers.sort_by_key(|leftover| leftover.written_over().is_none());
        for leftover in leftovers {
            if needed.contains(&leftover.path) {
                left += 1;
                continue;
            }
            let written = leftover.written_over();
            let cleaned = match self.connections.for_upkeep(leftover.connection).await {
                Ok(Some(connection)) => {
                    let pool = shares.pool(&connection);
                    match &written {
                        Some(written) => self.recover(&pool, &leftover, written, locks).await,
                        None => clean(&pool, &leftover).await,
                    }
                }
                // The connection is gone, and with it the password.
                Ok(None) => Ok(()),
                Err(fault) => Err(fault),
            };
            match cleaned {
                Ok(()) => {
                    self.journal.end(leftover.id).await?;
                    self.no_doubt(leftover.id);
                }
                Err(fault) => {
                    tracing::info!(path = %leftover.path, %fault, "a temporary item stays for now");
                    needed.extend(written.map(|written| written.new_content));
                    left += 1;
                }
            }
        }
        Ok(left)
    }

    /// Puts a file right that was being written over when the process or the server stopped.
    async fn recover(
        &self,
        pool: &SharePool,
        leftover: &Leftover,
        written: &WrittenOver,
        locks: &Locks,
    ) -> Result<(), Fault> {
        // Nobody saves meanwhile, and no hold of ours is in the way.
        let _turn = locks.turn(pool, &written.file).await?;
        let _unheld = locks.unheld(pool, &written.file).await;
        put_right(pool, &leftover.path, written, leftover.id).await?;
        remove(pool, &leftover.path).await
    }

    /// Clears up on a connection that is about to be deleted, as far as its server can be reached in time: afterwards
    /// nobody knows its password. Fault: `Busy` while an operation has a directory set aside, which it could not finish.
    pub(crate) async fn clear(&self, connection: Uuid, shares: &Shares) -> Result<(), Fault> {
        let mut abandoned = Vec::new();
        {
            let _gate = self.gate.lock().await;
            let of_this = |leftover: &Leftover| leftover.connection == connection;
            for leftover in self.journal.leftovers().await?.into_iter().filter(of_this) {
                if !self.lock().contains(&leftover.id) {
                    abandoned.push(leftover);
                } else if leftover.purpose.starts_with(OLD) || leftover.purpose.starts_with(KEPT) {
                    return Err(Fault::new(
                        FaultCode::Busy,
                        "A directory or a file of this connection is being replaced",
                    )
                    .retry_after(2));
                }
            }
        }
        let Some(connection) = self.connections.for_upkeep(connection).await? else { return Ok(()) };
        let pool = shares.pool(&connection);
        let cleared = async {
            for leftover in &abandoned {
                match clean(&pool, leftover).await {
                    Ok(()) => {
                        self.journal.end(leftover.id).await?;
                        self.no_doubt(leftover.id);
                    }
                    Err(fault) => {
                        tracing::warn!(path = %leftover.path, %fault, "a temporary item stays for good");
                    }
                }
            }
            Ok(())
        };
        tokio::time::timeout(CLEAR_TIMEOUT, cleared).await.unwrap_or_else(|_| {
            tracing::warn!("what was left on a connection could not be removed in time and stays for good");
            Ok(())
        })
    }

    /// What the journal names and no operation of this process works on.
    async fn abandoned(&self) -> Result<Vec<Leftover>, Fault> {
        let _gate = self.gate.lock().await;
        let mut leftovers = self.journal.leftovers().await?;
        let active = self.lock();
        leftovers.retain(|leftover| !active.contains(&leftover.id));
        Ok(leftovers)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<i64>> {
        locked(&self.active)
    }
}

impl Sibling {
    /// Strikes the sibling off: it has become the item, or it has been deleted.
    pub(super) async fn settle(mut self) {
        self.siblings.no_doubt(self.id);
        match self.siblings.journal.end(self.id).await {
            Ok(()) => self.settled = true,
            // The sweep will find nothing there and strike it off.
            Err(fault) => tracing::warn!(%fault, "the journal could not be written"),
        }
    }

    /// The successor of what was moved aside is in its place: from now on the sibling is worthless, and only now.
    pub(super) async fn superseded(self, place: &Place) -> Result<Self, Fault> {
        self.becomes(place, NEW).await
    }

    /// From now on this is what the file at `place` held, which is about to be written over with what `new` has. Until it
    /// is [superseded](Self::superseded), nobody else saves over the file.
    pub(super) async fn keeps_old_content(self, place: &Place, new: &Self) -> Result<Self, Fault> {
        let (name, new) = (place.full.name().unwrap_or_default(), new.full.name().unwrap_or_default());
        let kept = self.becomes(place, &format!("{KEPT}{new}:{name}")).await?;
        locked(kept.siblings.doubts().await?).add(kept.id, place.lock_key(), Doubt::Torn);
        Ok(kept)
    }

    /// A rename of this onto the item at `place` has been asked for, and nobody knows whether it is done, or still will be:
    /// until the sibling is settled nobody saves there.
    pub(super) async fn may_replace(&self, place: &Place) {
        match self.siblings.doubts().await {
            Ok(doubts) => locked(doubts).add(self.id, place.lock_key(), Doubt::MayBeReplaced),
            // Whoever saves next asks the same, and is refused for the same reason.
            Err(fault) => tracing::warn!(%fault, "the journal cannot be read"),
        }
    }

    /// The file that was being written over is whole: the old content is worthless.
    pub(super) async fn no_longer_needed(self, place: &Place) -> Result<Self, Fault> {
        self.superseded(place).await
    }

    /// The same sibling with another purpose.
    async fn becomes(self, place: &Place, purpose: &str) -> Result<Self, Fault> {
        let id = {
            let _gate = self.siblings.gate.lock().await;
            let id = self
                .siblings
                .journal
                .begin(place.connection.id, &self.full, purpose, keeps_something(purpose))
                .await?;
            self.siblings.lock().insert(id);
            id
        };
        let same = Self { id, full: self.full.clone(), siblings: Arc::clone(&self.siblings), settled: false };
        self.settle().await;
        Ok(same)
    }

    /// Deletes the sibling, whatever it holds, and strikes it off; what cannot be deleted now is left to the sweep.
    pub(super) async fn discard(self, pool: &SharePool) {
        match remove(pool, &self.full).await {
            Ok(()) => self.settle().await,
            Err(fault) => tracing::warn!(%fault, "a temporary item could not be removed yet"),
        }
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        self.siblings.lock().remove(&self.id);
        if !self.settled {
            self.siblings.left_behind.notify_one();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that was being written over.
pub(super) struct WrittenOver {
    /// The file.
    pub(super) file: SharePath,
    /// Where the new content is.
    pub(super) new_content: SharePath,
}

impl Leftover {
    /// The file that was being written over, if that was it.
    fn written_over(&self) -> Option<WrittenOver> {
        let (new, name) = self.purpose.strip_prefix(KEPT)?.split_once(':')?;
        let parent = self.path.parent()?;
        Some(WrittenOver { file: parent.child(name).ok()?, new_content: parent.child(new).ok()? })
    }

    /// The file of which this leaves something uncertain.
    fn doubt(&self) -> Option<(SharePath, Doubt)> {
        if let Some(written) = self.written_over() {
            return Some((written.file, Doubt::Torn));
        }
        let name = self.purpose.strip_prefix(NEW_FOR)?;
        Some((self.path.parent()?.child(name).ok()?, Doubt::MayBeReplaced))
    }
}

/// Whether what is noted for this purpose is all that is left of something.
fn keeps_something(purpose: &str) -> bool {
    purpose.starts_with(OLD) || purpose.starts_with(KEPT)
}

/// Undoes what an operation that did not end left on the share.
async fn clean(pool: &SharePool, leftover: &Leftover) -> Result<(), Fault> {
    if let Some(name) = leftover.purpose.strip_prefix(OLD) {
        let original = leftover
            .path
            .parent()
            .and_then(|parent| parent.child(name).ok())
            .ok_or_else(|| Fault::new(FaultCode::Internal, "The journal names no item"))?;
        // Its successor never took its place: the old item comes back. "No replace" decides, so that nothing can be lost.
        match pool.rename(&leftover.path, &original, false).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ShareErrorKind::AlreadyExists => {}
            Err(error) if is_gone(error.kind()) => return Ok(()),
            Err(error) => return Err(fault(&error)),
        }
        // Somebody has taken the name meanwhile. Both stay, and the old one can be seen again.
        let visible = leftover
            .path
            .parent()
            .and_then(|parent| parent.child(&format!("{name} (recovered {})", leftover.id)).ok())
            .ok_or_else(|| Fault::new(FaultCode::Internal, "The name of a recovered item is too long"))?;
        return pool.rename(&leftover.path, &visible, false).await.map(drop).map_err(|error| fault(&error));
    }
    remove(pool, &leftover.path).await
}

async fn remove(pool: &SharePool, path: &SharePath) -> Result<(), Fault> {
    let found = match pool.stat_link(path).await {
        Ok(found) => found,
        Err(error) if is_gone(error.kind()) => return Ok(()),
        Err(error) => return Err(fault(&error)),
    };
    let tally = Tally::default();
    delete_whole(pool, path, &found, &tally)
        .await
        .map_err(|stopped| stopped.into_fault("Removed", &tally, &SharePath::root()))
}

pub(super) fn is_gone(kind: ShareErrorKind) -> bool {
    matches!(kind, ShareErrorKind::NotFound | ShareErrorKind::PathNotFound)
}
