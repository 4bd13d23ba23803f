//! Users: who may sign in, who calls, what he has set, and the administration of all that.
//!
//! Every user's [`Account`] is in memory, so that the check on each internal call ([`Accounts::authorize`]) is a look-up.
//! The memory follows the database: changes are made one after the other, each in a task of its own that a caller who
//! goes away cannot cut in two, and what it committed is in memory before anybody hears of it.

mod administration;
mod change;
mod first_admin;
mod limiter;
mod own;
mod password;
mod rows;
mod settings;
mod sign_in;
mod source;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use causeway_internal::accounts::{Account, Role};
use causeway_internal::{Fault, FaultCode, Principal, UnixMicros};
use ipnet::IpNet;
use uuid::Uuid;

use self::limiter::SignInLimiter;
use self::password::PasswordHasher;
use self::source::TrustedProxies;
use crate::changes::Changes;
use crate::store::{Clock, Store, StoreError, SystemClock};

/// The users. Clones share them.
#[derive(Clone)]
pub(crate) struct Accounts {
    state: Arc<State>,
}

struct State {
    store: Store,
    clock: Arc<dyn Clock>,
    users: ArcSwap<HashMap<Uuid, Arc<Account>>>,
    /// Held during a change: changes reach the memory in the order in which they were committed.
    turn: tokio::sync::Mutex<()>,
    hasher: PasswordHasher,
    limiter: SignInLimiter,
    proxies: TrustedProxies,
    changes: Changes,
}

impl Accounts {
    /// Reads all users. `trusted_proxies` are the networks whose `X-Forwarded-For` is believed; `changes` is told of every
    /// change of a user.
    pub(crate) async fn open(
        store: Store,
        trusted_proxies: Vec<IpNet>,
        changes: Changes,
    ) -> Result<Self, StoreError> {
        Self::with_clock(store, trusted_proxies, Arc::new(SystemClock::new()), changes).await
    }

    async fn with_clock(
        store: Store,
        trusted_proxies: Vec<IpNet>,
        clock: Arc<dyn Clock>,
        changes: Changes,
    ) -> Result<Self, StoreError> {
        let state = State {
            users: ArcSwap::from_pointee(rows::all(&store).await?),
            store,
            limiter: SignInLimiter::new(),
            clock,
            turn: tokio::sync::Mutex::new(()),
            hasher: PasswordHasher::new(),
            proxies: TrustedProxies::new(trusted_proxies),
            changes,
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// The address of a client, as far as it can be believed.
    pub(crate) fn source(&self, peer: Option<&str>, forwarded_for: Option<&str>) -> String {
        self.state.proxies.source(peer, forwarded_for)
    }

    /// The user for whom a function calls. Fault: `PrincipalRefused` when he is unknown, inactive or expired, or when
    /// his token has been revoked since.
    ///
    /// A look-up in memory, never a wait: `async` only because callers treat it as the first step of a call.
    #[expect(
        clippy::unused_async,
        reason = "callers await it as the first step of a call; a shared database will"
    )]
    pub(crate) async fn authorize(&self, principal: Principal) -> Result<Arc<Account>, Fault> {
        let account = self.state.user(principal.user_id).ok_or_else(refused)?;
        let admitted = account.token_version == principal.token_version && self.state.admits(&account);
        if admitted { Ok(account) } else { Err(refused()) }
    }
}

impl State {
    fn user(&self, id: Uuid) -> Option<Arc<Account>> {
        self.users.load().get(&id).cloned()
    }

    /// Whether that user may come in at all at this moment.
    fn admits(&self, account: &Account) -> bool {
        is_usable(account, self.clock.now())
    }

    /// The caller as he is now, who must be an administrator still.
    fn require_admin(&self, caller: Uuid) -> Result<Arc<Account>, Fault> {
        let account = self.user(caller).filter(|account| self.admits(account)).ok_or_else(refused)?;
        if account.role == Role::Admin { Ok(account) } else { Err(not_permitted()) }
    }
}

fn is_usable(account: &Account, now: UnixMicros) -> bool {
    account.is_active && account.expires_at.is_none_or(|end| end > now)
}

fn refused() -> Fault {
    Fault::new(FaultCode::PrincipalRefused, "Could not validate credentials")
}

fn not_permitted() -> Fault {
    Fault::new(FaultCode::NotPermitted, "Not enough permissions")
}

fn user_not_found() -> Fault {
    Fault::new(FaultCode::UserNotFound, "User not found")
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Invalid, message)
}

fn conflict(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Conflict, message)
}
