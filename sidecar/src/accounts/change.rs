//! How a change is made: one at a time, to its end, memory after database.

use std::sync::Arc;

use causeway_internal::accounts::Account;
use causeway_internal::{Fault, FaultCode};
use uuid::Uuid;

use super::{Accounts, State, rows};
use crate::changes::Notice;
use crate::completion::to_its_end;

impl Accounts {
    /// Makes a change in a task of its own while no other is made.
    pub(super) async fn change<T, F, W>(&self, work: W) -> Result<T, Fault>
    where
        W: FnOnce(Arc<State>) -> F + Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send,
        T: Send + 'static,
    {
        let state = Arc::clone(&self.state);
        let task = async move {
            let _turn = state.turn.lock().await;
            let outcome = work(Arc::clone(&state)).await;
            if let Err(fault) = &outcome
                && matches!(fault.code, FaultCode::Internal | FaultCode::Busy)
            {
                // A commit that failed may still have happened.
                state.reload().await;
            }
            outcome
        };
        to_its_end(task).await
    }
}

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
