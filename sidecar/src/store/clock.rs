use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use causeway_internal::UnixMicros;

/// What time it is; tests bring their own.
pub(crate) trait Clock: Send + Sync + 'static {
    /// The moment, as rows are stamped with it.
    fn now(&self) -> UnixMicros;

    /// Time since some fixed moment in the past; never goes back, whoever sets the clock.
    fn uptime(&self) -> Duration;
}

/// The machine's clock.
pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMicros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}
