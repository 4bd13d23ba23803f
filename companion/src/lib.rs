//! Edits files of a share with the programs of the desktop, under a lock that the server keeps.
//!
//! A browser hands over a deep link ([`link`]). The companion exchanges its token, takes the lock, downloads the file
//! into a [`session`] of its own on disk, opens it ([`editor`]), keeps the lock alive meanwhile ([`lease`]), and in the
//! end saves it ([`save`]). Whatever happens on the way, the working copy stays until the server has confirmed that it
//! has the content: [`recover`] finds what a kill or a power failure left behind.
//!
//! The crate is a library so that its parts can be tested; the program is [`cli`].

pub mod api;
pub mod beside;
pub mod claim;
pub mod cli;
pub mod conflict;
pub mod context;
pub mod desktop;
pub mod edit;
pub mod editor;
mod fail_point;
pub mod lease;
pub mod link;
pub mod open;
pub mod outcome;
pub mod pace;
pub mod person;
pub mod places;
pub mod progress;
pub mod recover;
pub mod save;
pub mod secret;
pub mod server_address;
pub mod session;
pub mod still_open;
pub mod store;
pub mod trust;
pub mod working_copy;
