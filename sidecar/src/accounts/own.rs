//! What a user changes about himself.

use causeway_internal::accounts::{Account, ChangePassword};
use causeway_internal::{Fault, FaultCode};
use zeroize::Zeroizing;

use super::administration::next_token_version;
use super::{Accounts, conflict, invalid, refused, rows};
use crate::follower::in_turn;
use crate::store::StoreError;
use crate::store::audit::{self, Event};

impl Accounts {
    /// Replaces the caller's own password and revokes all his tokens. Faults: `BadCredentials` (the current password is
    /// wrong), `Conflict` (there is none), `Invalid`.
    pub(crate) async fn change_password(&self, caller: &Account, call: ChangePassword) -> Result<(), Fault> {
        let (current, new) = (Zeroizing::new(call.current), Zeroizing::new(call.new));
        if new.is_empty() {
            return Err(invalid("The new password cannot be empty"));
        }
        let state = &self.state;
        let known = rows::credentials_of(&state.store, caller.id).await?.ok_or_else(refused)?;
        if known.token_version != caller.token_version {
            return Err(refused());
        }
        if known.password_hash.is_none() {
            return Err(conflict("Password changes require an existing local password"));
        }
        if !state.hasher.verify(current, known.password_hash).await? {
            return Err(Fault::new(FaultCode::BadCredentials, "Current password is incorrect"));
        }
        let hash = state.hasher.hash(new).await?;

        let id = caller.id;
        in_turn(&self.state, move |state| async move {
            let mut change = state.store.begin().await?;
            let mut account = rows::one(&mut change, id).await?.ok_or_else(refused)?;
            if account.token_version != known.token_version || !state.admits(&account) {
                // Another change came first, and the password that was checked may be gone.
                return Err(refused());
            }
            account.token_version = next_token_version(&account)?;
            account.must_change_password = false;
            account.updated_at = state.clock.now();
            rows::update(&mut change, &account).await?;
            rows::set_password_hash(&mut change, id, &hash).await?;
            let (now, himself) = (account.updated_at, (id, account.username.as_str()));
            audit::done(&mut change, now, Event::PasswordChanged, &account, himself, "").await?;
            change.commit().await.map_err(StoreError::from)?;
            state.publish(account);
            Ok(())
        })
        .await
    }
}
