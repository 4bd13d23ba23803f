//! [`Pass`]: leave to change an item.

use std::sync::Arc;

use causeway_internal::Fault;
use causeway_locks::{Pin, Reach};
use causeway_paths::SharePath;
use causeway_smb::{Metadata, ShareErrorKind, SharePool};
use uuid::Uuid;

use super::identity::FileIdentity;
use super::{Inner, Locks, in_use, locked};
use crate::files::Place;
use crate::shares::fault;
use crate::turn::Turn;

/// Leave to change an item: nobody else has it locked, and nobody gets a lock on it before this is dropped.
#[must_use]
pub(crate) struct Pass {
    locks: Arc<Inner>,
    pin: Option<Pin>,
    /// Locks of the user himself that the change reaches.
    own: Vec<Uuid>,
    has_let_go: bool,
    /// Whose it is.
    by: Uuid,
}

impl Locks {
    /// Leave for a user to change the item at `place`. Fault: `Locked` while another user has it, or what the change
    /// reaches, locked.
    pub(crate) fn pass(&self, user: Uuid, place: &Place, reach: Reach) -> Result<Pass, Fault> {
        let (key, now) = (place.lock_key(), self.inner.clock.uptime());
        let mut table = self.inner.table();
        let pin = table.pin(&key, reach, user, now).map_err(|lock| locked(&lock))?;
        let own = table.own_within(&key, user, now).map(|lock| lock.grant.id).collect();
        drop(table);
        Ok(Pass { locks: Arc::clone(&self.inner), pin: Some(pin), own, has_let_go: false, by: user })
    }

    /// Whether a user would get a [`Pass`], asked before much work is done in vain. Fault: `Locked`.
    pub(crate) fn would_pass(&self, user: Uuid, place: &Place, reach: Reach) -> Result<(), Fault> {
        self.pass(user, place, reach).map(drop)
    }
}

impl Locks {
    /// The turn at a file on a share: for upkeep.
    pub(crate) async fn turn(&self, pool: &SharePool, file: &SharePath) -> Result<Turn, Fault> {
        self.inner.turns.take(&Place::key_on(pool, file)).await
    }

    /// Lets go of a file on the server, whoever has it locked, until what this returns is dropped: for upkeep.
    pub(crate) async fn unheld(&self, pool: &SharePool, file: &SharePath) -> Pass {
        let key = Place::key_on(pool, file);
        let own = self.inner.table().get_at(&key).map(|lock| lock.grant.id).into_iter().collect();
        let mut pass =
            Pass { locks: Arc::clone(&self.inner), pin: None, own, has_let_go: false, by: Uuid::nil() };
        pass.let_go().await;
        pass
    }
}

impl Pass {
    /// Whether the pass is good for what is there: it is not if the very same file is locked by somebody else under another
    /// address of its server or another share that leads to it. Fault: `Locked`.
    pub(crate) async fn covers(&self, place: &Place, there: Option<&Metadata>) -> Result<(), Fault> {
        let Some(there) = there else { return Ok(()) };
        let identity = FileIdentity::of(&place.pool, there).await.map_err(|error| fault(&error))?;
        let Some(identity) = identity else { return Ok(()) };
        match self.locks.holder_of(&identity, self.by) {
            Some(lock) => Err(locked(&lock)),
            None => Ok(()),
        }
    }

    /// Holds the user's own locked files anew: of a file that stays open Samba tells the times that it had when it was opened.
    /// Fault: `InUse` when somebody was quicker.
    pub(crate) async fn hold_anew(&self) -> Result<(), Fault> {
        for &lock in &self.own {
            match self.locks.holds.reopen(lock).await {
                Err(error) if error.kind() == ShareErrorKind::InUse => return Err(in_use(None)),
                // Whoever looks next is told what there is to be told.
                Err(_) | Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Lets go of the user's own locked files on the server, where holding them would stand in the way of the change.
    /// They are held again when this is dropped.
    pub(crate) async fn let_go(&mut self) {
        self.has_let_go = true;
        self.locks.holds.let_go(&self.own).await;
    }

    /// Holds the user's own locked files again, as they are now.
    pub(crate) async fn take_up(&mut self) {
        if std::mem::take(&mut self.has_let_go) {
            self.locks.holds.take_up(&self.own);
        }
        for &lock in &self.own {
            self.locks.holds.renew(lock).await;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.has_let_go {
            self.locks.holds.take_up(&self.own);
        }
        if let Some(pin) = self.pin.take() {
            self.locks.table().unpin(pin);
            self.locks.unpinned.notify_waiters();
        }
    }
}
