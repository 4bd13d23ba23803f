//! Keeping the lock while something else goes on: editing, a download, a save.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use crate::edit::Edit;
use crate::pace::{LOOK, Moment, Pulse};

/// Does `work` and keeps the edit's lock meanwhile: heartbeats, renewals of the token, more attempts when the network is
/// away. A lost lock is told once and ends the keeping, not the work.
pub async fn during<T>(edit: &Edit<'_>, interval: Duration, work: impl Future<Output = T>) -> T {
    during_all([edit], interval, work).await
}

/// The same for several edits.
pub async fn during_all<'e, 'p: 'e, T>(
    edits: impl IntoIterator<Item = &'e Edit<'p>>,
    interval: Duration,
    work: impl Future<Output = T>,
) -> T {
    // Without any edit there is nothing to keep, and no end of that either.
    let keeping = edits.into_iter().map(|edit| keep(edit, interval));
    let keeping = async {
        futures::future::join_all(keeping).await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        // The work first: a heartbeat after its end would be one too many.
        biased;
        result = work => result,
        never = keeping => match never {},
    }
}

async fn keep(edit: &Edit<'_>, interval: Duration) {
    let mut pulse = Pulse::new(Moment::now(), interval);
    while edit.loss().is_none() {
        tokio::time::sleep(LOOK.min(interval)).await;
        if pulse.is_due(Moment::now()) {
            beat(edit, &mut pulse).await;
        }
    }
}

async fn beat(edit: &Edit<'_>, pulse: &mut Pulse) {
    let wants_renewal =
        edit.session().operation.as_ref().is_some_and(|operation| operation.wants_renewal(SystemTime::now()));
    if wants_renewal && let Err(fault) = edit.renew().await {
        // Tried again with the next heartbeat; the old token goes on for a while.
        tracing::debug!(%fault, "the token is not renewed yet");
    }
    if edit.loss().is_some() {
        return;
    }
    match edit.heartbeat().await {
        Ok(left) => {
            tracing::debug!(lock = left.lock_expires_in, token = left.operation_expires_in, "heartbeat");
            if pulse.failures() > 1 {
                edit.person().tell("The server answers again.");
            }
            pulse.came_through(Moment::now());
        }
        Err(fault) => {
            tracing::debug!(%fault, "no heartbeat");
            pulse.failed(Moment::now());
            // One that is lost alone is nothing to interrupt anybody with.
            if pulse.failures() == 2 && edit.loss().is_none() {
                edit.person().tell(format!(
                    "{fault}. You can go on editing: your copy is safe on this computer, and the companion keeps trying."
                ));
            }
        }
    }
}
