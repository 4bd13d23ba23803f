//! Work that is done to its end once it has begun, whatever becomes of the caller.

use causeway_internal::{Fault, FaultCode};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::origin;

/// The caller of an operation, who may have gone away meanwhile.
#[derive(Clone)]
pub(crate) struct Caller(CancellationToken);

impl Caller {
    /// Whether nobody waits for the outcome any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Returns when nobody waits for the outcome any more.
    pub(crate) async fn gone(&self) {
        self.0.cancelled().await;
    }
}

/// Runs an operation in a task of its own and lets it know when its caller goes away: up to the point where it begins to
/// change what others see, it can stop then and clear up behind itself.
pub(crate) async fn with_its_caller<T, F>(operation: impl FnOnce(Caller) -> F) -> Result<T, Fault>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    let waits = CancellationToken::new();
    // Dropped with this future, whether it is done or given up.
    let _goes = waits.clone().drop_guard();
    to_its_end(operation(Caller(waits))).await
}

/// Runs an operation in a task of its own: a client that goes away drops the call, and must not leave half of a change
/// behind. What it does still comes from where the call came from.
pub(crate) async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    tokio::spawn(origin::within(origin::current(), operation).in_current_span()).await.unwrap_or_else(
        |error| {
            tracing::error!(%error, "an operation panicked or was ended by the shutdown");
            Err(Fault::new(FaultCode::Internal, "The operation was interrupted"))
        },
    )
}
