//! Edit locks: who may save a file that is open in an editor.
//!
//! The truth is threefold. The [`LockTable`] in memory decides, so that every operation on a file can ask it without a
//! wait. The database has what it decided before anybody is told, under a unique key, so that a restart changes nothing.
//! And the server behind has the file held open ([`holds`]), so that a lock counts for everybody on the share.
//!
//! Whoever changes an item asks for a [`Pass`] first. It is refused while another user has the item, or anything that the
//! change reaches, locked; and while it lasts nobody gets a lock there.

mod holds;
mod others;
mod pass;
mod rows;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_internal::accounts::{Account, Role};
use causeway_internal::locks::{
    BaseVersion, CheckLock, Edit, FindLock, LockGrant, LockProof, LockState, LockView, RedeemLink,
    ReleaseLock,
};
use causeway_internal::{Fault, FaultCode, Holder, Principal, UnixMicros};
use causeway_locks::{Acquired, Find, Fresh, Lock, LockKey, LockTable, Proof, Refusal};
use causeway_paths::SharePath;
use causeway_smb::{Metadata, ShareErrorKind};
use causeway_versions::FileTime;
use futures::{Stream, StreamExt as _};
use rand::TryRngCore as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::holds::{FileIdentity, Holds};
pub(crate) use self::pass::Pass;
use crate::accounts::Accounts;
use crate::completion::to_its_end;
use crate::connections::Connections;
use crate::files::Place;
use crate::metrics::Metrics;
use crate::origin;
use crate::shares::{Shares, fault};
use crate::store::audit::{self, Event, Outcome, Record};
use crate::store::{Clock, Store, StoreError, SystemClock};
use crate::turn::{Turn, Turns};

/// How long one who wants a lock waits for the change of the file that is under way: most take milliseconds.
const CHANGE_PATIENCE: Duration = Duration::from_secs(5);

/// How long content on its way counts as a sign of life: an operation token holds for a quarter of an hour, and what is still
/// being sent after this is not being edited.
const LONGEST_TRANSFER: Duration = Duration::from_hours(1);

/// How often locks are looked through for those whose time is over. They count as gone before that; what waits for this
/// are their holds on the server.
const SWEEP: Duration = Duration::from_secs(1);

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
    /// Locks that have ended and may still be in the database.
    ended: Mutex<HashSet<Uuid>>,
}

/// Who does something with a lock, for the record.
struct Actor<'a> {
    id: Uuid,
    name: &'a str,
    origin: Option<String>,
}

impl<'a> Actor<'a> {
    fn of(account: &'a Account) -> Self {
        Self { id: account.id, name: &account.username, origin: origin::current() }
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
        let holds = Holds::new(Arc::clone(&connections), shares);
        let mut over = Vec::new();
        for rows::Stored { mut lock, connection, path, last_heartbeat } in stored {
            // A clock that was set back makes nothing live longer than its full time.
            let age = u64::try_from(now.0.saturating_sub(last_heartbeat.0)).unwrap_or(0);
            let left = lifetime.saturating_sub(Duration::from_micros(age));
            lock.dies_at = uptime + left;
            let (id, key) = (lock.grant.id, lock.key.clone());
            if !left.is_zero() && table.restore(lock) {
                holds.restore(id, &key, (connection, path));
            } else {
                over.push((id, path));
            }
        }
        let mut change = store.begin().await?;
        for (id, path) in over {
            rows::delete(&mut change, id).await?;
            let event = (Event::LockExpired, Outcome::Succeeded);
            record(&mut change, now, event, None, path.as_str(), "while the program did not run").await?;
        }
        change.commit().await?;
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
            ended: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes the lock of the file at `place`. The share must let it be held, and nobody may have it open there.
    pub(crate) async fn acquire(&self, account: &Account, place: Place) -> Result<LockGrant, Fault> {
        let outcome = self.try_acquire(account, place).await;
        match &outcome {
            Ok(_) => self.inner.metrics.locks_granted.count(),
            Err(fault) if matches!(fault.code, FaultCode::Locked | FaultCode::InUse) => {
                self.inner.metrics.locks_refused.count();
            }
            Err(_) => {}
        }
        outcome
    }

    async fn try_acquire(&self, account: &Account, place: Place) -> Result<LockGrant, Fault> {
        let key = place.lock_key();
        // Most who come too late need not wait for their turn to hear so.
        if let Some(lock) = self.held_by_another(&key, account.id) {
            return Err(locked(&lock));
        }
        let (inner, account, origin) = (Arc::clone(&self.inner), account.clone(), origin::current());
        to_its_end(async move {
            let (_turn, acquired) = inner.take(&key, &account).await?;
            let session = Uuid::new_v4();
            let lock = match acquired {
                Acquired::Again(lock) => {
                    inner.again(&lock, session, &place).await?;
                    lock
                }
                Acquired::Granted { lock, replaced } => {
                    for dead in &replaced {
                        inner.holds.end(dead.grant.id).await;
                    }
                    let granted = inner.grant(&lock, &replaced, &place, session, origin.as_deref()).await;
                    if let Err(refusal) = granted {
                        inner.table().remove(lock.grant.id);
                        inner.holds.end(lock.grant.id).await;
                        return Err(refusal);
                    }
                    lock
                }
                Acquired::Held(lock) => return Err(locked(&lock)),
                Acquired::Changing => return Err(changing()),
            };
            Ok(LockGrant {
                lock_id: lock.grant.id,
                capability: lock.grant.capability,
                operation_id: lock.grant.operation.simple().to_string(),
                fence: lock.fence,
                session,
                locked_by: lock.grant.holder_name,
                locked_at: UnixMicros(lock.grant.locked_at),
            })
        })
        .await
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
        let (inner, account, origin) = (Arc::clone(&self.inner), account.clone(), origin::current());
        to_its_end(async move {
            let _turn = inner.turns.take(&key).await?;
            let now = inner.clock.uptime();
            let released =
                inner.table().release(&key, &proof(&call.proof), account.id, now).map_err(refused)?;
            let Some(lock) = released else { return Ok(()) };
            let actor = Actor { id: account.id, name: &account.username, origin };
            inner.end(&lock, Event::LockReleased, Some(&actor)).await
        })
        .await
    }

    /// Takes a lock away from whoever has it; only its holder and administrators may.
    pub(crate) async fn force(&self, account: &Account, place: Place) -> Result<(), Fault> {
        let (inner, account, origin) = (Arc::clone(&self.inner), account.clone(), origin::current());
        to_its_end(async move {
            let key = place.lock_key();
            let _turn = inner.turns.take(&key).await?;
            let lock = {
                let mut table = inner.table();
                let Some(lock) = table.holder(&key, inner.clock.uptime()) else { return Ok(()) };
                if lock.holder != account.id && account.role != Role::Admin {
                    return Err(Fault::new(FaultCode::NotPermitted, "The lock is another user's"));
                }
                let id = lock.grant.id;
                table.remove(id)
            };
            let Some(lock) = lock else { return Ok(()) };
            let actor = Actor { id: account.id, name: &account.username, origin };
            inner.end(&lock, Event::LockForced, Some(&actor)).await
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

    /// Lets a lock live on while its holder's content is on its way, for which he may send no other sign of life. Returns
    /// what the transfer does; a lock that is lost meanwhile does not end it.
    pub(crate) async fn living<T>(
        &self,
        account: &Account,
        key: &LockKey,
        edit: &Edit,
        transfer: impl Future<Output = T>,
    ) -> T {
        let (signs, begun) = (self.signs(account, key.clone(), edit.clone()), Instant::now());
        tokio::pin!(transfer);
        loop {
            tokio::select! {
                outcome = &mut transfer => return outcome,
                () = tokio::time::sleep(self.inner.sign_every()) => signs(begun),
            }
        }
    }

    /// The same for content on its way to the holder.
    pub(crate) fn living_stream<S: Stream>(
        &self,
        account: &Account,
        key: LockKey,
        edit: Edit,
        content: S,
    ) -> impl Stream<Item = S::Item> + use<S> {
        let (signs, begun) = (self.signs(account, key, edit), Instant::now());
        let every = self.inner.sign_every();
        let mut next = begun + every;
        content.inspect(move |_| {
            if Instant::now() >= next {
                next = Instant::now() + every;
                signs(begun);
            }
        })
    }

    /// Gives a sign of life for an edit whose transfer began at the moment that is said, unless that is too long ago or its
    /// user may not call any more.
    fn signs(&self, account: &Account, key: LockKey, edit: Edit) -> impl Fn(Instant) + use<> {
        let inner = Arc::clone(&self.inner);
        let principal = Principal { user_id: account.id, token_version: account.token_version };
        move |begun| {
            if begun.elapsed() > LONGEST_TRANSFER {
                return;
            }
            let (inner, key, edit) = (Arc::clone(&inner), key.clone(), edit.clone());
            tokio::spawn(async move {
                if inner.accounts.authorize(principal).await.is_err() {
                    return;
                }
                let now = inner.clock.uptime();
                let alive = inner.table().heartbeat(&key, &proof(&edit.proof), principal.user_id, now);
                let Ok(lock) = alive else { return };
                let written = rows::heartbeat(&inner.store, lock.grant.id, inner.clock.now()).await;
                if let Err(error) = written {
                    tracing::warn!(%error, "a sign of life of a lock could not be written down");
                }
            });
        }
    }

    /// Ends the locks of a connection that was deleted.
    pub(crate) async fn forget_connection(&self, connection: Uuid) {
        for lock in self.inner.holds.locks_of(connection) {
            self.inner.vanished(lock).await;
        }
    }

    /// Ends the locks of a user who was deleted.
    pub(crate) async fn forget_user(&self, user: Uuid) {
        let locks: Vec<Uuid> = {
            let table = self.inner.table();
            table.locks().filter(|lock| lock.holder == user).map(|lock| lock.grant.id).collect()
        };
        for lock in locks {
            self.inner.vanished(lock).await;
        }
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
        match rows::set_base(&mut writer, lock, edit.session, seen.map(base_of)).await {
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
        let written = async {
            let mut change = self.inner.store.begin().await?;
            let actor = Actor::of(account);
            record(
                &mut change,
                self.inner.clock.now(),
                (event, outcome),
                Some(&actor),
                place.full.as_str(),
                detail,
            )
            .await?;
            Ok::<_, StoreError>(change.commit().await?)
        };
        if let Err(error) = written.await {
            tracing::error!(%error, ?event, "what was done could not be recorded");
        }
    }

    /// What time it is, as records are stamped with it.
    pub(crate) fn now(&self) -> UnixMicros {
        self.inner.clock.now()
    }

    /// Ends locks whose time is over and keeps files held, until stopped; then lets all files go. The locks stay, for the
    /// next start.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let inner = &self.inner;
        let sweeps = async {
            loop {
                tokio::time::sleep(SWEEP).await;
                let (over, live) = {
                    let mut table = inner.table();
                    (table.expire(inner.clock.uptime()), table.locks().count())
                };
                inner.clear_ended().await;
                inner.metrics.locks.set(live);
                inner.metrics.locks_held.set(inner.holds.open_count());
                for lock in over {
                    inner.metrics.locks_expired.count();
                    tracing::info!(path = %lock.key.path, holder = lock.grant.holder_name, "a lock has expired");
                    if let Err(fault) = inner.end(&lock, Event::LockExpired, None).await {
                        tracing::warn!(%fault, "the end of a lock could not be recorded");
                    }
                }
            }
        };
        let upkeep = async { tokio::join!(sweeps, inner.holds.run()) };
        stop.run_until_cancelled(upkeep).await;
        inner.holds.close().await;
    }

    /// The live lock of another user that is in the way of a lock there.
    fn held_by_another(&self, key: &LockKey, user: Uuid) -> Option<Lock> {
        let table = self.inner.table();
        table.holder(key, self.inner.clock.uptime()).filter(|lock| lock.holder != user).cloned()
    }

    /// The file that a call is about; `None` when there is no such connection any more. Who sees it does not matter here:
    /// a lock is proven by other things.
    pub(crate) async fn key(&self, connection: Uuid, path: &SharePath) -> Option<LockKey> {
        let connection = self.inner.connections.for_upkeep(connection).await.ok().flatten()?;
        Place::key_of(&connection, path).ok()
    }
}

impl Inner {
    /// Between two signs of life of a transfer.
    fn sign_every(&self) -> Duration {
        self.lifetime / 4
    }

    /// Asks the table for a lock in the file's turn. A change of the file that is under way is waited for, and has the turn
    /// meanwhile if it needs it.
    async fn take(&self, key: &LockKey, account: &Account) -> Result<(Turn, Acquired), Fault> {
        let deadline = Instant::now() + CHANGE_PATIENCE;
        loop {
            let turn = self.turns.take(key).await?;
            let unpinned = self.unpinned.notified();
            let grant = Fresh {
                id: Uuid::new_v4(),
                operation: Uuid::new_v4(),
                capability: secret()?,
                holder_name: account.username.clone(),
                locked_at: self.clock.now().0,
            };
            let acquired = self.table().acquire(key, account.id, grant, self.clock.uptime());
            if acquired != Acquired::Changing {
                return Ok((turn, acquired));
            }
            drop(turn);
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::time::timeout(left, unpinned).await.map_err(|_| changing())?;
        }
    }

    /// Makes a lock that the table has granted good: on the share, then in the database.
    async fn grant(
        &self,
        lock: &Lock,
        replaced: &[Lock],
        place: &Place,
        session: Uuid,
        origin: Option<&str>,
    ) -> Result<(), Fault> {
        let (hold, other) =
            tokio::join!(place.pool.hold(&place.full), others::look(&place.pool, &place.full));
        let hold = match hold {
            Ok(hold) => {
                let identity = FileIdentity::of(&place.pool, hold.metadata()).await;
                Some((hold, identity))
            }
            // There is nothing to hold yet.
            Err(error) if matches!(error.kind(), ShareErrorKind::NotFound | ShareErrorKind::PathNotFound) => {
                None
            }
            Err(error) if error.kind() == ShareErrorKind::InUse => return Err(in_use(other)),
            Err(error) => return Err(fault(&error)),
        };
        if other.as_ref().is_some_and(|other| other.is_certain) {
            return Err(in_use(other));
        }
        let seen = hold.as_ref().map(|(hold, _)| base_of(hold.metadata()));
        // Which files those are that were locked before a restart is only known once they are held again.
        self.holds.catch_up().await;
        let at = (place.connection.id, place.full.clone());
        // The same file by another address, share or link is the same file.
        let same = self.holds.keep(lock.grant.id, &lock.key, at, hold);
        if let Some(held) = self.another_of(&same, lock.holder) {
            return Err(locked(&held));
        }
        let now = self.clock.now();
        let mut change = self.store.begin().await?;
        let ended: Vec<Uuid> = self.ended().iter().copied().collect();
        for dead in replaced.iter().map(|dead| dead.grant.id).chain(ended) {
            rows::delete(&mut change, dead).await?;
        }
        let lifetime = i64::try_from(self.lifetime.as_micros()).unwrap_or(i64::MAX);
        let dead = UnixMicros(now.0.saturating_sub(lifetime));
        if !rows::insert(&mut change, lock, place.connection.id, &place.full, now, dead).await? {
            return Err(Fault::new(FaultCode::Busy, "The file is locked by another process").retry_after(1));
        }
        rows::set_base(&mut change, lock.grant.id, session, seen).await?;
        let actor =
            Actor { id: lock.holder, name: &lock.grant.holder_name, origin: origin.map(str::to_owned) };
        let event = (Event::LockAcquired, Outcome::Succeeded);
        let fence = format!("fence {}", lock.fence);
        record(&mut change, now, event, Some(&actor), place.full.as_str(), &fence).await?;
        change.commit().await.map_err(StoreError::from)?;
        if self.table().get(lock.grant.id).is_none() {
            // The server took longer than a lock lives.
            self.end(lock, Event::LockExpired, None).await?;
            return Err(Fault::new(FaultCode::TimedOut, "The lock ended before it was granted"));
        }
        Ok(())
    }

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

    /// Takes note of a user who opens a file again that he has locked already, perhaps by another connection.
    async fn again(&self, lock: &Lock, session: Uuid, place: &Place) -> Result<(), Fault> {
        let (id, connection) = (lock.grant.id, place.connection.id);
        let seen = place.look().await?;
        let mut change = self.store.begin().await?;
        if !rows::move_to(&mut change, id, connection, &place.full, self.clock.now()).await? {
            return Err(self.vanished(id).await);
        }
        rows::set_base(&mut change, id, session, seen.as_ref().map(base_of)).await?;
        change.commit().await.map_err(StoreError::from)?;
        self.holds.move_to(id, connection, &place.full);
        self.holds.renew(id).await;
        Ok(())
    }

    /// The database does not have a lock any more: its connection or its user was deleted.
    async fn vanished(&self, id: Uuid) -> Fault {
        self.table().remove(id);
        self.holds.end(id).await;
        refused(Refusal::Lost)
    }

    /// What is left to do when the table has a lock no longer: on the share, in the database, on the record.
    async fn end(&self, lock: &Lock, event: Event, actor: Option<&Actor<'_>>) -> Result<(), Fault> {
        // Whatever becomes of the rest, it is in nobody's way from now on.
        self.ended().insert(lock.grant.id);
        let path = self.holds.end(lock.grant.id).await;
        let path = path.as_ref().map_or(lock.key.path.as_str(), SharePath::as_str);
        let mut change = self.store.begin().await?;
        rows::delete(&mut change, lock.grant.id).await?;
        let detail = format!("{} had it, fence {}", lock.grant.holder_name, lock.fence);
        let now = self.clock.now();
        record(&mut change, now, (event, Outcome::Succeeded), actor, path, &detail).await?;
        change.commit().await.map_err(StoreError::from)?;
        self.ended().remove(&lock.grant.id);
        Ok(())
    }

    /// Deletes locks that have ended and could not be deleted then, because the disk was full for one.
    async fn clear_ended(&self) {
        let ended: Vec<Uuid> = self.ended().iter().copied().collect();
        if ended.is_empty() {
            return;
        }
        let cleared = async {
            let mut change = self.store.begin().await?;
            for id in &ended {
                rows::delete(&mut change, *id).await?;
            }
            Ok::<_, StoreError>(change.commit().await?)
        };
        match cleared.await {
            Ok(()) => self.ended().retain(|id| !ended.contains(id)),
            Err(error) => tracing::warn!(%error, "locks that have ended are still in the database"),
        }
    }

    fn ended(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, LockTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn record(
    to: &mut sqlx::SqliteConnection,
    at: UnixMicros,
    (event, outcome): (Event, Outcome),
    actor: Option<&Actor<'_>>,
    path: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let record = Record {
        event,
        outcome,
        actor: actor.map(|actor| (Some(actor.id), actor.name)),
        subject: None,
        origin: actor.and_then(|actor| actor.origin.as_deref()),
        detail: &format!("{path}: {detail}"),
    };
    audit::write(to, at, record).await
}

/// What there is to be saved over, as its edit saw it.
pub(crate) fn base_of(metadata: &Metadata) -> BaseVersion {
    BaseVersion { version: metadata.version(), modified: metadata.modified }
}

/// 32 random bytes as 43 characters.
fn secret() -> Result<String, Fault> {
    let mut bytes = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system has no random numbers");
        Fault::new(FaultCode::Internal, "Internal error")
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
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
