//! [`Follower`]: what is in memory as the database has it, and how that is changed: one change at a time, to its end,
//! memory after database.

use std::sync::Arc;

use causeway_internal::{Fault, FaultCode};

use crate::completion::to_its_end;

/// State in memory that follows the database.
pub(crate) trait Follower: Send + Sync + 'static {
    /// Held during a change: changes reach the memory in the order in which they were committed.
    fn turn(&self) -> &tokio::sync::Mutex<()>;

    /// Reads all of it anew.
    fn reload(&self) -> impl Future<Output = ()> + Send;
}

/// Makes a change in a task of its own while no other is made.
pub(crate) async fn in_turn<S, T, F, W>(state: &Arc<S>, work: W) -> Result<T, Fault>
where
    S: Follower,
    W: FnOnce(Arc<S>) -> F + Send + 'static,
    F: Future<Output = Result<T, Fault>> + Send,
    T: Send + 'static,
{
    let state = Arc::clone(state);
    to_its_end(async move {
        let _turn = state.turn().lock().await;
        let outcome = work(Arc::clone(&state)).await;
        if let Err(fault) = &outcome
            && matches!(fault.code, FaultCode::Internal | FaultCode::Busy)
        {
            // A commit that failed may still have happened.
            state.reload().await;
        }
        outcome
    })
    .await
}
