//! The functions host with real components.

mod answers;
mod bounds;
mod cache;
mod configuration;
mod harness;
mod interfaces;
mod measure;
mod network;
mod sockets;
mod streams;
