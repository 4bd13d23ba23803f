//! Editing with native programs: `/api/companion/…`, for the desktop companion and for the browser that calls it.

mod problem;
mod release;
mod save;
mod session;
mod version;

pub use problem::{EditProblem, EditProblemCode};
pub use release::{CompanionDownloads, CompanionRelease, Platform, ReleaseError, ReleaseSource};
pub use save::{BaseState, ConflictChoice, FileState, SaveConflict, SavedAnswer, UploadParts};
pub use session::{
    BootstrapAnswer, CompanionLock, CompanionLockStatus, Heartbeat, LinkAnswer, LinkBody, LinkExchange,
    RENEWAL_ACCEPTED_SECONDS, RENEWAL_REQUIRED_SECONDS, RENEWAL_SUGGESTED_SECONDS, Released, RenewedSession,
};
pub use version::{MIN_COMPANION_VERSION, VersionCheck};
