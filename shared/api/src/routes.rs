//! The table of routes, one part for each function.

pub mod auth;
pub mod files;
pub mod locks;
pub mod preview;
pub mod system;

use crate::{Endpoint, Route};

/// All public routes.
pub fn all() -> impl Iterator<Item = &'static Route> {
    fn of<O>(endpoints: &'static [Endpoint<O>]) -> impl Iterator<Item = &'static Route> {
        endpoints.iter().map(|endpoint| &endpoint.route)
    }
    of(auth::ENDPOINTS)
        .chain(of(files::ENDPOINTS))
        .chain(of(locks::ENDPOINTS))
        .chain(of(preview::ENDPOINTS))
        .chain(of(system::ENDPOINTS))
}
