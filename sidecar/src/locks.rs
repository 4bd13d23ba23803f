//! Edit locks: who may save a file that is open in an editor.
//!
//! The truth is threefold. The [`LockTable`] in memory decides, so that every operation on a file can ask it without a
//! wait. The database has what it decided before anybody is told, under a unique key, so that a restart changes nothing.
//! And the server behind has the file held open ([`holds`]), so that a lock counts for everybody on the share.
//!
//! Whoever changes an item asks for a [`Pass`] first. It is refused while another user has the item, or anything that the
//! change reaches, locked; and while it lasts nobody gets a lock there.

mod alive;
mod backlog;
mod end;
mod grant;
mod holds;
mod identity;
mod others;
mod pass;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_internal::accounts::{Account, Role};
use causeway_internal::locks::{
    BaseVersion, CheckLock, Edit, FindLock, LockProof, LockState, LockView, RedeemLink, ReleaseLock,
};
use causeway_internal::{Fault, FaultCode, Holder, UnixMicros};
use causeway_locks::{Find, Lock, LockKey, LockTable, Proof, Refusal};
use causeway_paths::SharePath;
use causeway_smb::Metadata;
use causeway_versions::FileTime;
use tokio::sync::Notify;
use uuid::Uuid;

use self::backlog::{Backlog, Deed};
pub(crate) use self::end::record_ends;
use self::holds::Holds;
use self::identity::FileIdentity;
pub(crate) use self::pass::Pass;
pub(crate) use self::rows::Owner;
use crate::accounts::Accounts;
use crate::completion::to_its_end;
use crate::connections::Connections;
use crate::files::Place;
use crate::metrics::Metrics;
use crate::origin;
use crate::shares::Shares;
use crate::store::audit::{Event, Outcome};
use crate::store::{Clock, Store, StoreError, SystemClock};
use crate::turn::Turns;

/// The locks. Clones share them.
#[derive(Clone)]
pub(crate) struct Locks {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    connections: Arc<Connections>,
    table: Mutex<LockTable>,
    lifetime: Duration,
    turns: Arc<Turns>,
    holds: Holds,
    metrics: Arc<Metrics>,
    accounts: Arc<Accounts>,
    /// Rung when a change has ended.
    unpinned: Notify,
    backlog: Arc<Backlog>,
}

/// Who does something with a lock, for the record.
#[derive(Clone)]
struct Actor {
    id: Uuid,
    name: String,
    origin: Option<String>,
}

impl Actor {
    fn of(account: &Account) -> Self {
        Self { id: account.id, name: account.username.clone(), origin: origin::current() }
    }
}

impl Locks {
    /// Reads the locks that were granted before a restart, and holds their files again.
    pub(crate) async fn open(
        store: Store,
        connections: Arc<Connections>,
        shares: Arc<Shares>,
        turns: Arc<Turns>,
        lifetime: Duration,
        (metrics, accounts): (Arc<Metrics>, Arc<Accounts>),
    ) -> Result<Self, StoreError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (stored, last_fence) = rows::all(&store).await?;
        let (now, uptime) = (clock.now(), clock.uptime());
        let mut table = LockTable::new(last_fence, lifetime);
        let holds = Holds::new(store.clone(), Arc::clone(&connections), shares);
        let backlog = Backlog::new(store.clone());
        for rows::Stored { mut lock, connection, path, known, last_heartbeat } in stored {
            // A clock that was set back makes nothing live longer than its full time.
            let age = u64::try_from(now.0.saturating_sub(last_heartbeat.0)).unwrap_or(0);
            let left = lifetime.saturating_sub(Duration::from_micros(age));
            lock.dies_at = uptime + left;
            let id = lock.grant.id;
            // How it ended while the program did not run, if it did.
            let event = if left.is_zero() { Event::LockExpired } else { Event::LockDropped };
            if event == Event::LockDropped && table.restore(lock.clone()) {
                holds.restore(id, &lock.key, (connection, path), known);
            } else {
                backlog
                    .ended(id, Some(Deed::end(&lock, (Some(connection), path.as_str()), now, (event, None))));
            }
        }
        let inner = Inner {
            store,
            clock,
            connections,
            table: Mutex::new(table),
            lifetime,
            turns,
            holds,
            metrics,
            accounts,
            unpinned: Notify::new(),
            backlog: Arc::new(backlog),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether a lock is the caller's, and with `refresh` a sign of life.
    pub(crate) async fn check(&self, account: &Account, call: CheckLock) -> Result<(), Fault> {
        let key = self.key(call.connection, &call.path).await.ok_or_else(|| refused(Refusal::Lost))?;
        let now = self.inner.clock.uptime();
        let proof = proof(&call.proof);
        if !call.refresh {
            return self.inner.table().check(&key, &proof, account.id, now).map(drop).map_err(refused);
        }
        let lock = self.inner.table().heartbeat(&key, &proof, account.id, now).map_err(refused)?;
        if rows::heartbeat(&self.inner.store, lock.grant.id, self.inner.clock.now()).await? {
            Ok(())
        } else {
            Err(self.inner.vanished(lock.grant.id).await)
        }
    }

    /// Gives a lock back.
    pub(crate) async fn release(&self, account: &Account, call: ReleaseLock) -> Result<(), Fault> {
        let Some(key) = self.key(call.connection, &call.path).await else { return Ok(()) };
        let (inner, actor) = (Arc::clone(&self.inner), Actor::of(account));
        to_its_end(async move {
            let _turn = inner.turns.take(&key).await?;
            let now = inner.clock.uptime();
            let released =
                inner.table().release(&key, &proof(&call.proof), actor.id, now).map_err(refused)?;
            // Given back before, which the database has to know.
            let Some(lock) = released else { return inner.backlog.write_down().await };
            inner.end(&lock, Event::LockReleased, Some(actor)).await
        })
        .await
    }

    /// Takes a lock away from whoever has it; only its holder and administrators may.
    pub(crate) async fn force(&self, account: &Account, place: Place) -> Result<(), Fault> {
        let (inner, actor, is_admin) =
            (Arc::clone(&self.inner), Actor::of(account), account.role == Role::Admin);
        to_its_end(async move {
            let key = place.lock_key();
            let _turn = inner.turns.take(&key).await?;
            let lock = {
                let mut table = inner.table();
                let held = table.holder(&key, inner.clock.uptime());
                let held = held.map(|lock| (lock.grant.id, lock.holder == actor.id || is_admin));
                match held {
                    Some((id, true)) => table.remove(id),
                    Some((_, false)) => {
                        return Err(Fault::new(FaultCode::NotPermitted, "The lock is another user's"));
                    }
                    None => None,
                }
            };
            let Some(lock) = lock else { return inner.backlog.write_down().await };
            inner.end(&lock, Event::LockForced, Some(actor)).await
        })
        .await
    }

    /// Who has the file at `place`: of our users, and `with_others` also past us.
    pub(crate) async fn state(&self, account: &Account, place: &Place, with_others: bool) -> LockState {
        let now = self.inner.clock.uptime();
        let lock = self.inner.table().covering(&place.lock_key(), account.id, now).cloned();
        if let Some(lock) = lock {
            let left = lock.dies_at.saturating_sub(now).as_secs();
            return LockState::Locked(LockView {
                lock_id: lock.grant.id,
                operation_id: lock.grant.operation.simple().to_string(),
                locked_by: lock.grant.holder_name,
                locked_at: UnixMicros(lock.grant.locked_at),
                is_mine: lock.holder == account.id,
                expires_in: u32::try_from(left).unwrap_or(u32::MAX),
            });
        }
        if !with_others {
            return LockState::Free;
        }
        match others::look(&place.pool, &place.full).await.filter(|other| other.is_certain) {
            Some(other) => LockState::InUse { by: other.name, since: other.since },
            None => LockState::Free,
        }
    }

    /// Uses a link up: the first one who comes with it succeeds.
    pub(crate) async fn redeem(&self, call: RedeemLink) -> Result<(), Fault> {
        let inner = Arc::clone(&self.inner);
        to_its_end(async move {
            let mut change = inner.store.begin().await?;
            let first = rows::use_link(&mut change, call.id, call.expires_at, inner.clock.now()).await?;
            change.commit().await.map_err(StoreError::from)?;
            if first { Ok(()) } else { Err(Fault::new(FaultCode::Conflict, "The link has been used")) }
        })
        .await
    }

    /// The lock that an edit proves. Faults: those of a check.
    pub(crate) fn proven(&self, user: Uuid, key: &LockKey, edit: &Edit) -> Result<Lock, Fault> {
        let now = self.inner.clock.uptime();
        self.inner.table().check(key, &proof(&edit.proof), user, now).cloned().map_err(refused)
    }

    /// Holds the file that has the lock's place now, anew, so that the server tells how it is and not how it was. Failures
    /// are tried again later.
    pub(crate) async fn hold_anew(&self, lock: Uuid) {
        if let Err(error) = self.inner.holds.reopen(lock).await {
            tracing::debug!(?error, "a locked file cannot be held at the moment");
        }
    }

    /// What an edit last saw of its file; the outer `None`: nobody knows any more.
    pub(crate) async fn base(&self, lock: Uuid, edit: &Edit) -> Result<Option<Option<BaseVersion>>, Fault> {
        Ok(rows::base(&self.inner.store, lock, edit.session).await?)
    }

    /// Sees to it that an edit's client sees a change of its file, too: clients compare the time of the last write alone. Of a
    /// file that is open, and we hold it open, Samba tells the times that it had when it was opened, whatever programs on the
    /// server's own disk write to it; its size and number are true. Then the time of the change is the one at which we noticed
    /// it.
    pub(crate) async fn see(&self, lock: Uuid, edit: &Edit, seen: &mut Metadata) -> Result<(), Fault> {
        if let Some(Some(base)) = self.base(lock, edit).await? {
            if base.version == seen.version() {
                seen.modified = base.modified;
            } else if base.modified == seen.modified {
                seen.modified = FileTime::from_unix_micros(self.now().0);
            }
        }
        Ok(())
    }

    /// Writes down what an edit has made of its file, or that there is none.
    pub(crate) async fn set_base(
        &self,
        lock: Uuid,
        edit: &Edit,
        seen: Option<&Metadata>,
    ) -> Result<(), Fault> {
        let mut writer = self.inner.store.light_writer().acquire().await.map_err(StoreError::from)?;
        let written = rows::set_base(&mut writer, lock, edit.session, seen.map(base_of)).await;
        drop(writer);
        match written {
            Err(error) if error.is_orphan() => Err(self.inner.vanished(lock).await),
            outcome => Ok(outcome?),
        }
    }

    /// Writes down what was done under a lock.
    pub(crate) async fn note(
        &self,
        account: &Account,
        event: Event,
        outcome: Outcome,
        place: &Place,
        detail: &str,
    ) {
        let metrics = &self.inner.metrics;
        match event {
            Event::EditSaved => metrics.edits_saved.count(),
            Event::EditConflict => metrics.edit_conflicts.count(),
            Event::EditCopied => metrics.edit_copies.count(),
            _ => {}
        }
        self.inner.backlog.done(Deed {
            at: self.inner.clock.now(),
            event,
            outcome,
            actor: Some(Actor::of(account)),
            on: Some((place.connection.id, place.lock_key().share)),
            path: place.full.as_str().to_owned(),
            detail: detail.to_owned(),
        });
        if let Err(fault) = self.inner.backlog.write_down().await {
            tracing::error!(%fault, ?event, "what was done could not be recorded yet");
        }
    }

    /// What time it is, as records are stamped with it.
    pub(crate) fn now(&self) -> UnixMicros {
        self.inner.clock.now()
    }

    /// The file that a call is about; `None` when there is no such connection any more. Who sees it does not matter here:
    /// a lock is proven by other things.
    pub(crate) async fn key(&self, connection: Uuid, path: &SharePath) -> Option<LockKey> {
        let connection = self.inner.connections.for_upkeep(connection).await.ok().flatten()?;
        Place::key_of(&connection, path).ok()
    }
}

impl Inner {
    /// The live lock of another user among these.
    fn another_of(&self, locks: &[Uuid], user: Uuid) -> Option<Lock> {
        let (table, now) = (self.table(), self.clock.uptime());
        let mut others = locks.iter().filter_map(|id| table.get(*id));
        others.find(|lock| lock.is_live(now) && lock.holder != user).cloned()
    }

    /// The live lock of another user on a file, by whatever path he came to it.
    fn holder_of(&self, identity: &FileIdentity, user: Uuid) -> Option<Lock> {
        self.another_of(&self.holds.locks_on(identity), user)
    }

    fn table(&self) -> MutexGuard<'_, LockTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is to be saved over, as its edit saw it.
pub(crate) fn base_of(metadata: &Metadata) -> BaseVersion {
    BaseVersion { version: metadata.version(), modified: metadata.modified }
}

fn proof(shown: &LockProof) -> Proof<'_> {
    Proof {
        find: match shown.find {
            FindLock::ByPath => Find::ByPath,
            FindLock::ById => Find::ById,
        },
        id: shown.lock_id,
        operation: &shown.operation_id,
        capability: shown.capability.as_deref(),
        fence: shown.fence,
    }
}

fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Lost => Fault::new(FaultCode::LockLost, "The lock is not, or no longer, held"),
        Refusal::Mismatch => Fault::new(FaultCode::LockMismatch, "The lock is of another edit"),
        Refusal::Capability => Fault::new(FaultCode::CapabilityMismatch, "The lock's secret is wrong"),
        Refusal::Foreign => Fault::new(FaultCode::LockForeign, "The lock is another user's"),
    }
}

/// Another user has it.
pub(crate) fn locked(lock: &Lock) -> Fault {
    let holder = Holder { name: lock.grant.holder_name.clone(), since: UnixMicros(lock.grant.locked_at) };
    Fault::new(FaultCode::Locked, format!("File is locked for editing by {}", holder.name)).held_by(holder)
}

/// Somebody is about to replace, rename or delete it.
fn changing() -> Fault {
    Fault::new(FaultCode::InUse, "The file is being changed at this moment")
}

/// Somebody on the share has it.
fn in_use(other: Option<others::Other>) -> Fault {
    let message = match other {
        None => "File is in use by another program on the share".to_owned(),
        Some(others::Other { name: Some(name), mark, .. }) => {
            format!("File is in use by {name} in another program (it says so in '{mark}')")
        }
        Some(others::Other { name: None, mark, .. }) => {
            format!("File is in use by another program (it says so in '{mark}')")
        }
    };
    Fault::new(FaultCode::InUse, message)
}
