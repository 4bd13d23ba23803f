//! Trying again what may succeed a little later.

use std::time::{Duration, Instant};

use crate::api::ApiError;
use crate::pace::next_wait;

/// Calls until it succeeds or fails for good: three times in any case, and as often as `patience` allows.
pub(super) async fn persistently<T>(
    patience: Duration,
    mut call: impl AsyncFnMut() -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let start = Instant::now();
    let mut failures = 0;
    loop {
        let fault = match call().await {
            Err(fault) if fault.is_passing() => fault,
            result => return result,
        };
        let Some(wait) = next_wait(failures, start.elapsed(), patience) else { return Err(fault) };
        tracing::debug!(%fault, ?wait, "tried again after a while");
        tokio::time::sleep(wait).await;
        failures += 1;
    }
}
