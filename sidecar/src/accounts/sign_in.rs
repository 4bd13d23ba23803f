//! Signing in with a password.

use std::sync::Arc;
use std::time::Duration;

use causeway_internal::accounts::{Account, SignIn};
use causeway_internal::{Fault, FaultCode};
use tracing::Instrument as _;
use zeroize::Zeroizing;

use super::password::MAX_PASSWORD_BYTES;
use super::{Accounts, State, rows};
use crate::store::StoreError;
use crate::store::audit::{self, Event, Outcome, Record};

/// One message for every refusal, a limit's included: it does not tell whether the name exists.
const REFUSAL: &str = "Incorrect username or password";

impl Accounts {
    /// Checks a password. Faults: `BadCredentials`, `RateLimited`, `Busy`.
    pub(crate) async fn sign_in(&self, call: SignIn) -> Result<Account, Fault> {
        let SignIn { username, password, peer, forwarded_for } = call;
        let password = Zeroizing::new(password);
        let state = Arc::clone(&self.state);
        let source = state.proxies.source(peer.as_deref(), forwarded_for.as_deref());
        if let Err(wait) = state.limiter.take(&source, &username, state.clock.uptime()) {
            // In the log only: a flood must not write to the disk.
            tracing::warn!(source, "too many attempts to sign in");
            return Err(Fault::new(FaultCode::RateLimited, REFUSAL).retry_after(whole_seconds(wait)));
        }
        // In a task of its own: nobody keeps an attempt out of the record by going away before the answer.
        let attempt = async move { state.check(username, password, &source).await }.in_current_span();
        tokio::spawn(attempt).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a sign-in panicked or was ended by the shutdown");
            Err(Fault::new(FaultCode::Internal, "The sign-in was interrupted"))
        })
    }
}

impl State {
    /// Checks an attempt that the limiter let through, and records it.
    async fn check(
        &self,
        username: String,
        password: Zeroizing<String>,
        source: &str,
    ) -> Result<Account, Fault> {
        let known = rows::credentials_of_name(&self.store, &username).await?;
        let (id, version, stored) =
            known.map_or((None, 0, None), |known| (Some(known.id), known.token_version, known.password_hash));
        // Longer than any that was ever stored; checked all the same, for the time that it takes.
        let stored = stored.filter(|_| password.len() <= MAX_PASSWORD_BYTES);
        let matches = self.hasher.verify(password, stored).await?;
        // As he is now: while the hash was computed he may have been disabled, or the password changed.
        let account = id
            .filter(|_| matches)
            .and_then(|id| self.user(id))
            .filter(|account| account.token_version == version && self.admits(account));

        let outcome = if account.is_some() { Outcome::Succeeded } else { Outcome::Failed };
        let record = Record {
            event: Event::SignIn,
            outcome,
            actor: Some((id, &username)),
            subject: None,
            origin: Some(source),
            detail: "password",
        };
        if let Err(error) = self.write_record(record).await {
            // A database that cannot be written to keeps nobody out.
            tracing::error!(%error, "a sign-in could not be recorded");
        }
        account
            .map(|account| (*account).clone())
            .ok_or_else(|| Fault::new(FaultCode::BadCredentials, REFUSAL))
    }

    async fn write_record(&self, record: Record<'_>) -> Result<(), StoreError> {
        let mut change = self.store.begin().await?;
        audit::write(&mut change, self.clock.now(), record).await?;
        Ok(change.commit().await?)
    }
}

/// Rounded up, at least 1.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}
