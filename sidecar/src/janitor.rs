//! Removes what interrupted operations left on the shares.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::files::Siblings;
use crate::locks::Locks;
use crate::shares::Shares;

/// Between two rounds when nothing calls for one: a server that was away is asked again this often.
const ROUND: Duration = Duration::from_mins(5);

/// Between the first two rounds of which something was left over; twice as long after each, up to [`ROUND`]. After a kill
/// the server may take a moment to notice that nobody has its files open any more, and saves wait for that.
const RETRY: Duration = Duration::from_millis(500);

/// Between something being left behind and the round for it: the operation's own clean-up may still be under way.
const SETTLE: Duration = Duration::from_secs(2);

/// Sweeps at the start, after something was left behind, and every now and then, until stopped.
pub(crate) async fn run(siblings: Arc<Siblings>, shares: Arc<Shares>, locks: Locks, stop: CancellationToken) {
    let upkeep = async {
        let mut pause = RETRY;
        loop {
            let mut next = pause;
            match siblings.sweep(&shares, &locks).await {
                Ok(0) => next = ROUND,
                Ok(left) => tracing::info!(left, "temporary items wait for the next round"),
                Err(fault) => tracing::warn!(%fault, "a round of the janitor failed"),
            }
            pause = if next == ROUND { RETRY } else { (pause * 2).min(ROUND) };
            tokio::select! {
                () = siblings.left_behind() => {
                    tokio::time::sleep(SETTLE).await;
                    // What is new is not to wait for what has been left for long.
                    pause = RETRY;
                }
                () = tokio::time::sleep(next) => {}
            }
        }
    };
    stop.run_until_cancelled(upkeep).await;
}
