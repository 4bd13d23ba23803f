//! How locks are granted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_internal::accounts::Account;
use causeway_internal::locks::LockGrant;
use causeway_internal::{Fault, FaultCode, UnixMicros};
use causeway_locks::{Acquired, Fresh, Lock, LockKey};
use causeway_smb::ShareErrorKind;
use rand::TryRngCore as _;
use uuid::Uuid;

use super::backlog::Deed;
use super::identity::{FileIdentity, Known};
use super::{Actor, Inner, Locks, base_of, changing, in_use, locked, others, rows};
use crate::completion::to_its_end;
use crate::files::Place;
use crate::shares::fault;
use crate::store::StoreError;
use crate::store::audit::{Event, Outcome};
use crate::turn::Turn;

/// How long one who wants a lock waits for the change of the file that is under way: most take milliseconds.
const CHANGE_PATIENCE: Duration = Duration::from_secs(5);

/// Locks that one user may have at once. Each keeps a file open on the server; nobody edits so many.
const MAX_LOCKS_OF_USER: usize = 1_000;

impl Locks {
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
        if !self.may_have_one_more(&key, account.id) {
            return Err(Fault::new(FaultCode::Conflict, "You have too many files locked"));
        }
        let (inner, account) = (Arc::clone(&self.inner), account.clone());
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
                        inner.expired(dead).await;
                    }
                    if let Err(refusal) = inner.grant(&lock, &place, session, &account).await {
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

    fn may_have_one_more(&self, key: &LockKey, user: Uuid) -> bool {
        let table = self.inner.table();
        let his = || table.locks().filter(|lock| lock.holder == user);
        his().count() < MAX_LOCKS_OF_USER || his().any(|lock| lock.key == *key)
    }

    /// The live lock of another user that is in the way of a lock there.
    fn held_by_another(&self, key: &LockKey, user: Uuid) -> Option<Lock> {
        let table = self.inner.table();
        table.holder(key, self.inner.clock.uptime()).filter(|lock| lock.holder != user).cloned()
    }
}

impl Inner {
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
    async fn grant(&self, lock: &Lock, place: &Place, session: Uuid, by: &Account) -> Result<(), Fault> {
        let (hold, other) =
            tokio::join!(place.pool.hold(&place.full), others::look(&place.pool, &place.full));
        let hold = match hold {
            Ok(hold) => Some(hold),
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
        let seen = hold.as_ref().map(|hold| base_of(hold.metadata()));
        let known = match &hold {
            Some(hold) => Known::of(hold),
            None => Known::of_server(&place.pool).await,
        };
        if let Some(FileIdentity { server, .. }) = known.identity {
            self.holds.catch_up(server).await;
        }
        let at = (place.connection.id, place.full.clone());
        // The same file by another address, share or link is the same file.
        let same = self.holds.keep(lock.grant.id, &lock.key, at, (hold, known));
        if let Some(held) = self.another_of(&same, lock.holder) {
            return Err(locked(&held));
        }
        // Those whose places are taken here among them.
        self.backlog.write_down().await?;
        let now = self.clock.now();
        let mut change = self.store.begin().await?;
        if self.table().get(lock.grant.id).is_none() {
            // The server took longer than a lock lives. Whoever took it out of the table tells of it.
            return Err(ended_before());
        }
        let lifetime = i64::try_from(self.lifetime.as_micros()).unwrap_or(i64::MAX);
        let dead = UnixMicros(now.0.saturating_sub(lifetime));
        let at = (place.connection.id, &place.full);
        if !rows::insert(&mut change, lock, at, now, dead).await? {
            return Err(Fault::new(FaultCode::Busy, "The file is locked by another process").retry_after(1));
        }
        rows::identify(&mut change, lock.grant.id, &known).await?;
        rows::set_base(&mut change, lock.grant.id, session, seen).await?;
        let acquired = Deed {
            at: now,
            event: Event::LockAcquired,
            outcome: Outcome::Succeeded,
            actor: Some(Actor::of(by)),
            on: Some((place.connection.id, lock.key.share.clone())),
            path: place.full.as_str().to_owned(),
            detail: format!("fence {}", lock.fence),
        };
        acquired.record(&mut change, false).await?;
        if let Err(error) = change.commit().await {
            // A change that failed may still have happened.
            self.backlog.ended(lock.grant.id, None);
            return Err(StoreError::from(error).into());
        }
        self.holds.grant(lock.grant.id);
        // In the meantime, too: its end is written down after this, because nobody else could write.
        if self.table().get(lock.grant.id).is_none() { Err(ended_before()) } else { Ok(()) }
    }

    /// Takes note of a user who opens a file again that he has locked already, perhaps by another connection.
    async fn again(&self, lock: &Lock, session: Uuid, place: &Place) -> Result<(), Fault> {
        let (id, connection) = (lock.grant.id, place.connection.id);
        let seen = place.look().await?;
        let mut change = self.store.begin().await?;
        if !rows::move_to(&mut change, id, connection, &place.full, self.clock.now()).await? {
            // It writes, too.
            drop(change);
            return Err(self.vanished(id).await);
        }
        rows::set_base(&mut change, id, session, seen.as_ref().map(base_of)).await?;
        change.commit().await.map_err(StoreError::from)?;
        self.holds.move_to(id, connection, &place.full);
        self.holds.renew(id).await;
        Ok(())
    }
}

fn ended_before() -> Fault {
    Fault::new(FaultCode::TimedOut, "The lock ended before it was granted")
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
