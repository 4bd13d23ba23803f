//! The end-to-end harness: a real smbd, the real binary, people who use it over HTTP.
//!
//! A [`World`] is a Samba server, a running Causeway in the mode that `CAUSEWAY_TEST_MODE` names (`standalone`: one
//! process; `split`: functions and sidecar as two), and three [`User`]s with a connection to the share. Cases that
//! harm nobody share one world a test binary ([`World::shared`]) and work each in a [`Folder`] of its own; those that
//! kill, fill or measure something start their own.
//!
//! Every [`Answer`] is checked for what must hold everywhere: a request id, the security headers, no word of the
//! server behind.

#![expect(clippy::missing_panics_doc, reason = "what a case demands of the product it demands by panicking")]

mod answer;
mod client;
mod content;
mod edit;
mod folder;
pub mod history;
mod keeper;
mod mode;
mod process;
mod product;
mod proxy;
mod raw_http;
mod socket;
mod world;

pub use answer::Answer;
pub use client::{Ask, Share, User};
pub use content::{Pattern, PatternReader, drain};
pub use edit::{Edit, proof};
pub use folder::Folder;
pub use mode::{Mode, binary};
pub use process::Process;
pub use product::{Product, ProductOptions};
pub use proxy::Proxy;
pub use raw_http::{RawAnswer, RawRequest};
pub use socket::{Ending, Refusal, Socket};
pub use world::{ADMIN_PASSWORD, Held, Visit, World, WorldOptions};
