//! Connections to shares: who sees which, who may change them, and what a session needs to know.
//!
//! All of them are in memory with their passwords decrypted, because every operation on a file begins with
//! [`Connections::resolve`]. As with users, changes are made one after the other, each to its end, and are in memory
//! before anybody hears of them.

mod access;
mod change;
mod draft;
mod key_check;
mod known;
mod rows;
mod slug;
mod trial;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use causeway_internal::accounts::{Account, Role};
use causeway_internal::connections::{Connection, Scope};
use causeway_internal::{Fault, FaultCode};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub(crate) use self::key_check::ConnectionsError;
use self::known::Known;
pub(crate) use self::known::ResolvedConnection;
use crate::changes::Changes;
use crate::secrets::Sealer;
use crate::shares::Shares;
use crate::store::{Clock, Store, SystemClock};

/// Tries of connections at once: each holds a socket and waits for a server that may not be there.
const TRIALS_AT_ONCE: usize = 16;

/// The connections. Clones share them.
#[derive(Clone)]
pub(crate) struct Connections {
    state: Arc<State>,
}

struct State {
    store: Store,
    sealer: Sealer,
    shares: Arc<Shares>,
    clock: Arc<dyn Clock>,
    known: ArcSwap<HashMap<Uuid, Arc<Known>>>,
    /// Held during a change: changes reach the memory in the order in which they were committed.
    turn: tokio::sync::Mutex<()>,
    trials: Semaphore,
    changes: Changes,
}

impl Connections {
    /// Reads all connections and opens their passwords. `shares` is told when a connection's sessions are of no more
    /// use, and tries connections; `changes` is told of every change of a connection.
    pub(crate) async fn open(
        store: Store,
        sealer: Sealer,
        shares: Arc<Shares>,
        changes: Changes,
    ) -> Result<Self, ConnectionsError> {
        let clock = SystemClock::new();
        key_check::check(&store, &sealer, clock.now()).await?;
        let known = known::all(&store, &sealer).await?;
        let state = State {
            store,
            sealer,
            shares,
            clock: Arc::new(clock),
            known: ArcSwap::from_pointee(known),
            turn: tokio::sync::Mutex::new(()),
            trials: Semaphore::new(TRIALS_AT_ONCE),
            changes,
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// The connections that the caller sees: shared ones first, then by name regardless of case, then by id.
    #[expect(clippy::unused_async, reason = "callers await it as any other call; a shared database will")]
    pub(crate) async fn list(&self, caller: &Account) -> Result<Vec<Connection>, Fault> {
        let known = self.state.known.load();
        let mut seen: Vec<_> = known.values().filter(|known| access::sees(caller, &known.stored)).collect();
        seen.sort_by_cached_key(|known| {
            (known.stored.scope != Scope::Shared, known.stored.name.to_lowercase(), known.stored.id)
        });
        Ok(seen.into_iter().map(|known| access::as_seen(caller, &known.stored)).collect())
    }

    /// Whether the caller sees a connection of that id.
    pub(crate) fn shows(&self, caller: &Account, id: Uuid) -> bool {
        self.state.visible(caller, id).is_ok()
    }

    /// What a session of that connection needs to know. Faults: `ConnectionNotFound` (or invisible to the caller),
    /// `ConnectionIncomplete`, `Internal` (the stored password does not open).
    #[expect(clippy::unused_async, reason = "callers await it as any other call; a shared database will")]
    pub(crate) async fn resolve(&self, caller: &Account, id: Uuid) -> Result<Arc<ResolvedConnection>, Fault> {
        let known = self.state.visible(caller, id)?;
        known.resolved(access::effective(caller, &known.stored))
    }

    /// The same for the program's own upkeep; `None` when the connection is gone.
    #[expect(clippy::unused_async, reason = "callers await it as any other call; a shared database will")]
    pub(crate) async fn for_upkeep(&self, id: Uuid) -> Result<Option<Arc<ResolvedConnection>>, Fault> {
        let Some(known) = self.state.known.load().get(&id).cloned() else { return Ok(None) };
        known.resolved(known.stored.access_mode).map(Some)
    }

    /// Whether there is such a connection.
    pub(crate) fn is_known(&self, id: Uuid) -> bool {
        self.state.known.load().contains_key(&id)
    }

    /// Faults: `RoleReadOnly`, `ConnectionReadOnly`.
    #[expect(clippy::unused_self, reason = "whether writing is allowed is asked where the connections are")]
    pub(crate) fn require_write(
        &self,
        caller: &Account,
        connection: &ResolvedConnection,
    ) -> Result<(), Fault> {
        access::require_write(caller, connection.access)
    }
}

impl State {
    /// The connection, if the caller may know of it.
    fn visible(&self, caller: &Account, id: Uuid) -> Result<Arc<Known>, Fault> {
        self.known
            .load()
            .get(&id)
            .filter(|known| access::sees(caller, &known.stored))
            .cloned()
            .ok_or_else(|| Fault::new(FaultCode::ConnectionNotFound, "Connection not found"))
    }

    /// The connection, if the caller may change it.
    fn manageable(&self, caller: &Account, id: Uuid) -> Result<Arc<Known>, Fault> {
        access::require_role(caller)?;
        let known = self.visible(caller, id)?;
        if access::manages(caller, &known.stored) { Ok(known) } else { Err(not_permitted()) }
    }
}

fn is_admin(account: &Account) -> bool {
    account.role == Role::Admin
}

fn not_permitted() -> Fault {
    Fault::new(FaultCode::NotPermitted, "Not enough permissions")
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Invalid, message)
}
