//! The administrator of a new installation.

use causeway_internal::Fault;
use causeway_internal::accounts::{Account, Role};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::administration::username_of;
use super::{Accounts, invalid, password, rows};
use crate::follower::in_turn;
use crate::store::StoreError;
use crate::store::audit::{self, Event, Outcome, Record};

impl Accounts {
    /// Makes an administrator when there is no user at all. Without a password, or with a blank one, it is made up and
    /// handed back: it is kept nowhere.
    pub(crate) async fn ensure_first_admin(
        &self,
        username: &str,
        password: Option<&str>,
    ) -> Result<Option<String>, Fault> {
        if !self.state.users.load().is_empty() {
            return Ok(None);
        }
        let username = username_of(username)?;
        let given = password.filter(|password| !password.trim().is_empty());
        let password = given.map_or_else(password::generate, |password| Zeroizing::new(password.to_owned()));
        let generated = given.is_none().then(|| password.to_string());
        let hash = self.state.hasher.hash(password).await?;
        in_turn(&self.state, move |state| async move {
            let mut change = state.store.begin().await?;
            if !rows::is_empty(&mut change).await? {
                return Err(invalid("The first administrator exists already"));
            }
            let now = state.clock.now();
            let account = Account {
                id: Uuid::new_v4(),
                username,
                name: None,
                email: None,
                role: Role::Admin,
                is_active: true,
                must_change_password: false,
                token_version: 0,
                expires_at: None,
                created_at: now,
                updated_at: now,
                has_local_password: true,
            };
            rows::insert(&mut change, &account, &hash).await?;
            let record = Record {
                event: Event::UserCreated,
                outcome: Outcome::Succeeded,
                actor: None,
                subject: Some((account.id, &account.username)),
                origin: None,
                detail: "first administrator",
            };
            audit::write(&mut change, now, record).await?;
            change.commit().await.map_err(StoreError::from)?;
            state.publish(account);
            Ok(generated)
        })
        .await
    }
}
