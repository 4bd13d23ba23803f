//! Temporary siblings: what stands beside an item while it is being replaced.
//!
//! Each is written into the database's journal before it exists on the share, and struck off when it is gone again. What
//! a crash or an unreachable server leaves behind is therefore known and removed later by [`Siblings::sweep`], also
//! after a restart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_internal::{Fault, FaultCode};
use causeway_paths::{SharePath, TempName};
use causeway_smb::{ShareErrorKind, SharePool};
use tokio::sync::Notify;
use uuid::Uuid;

use super::Place;
use super::tree::{Tally, delete_whole};
use crate::connections::Connections;
use crate::locks::Locks;
use crate::shares::{Shares, fault};
use crate::store::{Journal, Leftover};

/// Purpose in the journal: new content on its way; worthless once nobody works on it.
const NEW: &str = "new";

/// Purpose in the journal: the old item, out of the way of its successor. Followed by the item's name.
const OLD: &str = "old:";

/// Purpose in the journal: the old content of a file that is being written in place. Followed by the file's name.
const KEPT: &str = "kept:";

/// How long the deletion of a connection waits for its clearing up; somebody waits for that.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(20);

/// The temporary siblings of this process and what earlier ones left behind.
pub(crate) struct Siblings {
    journal: Journal,
    /// In use by running operations: not for the sweep.
    active: Mutex<HashSet<i64>>,
    /// Held from an entry in the journal to its mark in `active`, so that the sweep never sees the one without the other.
    gate: tokio::sync::Mutex<()>,
    /// Rung when something was left behind.
    left_behind: Notify,
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
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            journal,
            active: Mutex::new(HashSet::new()),
            gate: tokio::sync::Mutex::new(()),
            left_behind: Notify::new(),
        }
    }

    /// A place beside `place` for its new content.
    pub(super) async fn for_new(self: &Arc<Self>, place: &Place) -> Result<Sibling, Fault> {
        self.begin(place, NEW.to_owned()).await
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
            let id = self.journal.begin(place.connection.id, &full, &purpose).await?;
            self.lock().insert(id);
            id
        };
        Ok(Sibling { id, full, siblings: Arc::clone(self), settled: false })
    }

    /// Returns when something has been left behind.
    pub(crate) async fn left_behind(&self) {
        self.left_behind.notified().await;
    }

    /// Removes what was left behind, as far as the servers can be reached. Says how many are left for next time.
    pub(crate) async fn sweep(
        &self,
        connections: &Connections,
        shares: &Shares,
        locks: &Locks,
    ) -> Result<usize, Fault> {
        let mut left = 0;
        for leftover in self.abandoned().await? {
            let cleaned = match connections.for_upkeep(leftover.connection).await {
                Ok(Some(connection)) => {
                    let pool = shares.pool(&connection);
                    let _unheld = match leftover.written_file() {
                        Some(file) => Some(locks.unheld(&pool, &file).await),
                        None => None,
                    };
                    clean(&pool, &leftover).await
                }
                // The connection is gone, and with it the password.
                Ok(None) => Ok(()),
                Err(fault) => Err(fault),
            };
            match cleaned {
                Ok(()) => self.journal.end(leftover.id).await?,
                Err(fault) => {
                    tracing::info!(path = %leftover.path, %fault, "a temporary item stays for now");
                    left += 1;
                }
            }
        }
        Ok(left)
    }

    /// Clears up on a connection that is about to be deleted, as far as its server can be reached in time: afterwards
    /// nobody knows its password. Fault: `Busy` while an operation has a directory set aside, which it could not finish.
    pub(crate) async fn clear(
        &self,
        connection: Uuid,
        connections: &Connections,
        shares: &Shares,
    ) -> Result<(), Fault> {
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
        let Some(connection) = connections.for_upkeep(connection).await? else { return Ok(()) };
        let pool = shares.pool(&connection);
        let cleared = async {
            for leftover in &abandoned {
                match clean(&pool, leftover).await {
                    Ok(()) => self.journal.end(leftover.id).await?,
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sibling {
    /// Strikes the sibling off: it has become the item, or it has been deleted.
    pub(super) async fn settle(mut self) {
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

    /// From now on this is what the file at `place` held, which is about to be written over.
    pub(super) async fn keeps_old_content(self, place: &Place) -> Result<Self, Fault> {
        let name = place.full.name().unwrap_or_default();
        self.becomes(place, &format!("{KEPT}{name}")).await
    }

    /// The same sibling with another purpose.
    async fn becomes(self, place: &Place, purpose: &str) -> Result<Self, Fault> {
        let id = {
            let _gate = self.siblings.gate.lock().await;
            let id = self.siblings.journal.begin(place.connection.id, &self.full, purpose).await?;
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

impl Leftover {
    /// The file that was being written in place, if that was it.
    fn written_file(&self) -> Option<SharePath> {
        let name = self.purpose.strip_prefix(KEPT)?;
        self.path.parent().and_then(|parent| parent.child(name).ok())
    }
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
    if let Some(file) = leftover.written_file() {
        bring_back(pool, &leftover.path, &file).await?;
    }
    remove(pool, &leftover.path).await
}

/// Writes the old content of a file back that was being written over. The file may be gone by now: then the old content is
/// the file again.
pub(super) async fn bring_back(pool: &SharePool, kept: &SharePath, file: &SharePath) -> Result<(), Fault> {
    let restored = match pool.overwrite(kept, file, None).await {
        Err(error) if error.kind() == ShareErrorKind::NotFound => match pool.stat_link(kept).await {
            Ok(_) => pool.rename(kept, file, false).await.map(drop),
            // There is nothing to bring back either.
            Err(error) if is_gone(error.kind()) => Ok(()),
            Err(error) => Err(error),
        },
        outcome => outcome.map(drop),
    };
    restored.map_err(|error| fault(&error))
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

fn is_gone(kind: ShareErrorKind) -> bool {
    matches!(kind, ShareErrorKind::NotFound | ShareErrorKind::PathNotFound)
}
