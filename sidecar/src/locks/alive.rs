//! Signs of life of locks whose holders are busy sending or receiving.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_internal::Principal;
use causeway_internal::accounts::Account;
use causeway_internal::locks::Edit;
use causeway_locks::LockKey;
use futures::{Stream, StreamExt as _};

use super::{Inner, Locks, proof, rows};

/// How long content on its way counts as a sign of life: an operation token holds for a quarter of an hour, and what is still
/// being sent after this is not being edited.
const LONGEST_TRANSFER: Duration = Duration::from_hours(1);

impl Locks {
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
}

impl Inner {
    /// Between two signs of life of a transfer.
    fn sign_every(&self) -> Duration {
        self.lifetime / 4
    }
}
