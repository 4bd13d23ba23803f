//! What the functions and the sidecar say to each other.
//!
//! One exchange is one HTTP request to `{sidecar}/internal/v1/{NAME}`, always `POST`:
//!
//! * A plain call ([`Call`]) carries JSON both ways.
//! * A listing ([`files::ListDirectory`]) asks in JSON and is answered in binary frames ([`listing`]).
//! * A stream ([`transfer`]) carries its parameters in the header [`HEAD_HEADER`], because the body is the file.
//!
//! Every request names its sender by the service token (`authorization: Bearer …`) and, but for the public calls, the
//! user it acts for by [`Principal`]'s headers. The sidecar believes the function about *who* calls and checks for
//! itself what that user may do. A refusal is a [`Fault`] in JSON with the status of its [`FaultCode`].
//!
//! The crate holds types and their encoding: no runtime, no I/O.

pub mod accounts;
mod call;
pub mod connections;
pub mod directories;
mod fault;
pub mod files;
pub mod history;
pub mod listing;
pub mod locks;
mod principal;
mod timestamp;
pub mod transfer;

pub use call::{Call, HeadError, call_path, decode_head, encode_head};
pub use fault::{Conflict, Fault, FaultCode, Holder};
pub use principal::{FORWARDED_FOR_HEADER, PEER_HEADER, Principal, TOKEN_VERSION_HEADER, USER_HEADER};
pub use timestamp::UnixMicros;

/// Every internal path begins with this; the last segment is the name of the call.
pub const PATH_PREFIX: &str = "/internal/v1/";

/// Carries the parameters of a streamed call, and on the way back its answer: base64url of JSON ([`encode_head`]).
pub const HEAD_HEADER: &str = "x-causeway-head";

/// Carries the id of the public request, so that both logs tell of one thing under one name.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// What a JSON body between function and sidecar may hold at most, in bytes. Settings documents are the largest.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;
