//! Edit locks: who may save a file that is open in an editor.
//!
//! A lock belongs to the file, not to a spelling of its path nor to the connection by which it is reached. While it is
//! held, the sidecar keeps the file open on the server so that nobody else there can write or delete it, and every
//! operation of other users that would change the file is refused with [`FaultCode::Locked`](crate::FaultCode::Locked).

use causeway_paths::SharePath;
use causeway_versions::{FileTime, FileVersion};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::ItemInfo;
use crate::transfer::BodyForm;
use crate::{Call, UnixMicros};

/// Seconds without a heartbeat after which a lock is dead.
pub const LOCK_LIFETIME_SECONDS: u32 = 120;

/// What a holder shows to prove that the lock is his. Compared in this order: [`operation_id`](Self::operation_id) and
/// [`capability`](Self::capability) (`LockMismatch`, `CapabilityMismatch`), [`lock_id`](Self::lock_id) (`LockLost`), the
/// path (`LockMismatch`), the user (`LockForeign`), the fencing number (`LockLost`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockProof {
    /// By what the lock is found: its id (an operation token has both) or its path (a browser).
    pub find: FindLock,
    /// Id of the lock.
    pub lock_id: Uuid,
    /// Id of the edit, 32 hexadecimal digits.
    pub operation_id: String,
    /// The secret of the lock; `None` on routes that do not take it.
    pub capability: Option<String>,
    /// The fencing number of the grant; `None` for browsers, who are not told it.
    pub fence: Option<u64>,
}

/// By what a lock is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindLock {
    /// By the file: whoever holds it is compared.
    ByPath,
    /// By the lock's id: a lock of somebody else on the same file plays no part.
    ById,
}

/// A lock that was granted, or that the same user holds already.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LockGrant {
    /// Id of the lock.
    pub lock_id: Uuid,
    /// Its secret: 43 characters of base64url.
    pub capability: String,
    /// Id of the edit: 32 hexadecimal digits.
    pub operation_id: String,
    /// Rises with every grant, whichever file it is for.
    pub fence: u64,
    /// This acquisition: a user who opens a file twice shares the lock, but each edit has its own base to be compared
    /// with when it is saved. To be carried by the operation token and its renewals.
    pub session: Uuid,
    /// Name of the holder.
    pub locked_by: String,
    /// Since when.
    pub locked_at: UnixMicros,
}

/// Takes the lock of a file, which need not exist yet. A user who holds it already gets the same one, refreshed.
///
/// Faults: those of the connection (writing), `Locked` (another user holds it: [`Holder`](crate::Holder)), `InUse`
/// (somebody on the share has it open; the message names him where the file tells), `IsADirectory`, and those of the
/// server behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcquireLock {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
}

impl Call for AcquireLock {
    const NAME: &'static str = "acquire-lock";
    type Answer = LockGrant;
}

/// Whether a lock is (still) the caller's, and with [`refresh`](Self::refresh) a sign of life.
///
/// Faults: `LockLost`, `LockMismatch`, `CapabilityMismatch`, `LockForeign`. Connection and role are not looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckLock {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// Whose it is.
    pub proof: LockProof,
    /// Whether it counts as a heartbeat.
    pub refresh: bool,
}

impl Call for CheckLock {
    const NAME: &'static str = "check-lock";
    type Answer = ();
}

/// Gives a lock back. A lock that is gone already is no fault. Faults: `LockMismatch`, `CapabilityMismatch`,
/// `LockForeign`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseLock {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// Whose it is. With [`FindLock::ByPath`] another lock id than the current one is `LockLost`.
    pub proof: LockProof,
}

impl Call for ReleaseLock {
    const NAME: &'static str = "release-lock";
    type Answer = ();
}

/// Takes a lock away from whoever has it. Faults: those of the connection (seeing it), `NotPermitted` for others than
/// its holder and administrators.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForceUnlock {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
}

impl Call for ForceUnlock {
    const NAME: &'static str = "force-unlock";
    type Answer = ();
}

/// The state of a file's lock. Faults: those of the connection (seeing it).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetLock {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// Whether somebody who has the file open on the share, past us, counts too: costs a look at the server.
    pub with_others: bool,
}

impl Call for GetLock {
    const NAME: &'static str = "get-lock";
    type Answer = LockState;
}

/// Who has a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// Nobody.
    Free,
    /// A user of ours.
    Locked(LockView),
    /// Somebody on the share, past us.
    InUse {
        /// His name, where the file tells it.
        by: Option<String>,
        /// Since when, where the file tells it.
        since: Option<UnixMicros>,
    },
}

/// A lock without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockView {
    /// Id of the lock.
    pub lock_id: Uuid,
    /// Id of the edit.
    pub operation_id: String,
    /// Name of the holder.
    pub locked_by: String,
    /// Since when.
    pub locked_at: UnixMicros,
    /// Whether the caller is the holder.
    pub is_mine: bool,
    /// Seconds that are left without a further heartbeat.
    pub expires_in: u32,
}

/// Whether a file may be opened for editing at all: that its connection exists and that the caller sees it. Nothing is
/// asked of the server. Faults: those of the connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PrepareEdit {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
}

impl Call for PrepareEdit {
    const NAME: &'static str = "prepare-edit";
    type Answer = ();
}

/// Uses up a link: the first call with an id succeeds, every later one is `Conflict`, also after a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RedeemLink {
    /// The link's id, 32 hexadecimal digits.
    pub id: Uuid,
    /// When the link expires by itself, in seconds since 1970; its id may be forgotten then.
    pub expires_at: u64,
}

impl Call for RedeemLink {
    const NAME: &'static str = "redeem-link";
    type Answer = ();
}

/// Looks at the file of an edit, and makes what is seen the base that its next save is compared with.
///
/// Faults: those of the connection and of [`CheckLock`], `NotFound` (the base is then that there is none), and those of
/// the server behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetEditInfo {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// Which edit.
    pub edit: Edit,
}

impl Call for GetEditInfo {
    const NAME: &'static str = "get-edit-info";
    type Answer = ItemInfo;
}

/// An edit: a lock, and within it one acquisition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Whose lock it is.
    pub proof: LockProof,
    /// [`LockGrant::session`].
    pub session: Uuid,
}

/// Name of the streamed call with [`SaveHead`] as its head and the content as its body; the answer is [`SaveAnswer`] in
/// JSON.
pub const SAVE_EDIT: &str = "save-edit";

/// Saves what was edited: puts the content in the file's place if the file is still what this edit last saw.
///
/// Faults: those of the connection (writing) and of [`CheckLock`], `VersionConflict` with both versions, `PartMissing`
/// (with all missing parts of the form), and those of an upload. After any of them the old content is untouched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveHead {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// How the content is wrapped. In a multipart form the parts [`PROOF_PARTS`] have to equal the proof too, if
    /// [`proof_in_form`](Self::proof_in_form) says so.
    pub form: BodyForm,
    /// Which edit. With `proof_in_form`, the capability is the form's and `None` here.
    pub edit: Edit,
    /// Whether the form repeats operation id, lock id and capability in the parts [`PROOF_PARTS`].
    pub proof_in_form: bool,
    /// Length of a raw content, as in an upload.
    pub content_length: Option<u64>,
    /// Whether the content is kept beside the file.
    pub keep_copy: KeepCopy,
}

/// When a content is kept beside the file, under a name of its own. Neither needs the lock to be held still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepCopy {
    /// Never.
    Never,
    /// When it cannot take the file's place because the file has changed or the lock is lost.
    OnConflict,
    /// In any case, and the file is left alone: for somebody who has seen the other version and wants both.
    Always,
}

/// The parts of the form of a save that prove the lock: operation id, lock id, capability.
pub const PROOF_PARTS: [&str; 3] = ["operation_id", "lock_id", "lock_capability"];

/// What became of a save.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveAnswer {
    /// The file as it is now, or the copy.
    pub info: ItemInfo,
    /// Where the content was kept instead, below the connection's prefix: `name (conflict copy, user, time).ext`.
    pub copy: Option<SharePath>,
}

/// The versions that stand against each other in a save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// What the edit began with, or last looked at; `None`: there was no file.
    pub base: Option<BaseVersion>,
    /// What is there now; `None`: nothing.
    pub current: Option<ItemInfo>,
}

/// The version of a file that an edit is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseVersion {
    /// Change time, size and number.
    pub version: FileVersion,
    /// When its content was last changed, for people.
    pub modified: FileTime,
}
