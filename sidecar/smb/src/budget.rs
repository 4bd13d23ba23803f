//! [`ByteBudget`]: what all streams of a process may hold in memory together.

use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which bytes are counted; SMB counts its credits in the same (MS-SMB2 3.1.5.2).
const GRANULE: usize = 64 * 1024;

/// 32 MiB for the process: eight streams with a full read-ahead each. More streams than that still move, with a piece
/// each, because [`ByteBudget`] bounds only what goes beyond the first piece.
const PROCESS_BYTES: usize = 32 * 1024 * 1024;

/// Bytes that streams may hold beyond the one piece each of them always gets.
///
/// A stream never waits for the budget while it holds nothing, so streams cannot lock each other out.
#[derive(Debug)]
pub struct ByteBudget {
    granules: Arc<Semaphore>,
}

impl ByteBudget {
    /// A budget of so many bytes, rounded up to 64 KiB.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { granules: Arc::new(Semaphore::new(bytes.div_ceil(GRANULE))) })
    }

    /// The budget that pools share unless they are given another.
    pub fn of_process() -> Arc<Self> {
        static BUDGET: LazyLock<Arc<ByteBudget>> = LazyLock::new(|| ByteBudget::new(PROCESS_BYTES));
        Arc::clone(&BUDGET)
    }

    /// Takes `bytes` if they are free now; given back when the permit is dropped.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let granules = u32::try_from(bytes.div_ceil(GRANULE)).ok()?;
        Arc::clone(&self.granules).try_acquire_many_owned(granules).ok()
    }
}
