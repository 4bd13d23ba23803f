//! Temporary siblings: what stands beside an item while it is being replaced.
//!
//! Each is written into the database's journal before it exists on the share, and struck off when it is gone again. What
//! a crash or an unreachable server leaves behind is therefore known and removed later by [`Siblings::sweep`], also
//! after a restart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_internal::{Fault, FaultCode};
use causeway_locks::LockKey;
use causeway_paths::{CaseRule, SharePath, TempName};
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
            let on = (place.connection.id, place.lock_key().share);
            let id = self.journal.begin((on.0, &on.1), &full, &purpose, keeps_something(&purpose)).await?;
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

    /// Whether the file of that key, or all that is below the directory, may be read. Fault: `Busy` while it waits for its
    /// old content.
    pub(super) async fn may_be_read(&self, item: &LockKey) -> Result<(), Fault> {
        if locked(self.doubts().await?).is_torn_within(item) {
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
                    let share = leftover.share.unwrap_or_else(|| Place::share_of(&connection));
                    let path = file.canonical_key(CaseRule::Insensitive);
                    doubts.add(leftover.id, LockKey { share, path }, doubt);
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
        let in_doubt = locked(self.doubts().await?).entries();
        for entry in in_doubt {
            // It went with its connection, and nobody can find out any more.
            if !self.journal.has(entry).await? {
                self.no_doubt(entry);
            }
        }
        let stay = self.undo(self.abandoned().await?, shares, locks).await?;
        for (leftover, fault) in &stay {
            tracing::info!(path = %leftover.path, %fault, "a temporary item stays for now");
        }
        Ok(stay.len())
    }

    /// Undoes what was left behind and strikes it off. Gives what stays, with the reason.
    async fn undo(
        &self,
        mut leftovers: Vec<Leftover>,
        shares: &Shares,
        locks: &Locks,
    ) -> Result<Vec<(Leftover, Fault)>, Fault> {
        let (mut stay, mut needed) = (Vec::new(), HashSet::new());
        // What is new content to one entry is proof to another one.
        leftovers.sort_by_key(|leftover| leftover.written_over().is_none());
        for leftover in leftovers {
            let undone = if needed.contains(&leftover.path) {
                Err(Fault::new(FaultCode::Busy, PUT_RIGHT))
            } else {
                self.undo_one(&leftover, shares, locks).await
            };
            match undone {
                Ok(()) => {
                    self.journal.end(leftover.id).await?;
                    self.no_doubt(leftover.id);
                }
                Err(fault) => {
                    needed.extend(leftover.written_over().map(|written| written.new_content));
                    stay.push((leftover, fault));
                }
            }
        }
        Ok(stay)
    }

    async fn undo_one(&self, leftover: &Leftover, shares: &Shares, locks: &Locks) -> Result<(), Fault> {
        // The connection is gone, and with it the password.
        let Some(connection) = self.connections.for_upkeep(leftover.connection).await? else { return Ok(()) };
        if leftover.share.as_ref().is_some_and(|share| *share != Place::share_of(&connection)) {
            // What is not found there is not gone.
            return Err(Fault::new(FaultCode::ShareNotFound, "The connection leads to another share now"));
        }
        let pool = shares.pool(&connection);
        if let Some(written) = leftover.written_over() {
            return self.recover(&pool, leftover, &written, locks).await;
        }
        let cleaned = clean(&pool, leftover).await;
        if leftover.doubt().is_some()
            && cleaned.as_ref().is_err_and(|fault| fault.code == FaultCode::AccessDenied)
            && pool.is_open(&leftover.path).await.is_ok_and(|is_open| !is_open)
        {
            // It may not be deleted, but whoever might still have renamed it would have it open.
            self.no_doubt(leftover.id);
        }
        cleaned
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
    /// nobody knows its password. Fault: `Busy` while an operation has a directory set aside, which it could not finish, or
    /// while somebody's open file cannot be put right.
    pub(crate) async fn clear(&self, connection: Uuid, shares: &Shares, locks: &Locks) -> Result<(), Fault> {
        let busy = || {
            let message = "A directory or a file of this connection is being replaced";
            Fault::new(FaultCode::Busy, message).retry_after(RETRY_AFTER_SECONDS)
        };
        let mut abandoned = Vec::new();
        {
            let _gate = self.gate.lock().await;
            let of_this = |leftover: &Leftover| leftover.connection == connection;
            for leftover in self.journal.leftovers().await?.into_iter().filter(of_this) {
                if !self.lock().contains(&leftover.id) {
                    abandoned.push(leftover);
                } else if keeps_something(&leftover.purpose) {
                    return Err(busy());
                }
            }
        }
        // What is in doubt goes with the connection, a moment later.
        self.left_behind.notify_one();
        match tokio::time::timeout(CLEAR_TIMEOUT, self.undo(abandoned, shares, locks)).await {
            Ok(stay) => {
                for (leftover, fault) in stay? {
                    if keeps_something(&leftover.purpose)
                        && matches!(fault.code, FaultCode::InUse | FaultCode::Busy)
                    {
                        return Err(busy());
                    }
                    tracing::warn!(path = %leftover.path, %fault, "a temporary item stays for good");
                }
            }
            Err(_) => {
                tracing::warn!(
                    "what was left on a connection could not be removed in time and stays for good"
                );
            }
        }
        Ok(())
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

    /// Its successor is in its place, or the file that was being written over is whole: from now on the sibling is
    /// worthless, and only now.
    pub(super) async fn superseded(&self) -> Result<(), Fault> {
        self.siblings.journal.becomes(self.id, NEW).await?;
        self.siblings.no_doubt(self.id);
        Ok(())
    }

    /// From now on this is what the file at `place` held, which is about to be written over with what `new` has. Until it
    /// is [superseded](Self::superseded), nobody else saves over the file.
    pub(super) async fn keeps_old_content(&self, place: &Place, new: &Self) -> Result<(), Fault> {
        let (name, new) = (place.full.name().unwrap_or_default(), new.full.name().unwrap_or_default());
        let doubts = self.siblings.doubts().await?;
        self.siblings.journal.becomes(self.id, &format!("{KEPT}{new}:{name}")).await?;
        locked(doubts).add(self.id, place.lock_key(), Doubt::Torn);
        Ok(())
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

/// Deletes a temporary item, which is ours: where the permissions that it has taken over forbid that, they are changed first.
async fn remove(pool: &SharePool, path: &SharePath) -> Result<(), Fault> {
    let removed = try_to_remove(pool, path).await;
    if removed.as_ref().is_err_and(|fault| fault.code == FaultCode::AccessDenied)
        && pool.give_to_owner(path).await.is_ok()
    {
        return try_to_remove(pool, path).await;
    }
    removed
}

async fn try_to_remove(pool: &SharePool, path: &SharePath) -> Result<(), Fault> {
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
