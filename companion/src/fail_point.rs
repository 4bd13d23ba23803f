//! Faults at the writes of a session's state, for tests: `CAUSEWAY_COMPANION_FAULT` is `killed-before:N`, `killed-after:N` or
//! `full-from:N`, where N counts the writes of this process from 1. Release builds do not know it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The variable.
const VARIABLE: &str = "CAUSEWAY_COMPANION_FAULT";

static WRITES: AtomicUsize = AtomicUsize::new(0);

/// A state is about to take the place of the one before.
pub(crate) fn before_write() -> io::Result<()> {
    let write = WRITES.fetch_add(1, Ordering::Relaxed) + 1;
    match asked_for() {
        Some((fault, at)) if fault == "killed-before" && at == write => std::process::abort(),
        Some((fault, at)) if fault == "full-from" && at <= write => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    }
}

/// It has.
pub(crate) fn after_write() {
    let write = WRITES.load(Ordering::Relaxed);
    if asked_for().is_some_and(|(fault, at)| fault == "killed-after" && at == write) {
        std::process::abort();
    }
}

fn asked_for() -> Option<(String, usize)> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let asked = std::env::var(VARIABLE).ok()?;
    let (fault, write) = asked.split_once(':')?;
    Some((fault.to_owned(), write.parse().ok()?))
}
