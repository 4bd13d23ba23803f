//! Work that is done to its end once it has begun, whatever becomes of the caller.

use causeway_internal::{Fault, FaultCode};
use tracing::Instrument as _;

/// Runs an operation in a task of its own: a client that goes away drops the call, and must not leave half of a change
/// behind.
pub(crate) async fn to_its_end<T: Send + 'static>(
    operation: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    tokio::spawn(operation.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an operation panicked or was ended by the shutdown");
        Err(Fault::new(FaultCode::Internal, "The operation was interrupted"))
    })
}
