//! Connections to shares: `/api/connections`.

mod body;
mod view;

pub use body::{AccessModeChoice, ConnectionCreateBody, ConnectionUpdateBody, ScopeChoice};
pub use view::{ConnectionBody, DeletedAnswer, TestAnswer, TestStatus, VisibilityOption, visibility_options};
