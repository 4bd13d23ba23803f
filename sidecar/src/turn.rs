//! Taking turns: one at a time puts content in the place of a file, or takes its lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use causeway_internal::{Fault, FaultCode};
use causeway_locks::LockKey;
use tokio::sync::OwnedMutexGuard;

/// How long one waits for one's turn: those before may have a slow server, nobody has a slow client by then.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whose turn it is, for each file that is being replaced or locked. A file is the same by whichever connection one comes
/// to it.
///
/// Within this process the comparison of what is expected with what is there and the rename that follows are one step.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<LockKey, Weak<tokio::sync::Mutex<()>>>>);

/// One's turn, until it is dropped.
#[must_use]
pub(crate) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for the turn at a file. Fault: `Busy` when it does not come.
    pub(crate) async fn take(&self, key: &LockKey) -> Result<Turn, Fault> {
        let gate = self.gate(key);
        match tokio::time::timeout(PATIENCE, gate.lock_owned()).await {
            Ok(guard) => Ok(Turn { _guard: guard }),
            Err(_) => {
                Err(Fault::new(FaultCode::Busy, "Too many are writing this file at the moment")
                    .retry_after(5))
            }
        }
    }

    fn gate(&self, key: &LockKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(key).and_then(Weak::upgrade) {
            return gate;
        }
        // Only those that somebody waits at are kept, so this looks at few.
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(key.clone(), Arc::downgrade(&gate));
        gate
    }
}
