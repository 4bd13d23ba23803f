//! Streams: the content of a file out of the share, and into it.
//!
//! The parameters travel in the header [`HEAD_HEADER`](crate::HEAD_HEADER), because the body is the content and passes
//! through the function without being looked at.

use causeway_http_semantics::{ReadPlan, RequestConditions};
use causeway_paths::SharePath;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::ItemInfo;
use crate::locks::Edit;

/// Name of the call with [`ReadHead`] as its head and no body; the answer is [`ReadAnswer`] and the content.
pub const READ_FILE: &str = "read-file";

/// Name of the call with [`WriteHead`] as its head and the content as its body; the answer is [`WriteAnswer`] in JSON.
pub const WRITE_FILE: &str = "write-file";

/// Asks for a file's content.
///
/// Faults: those of the connection, `NotFound`, `IsADirectory`, and those of the server behind. Conditions that do not
/// hold are no fault but an answer (304, 412, 416).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadHead {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// `Range` and the conditional headers, as the client sent them.
    pub conditions: RequestConditions,
    /// Media type of the whole file: parts of a multipart answer repeat it.
    pub content_type: String,
    /// Whether the content is wanted, or (for `HEAD`) only what is said about it.
    pub with_content: bool,
    /// The edit that the content is for: what is read becomes its base
    /// ([`GetEditInfo`](crate::locks::GetEditInfo)).
    pub edit: Option<Edit>,
}

/// What is said about the content that follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadAnswer {
    /// Status, range and length headers to answer with.
    pub plan: ReadPlan,
    /// The file.
    pub info: ItemInfo,
}

/// How the content of an upload is wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    /// The body is the content.
    Raw,
    /// The body is `multipart/form-data`; the content is its part of that name. The request's `content-type` has the
    /// boundary.
    Multipart {
        /// Name of the part.
        field: String,
    },
}

/// Puts content into a file, made new or replaced in one step.
///
/// Faults: those of the connection, `ParentNotFound`, `KindMismatch` (a directory is there), `PreconditionFailed`,
/// `BodyIncomplete`, `PartMissing`, `StorageFull`, `InUse`, and those of the server behind. After any of
/// them the old content is untouched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteHead {
    /// Connection.
    pub connection: Uuid,
    /// File.
    pub path: SharePath,
    /// How the content is wrapped.
    pub form: BodyForm,
    /// `If-Match`, `If-None-Match` and `If-Unmodified-Since`, as the client sent them.
    pub conditions: RequestConditions,
    /// Length of a raw content in bytes, where the client announced it: a body that ends before is never taken for
    /// whole, whatever stands between client and sidecar. `None` for a form, whose closing boundary tells.
    pub content_length: Option<u64>,
}

/// What was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteAnswer {
    /// The file afterwards.
    pub info: ItemInfo,
    /// Whether it is new.
    pub created: bool,
}
