//! Taking turns: one at a time puts content in the place of a file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use causeway_internal::{Fault, FaultCode};
use causeway_paths::{CanonicalKey, CaseRule};
use tokio::sync::OwnedMutexGuard;

use super::Place;
use crate::changes::ShareKey;

/// How long one waits for one's turn: those before may have a slow server, nobody has a slow client by then.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a server is asked to put a file in the place of one that somebody has open at that moment. Looking at a
/// file opens it, and Samba refuses to replace what the same connection has open (research: four of four times), so
/// that those who only look get in the way of those who save.
pub(super) const ATTEMPTS: usize = 3;

/// Between two such attempts.
pub(super) const PAUSE: Duration = Duration::from_millis(60);

/// The share, and the item there: whoever comes to it by whichever connection.
type Key = (ShareKey, CanonicalKey);

/// Whose turn it is, for each file that is being replaced.
///
/// Within this process the comparison of `If-Match` with what is there and the rename that follows are one step.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>);

/// One's turn, until it is dropped.
#[must_use]
pub(super) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for the turn to replace what is at `place`. Fault: `Busy` when it does not come.
    pub(super) async fn take(&self, place: &Place) -> Result<Turn, Fault> {
        let gate = self.gate(place);
        match tokio::time::timeout(PATIENCE, gate.lock_owned()).await {
            Ok(guard) => Ok(Turn { _guard: guard }),
            Err(_) => {
                Err(Fault::new(FaultCode::Busy, "Too many are writing this file at the moment")
                    .retry_after(5))
            }
        }
    }

    fn gate(&self, place: &Place) -> Arc<tokio::sync::Mutex<()>> {
        let key = (ShareKey::of(place.pool.target()), place.full.canonical_key(CaseRule::Insensitive));
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(&key).and_then(Weak::upgrade) {
            return gate;
        }
        // Only those that somebody waits at are kept, so this looks at few.
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(key, Arc::downgrade(&gate));
        gate
    }
}
