//! The public HTTP API: which routes there are ([`routes`]), what they take and answer, and the OpenAPI document made
//! from that ([`openapi`]).
//!
//! The table of routes is data. A function finds the operation that a request asks for in its own table
//! ([`find`]) and matches on it exhaustively, so that a route without a handler does not compile; the manifest, the
//! OpenAPI document and the end-to-end tests are checked against the same table.

pub mod auth;
pub mod companion;
pub mod connections;
pub mod directories;
mod error;
pub mod files;
pub mod history;
pub mod locks;
mod matching;
mod openapi;
mod route;
pub mod routes;
pub mod settings;
pub mod system;
mod timestamp;
pub mod users;

pub use error::{ErrorBody, FieldError};
pub use matching::{Found, PathParameters, find};
pub use openapi::openapi;
pub use route::{
    Answer, Auth, Component, Content, Endpoint, Method, OPERATION_PARAMETERS, Parameter, Place, RequestBody,
    Route, SchemaOf,
};
pub use timestamp::{ParseTimestampError, Timestamp};
