//! The functions host with real components.

mod answers;
mod bounds;
mod cache;
mod configuration;
mod harness;
mod interfaces;
mod network;
mod slow_clients;
mod sockets;
mod streams;
