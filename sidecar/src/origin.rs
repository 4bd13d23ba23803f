//! Where a call comes from: the address of the client for whom a function calls.

use tokio::task_local;

task_local! {
    static ORIGIN: Option<String>;
}

/// Runs what a call does, with its client's address at hand. Of the tasks that it starts those of
/// [`to_its_end`](crate::completion::to_its_end) have it, too.
pub(crate) async fn within<T>(origin: Option<String>, call: impl Future<Output = T>) -> T {
    ORIGIN.scope(origin, call).await
}

/// The client's address, where it is known.
pub(crate) fn current() -> Option<String> {
    ORIGIN.try_with(Clone::clone).ok().flatten()
}
