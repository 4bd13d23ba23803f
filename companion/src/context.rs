//! What every command has at hand.

use std::cell::Cell;
use std::time::Duration;

use crate::conflict::Policy;
use crate::pace::HEARTBEAT;
use crate::person::Person;
use crate::places::Places;
use crate::store::Store;
use crate::trust::TrustedServers;

/// What every command has at hand.
#[derive(Debug)]
pub struct Context {
    /// The person at the keyboard.
    pub person: Person,
    /// Where things are.
    pub places: Places,
    /// Sessions on disk.
    pub store: Store,
    /// Servers that may be talked to.
    pub trusted: TrustedServers,
    /// How an edit ends.
    pub ending: Ending,
    /// Whether a program has the terminal, so that Ctrl-C is for it.
    pub terminal_is_lent: Cell<bool>,
}

/// How an edit ends, as far as it was said beforehand.
#[derive(Debug, Clone)]
pub struct Ending {
    /// What becomes of changes that cannot simply be saved.
    pub policy: Policy,
    /// How long a server that is away is waited for when nobody can be asked.
    pub patience: Duration,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
}

impl Default for Ending {
    /// For commands that end no edit.
    fn default() -> Self {
        Self { policy: Policy::Ask, patience: Duration::ZERO, heartbeat: HEARTBEAT }
    }
}

impl Context {
    /// For this person and these places.
    pub fn new(person: Person, places: Places, ending: Ending) -> Self {
        Self {
            person,
            store: Store::new(places.sessions()),
            trusted: TrustedServers::new(places.trusted_servers()),
            places,
            ending,
            terminal_is_lent: Cell::new(false),
        }
    }
}
