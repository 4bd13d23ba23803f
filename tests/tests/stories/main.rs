//! What people do with Causeway, and what must not happen to them. One module a topic; all share one world unless they
//! need one of their own.

mod accounts;
mod aliases;
mod bad_input;
mod browsing;
mod changes;
mod companion;
mod companion_api;
mod companion_releases;
mod connections;
mod copies;
mod directories;
mod downloads;
mod edits;
mod histories;
mod live;
mod locks;
mod replacing;
mod roles;
mod saves;
mod sign_in;
mod uploads;
mod users;
mod web;
