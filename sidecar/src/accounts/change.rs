//! How the memory follows what was changed.

use std::sync::Arc;

use causeway_internal::accounts::Account;
use uuid::Uuid;

use super::{State, rows};
use crate::changes::Notice;
use crate::follower::Follower;

impl State {
    /// Shows a committed user to everybody.
    pub(super) fn publish(&self, account: Account) {
        let mut users = (**self.users.load()).clone();
        let id = account.id;
        users.insert(id, Arc::new(account));
        self.users.store(Arc::new(users));
        self.changes.tell(Notice::Account(id));
    }

    /// Shows everybody that a user is gone.
    pub(super) fn withdraw(&self, id: Uuid) {
        let mut users = (**self.users.load()).clone();
        users.remove(&id);
        self.users.store(Arc::new(users));
        self.changes.tell(Notice::Account(id));
    }
}

impl Follower for State {
    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }

    async fn reload(&self) {
        match rows::all(&self.store).await {
            Ok(users) => {
                self.users.store(Arc::new(users));
                self.changes.tell(Notice::Everything);
            }
            Err(error) => tracing::error!(%error, "the users could not be read again after a failed change"),
        }
    }
}
