//! What this process itself changes, told to whoever keeps something that a change makes out of date.
//!
//! Operations on files say here what they did as soon as it is done, whether or not the server will report it too; the
//! users and connections say when one of them is no longer what it was. Telling never waits and never fails. A listener
//! that is too slow does not slow anybody down: it is told that it has missed something, and has to look for itself.

use std::sync::{Arc, OnceLock};

use causeway_internal::files::ItemKind;
use causeway_paths::SharePath;
use causeway_smb::Target;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

/// Notices that wait for a slow listener. Each is a few hundred bytes, kept once for all listeners; one request makes
/// two at most, so that this many are more than the requests which can be under way at once.
const WAITING_NOTICES: usize = 1024;

/// Where changes are told. Clones tell the same listeners.
#[derive(Clone)]
pub(crate) struct Changes {
    notices: broadcast::Sender<Arc<Notice>>,
    first: Arc<OnceLock<Ear>>,
}

/// Hears a notice before everybody else.
type Ear = Box<dyn Fn(&Notice) + Send + Sync>;

/// Something is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An item on a share, by one of our own operations.
    Item(Change),
    /// A connection was made, changed or deleted; what it is now is for the listener to ask.
    Connection(Uuid),
    /// A user was made, changed (disabled, other role, tokens revoked) or deleted likewise.
    Account(Uuid),
    /// All connections and users may have changed: they were read again after a failure.
    Everything,
}

/// What one of our own operations did to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The connection through which it was done.
    pub(crate) connection: Uuid,
    /// The share behind the connection: others may lead to it too, with other prefixes.
    pub(crate) share: ShareKey,
    /// The item, below the root of the share (not of the connection).
    pub(crate) path: SharePath,
    /// File or directory.
    pub(crate) item: ItemKind,
    /// What was done.
    pub(crate) deed: Deed,
}

/// What was done to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It is new. A directory may already have content, which is not told item by item.
    Created,
    /// It is gone, a directory with everything below it.
    Removed,
    /// It has another name, perhaps in another directory of the same share; a directory took everything below it along.
    /// What had the new name before is gone.
    Renamed {
        /// The new path, below the root of the share.
        to: SharePath,
    },
    /// The content of a file is another.
    Written,
    /// Of an operation on a whole tree that stopped half-way, or that touched what was there already: anything at or
    /// below the path may have come, gone or changed.
    Disturbed,
}

/// A share by the names that a connection has for it. Two connections with equal keys lead to one share; those with
/// different keys may too (a server has many names), which only the servers' identities tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ShareKey {
    host: String,
    port: u16,
    share: String,
}

impl ShareKey {
    /// The share that a pool speaks to.
    pub(crate) fn of(target: &Target) -> Self {
        Self::new(target.host(), target.port(), target.share())
    }

    /// The share of that name on that host.
    pub(crate) fn new(host: &str, port: u16, share: &str) -> Self {
        Self { host: host.to_lowercase(), port, share: share.to_lowercase() }
    }

    /// The same as text, equal for equal keys.
    pub(crate) fn text(&self) -> String {
        // No host has a slash, so that where the share begins is never in doubt.
        format!("{}:{}/{}", self.host, self.port, self.share)
    }
}

/// What a listener gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The next notice.
    Notice(Arc<Notice>),
    /// Some notices were dropped: anything may have changed.
    Missed,
}

/// Somebody who is told.
pub(crate) struct Listener(broadcast::Receiver<Arc<Notice>>);

impl Changes {
    /// Without listeners yet.
    pub(crate) fn new() -> Self {
        Self { notices: broadcast::Sender::new(WAITING_NOTICES), first: Arc::default() }
    }

    /// Has `ear` called within [`tell`](Self::tell), before whoever caused the change is answered: for what must not be
    /// out of date when he asks next. It must not wait. There is one ear; a second one is not taken.
    pub(crate) fn hear_first(&self, ear: impl Fn(&Notice) + Send + Sync + 'static) {
        if self.first.set(Box::new(ear)).is_err() {
            tracing::error!("the changes have an ear already");
        }
    }

    /// Tells every listener.
    pub(crate) fn tell(&self, notice: Notice) {
        if let Some(ear) = self.first.get() {
            ear(&notice);
        }
        // No listener is no failure.
        let _ = self.notices.send(Arc::new(notice));
    }

    /// Hears everything that is told from now on.
    pub(crate) fn listen(&self) -> Listener {
        Listener(self.notices.subscribe())
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}

impl Listener {
    /// The next notice; `None` when nobody is left to tell any. May be dropped at any point without losing one.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(notice) => Some(Heard::Notice(notice)),
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "a listener was too slow for the changes");
                Some(Heard::Missed)
            }
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_listener_learns_that_it_missed_something() {
        let changes = Changes::new();
        let mut slow = changes.listen();
        for _ in 0..=WAITING_NOTICES {
            changes.tell(Notice::Account(Uuid::nil()));
        }
        assert_eq!(slow.next().await, Some(Heard::Missed));
        assert!(matches!(slow.next().await, Some(Heard::Notice(_))));
        drop(changes);
        while let Some(heard) = slow.next().await {
            assert!(matches!(heard, Heard::Notice(_)));
        }
    }

    #[test]
    fn the_case_of_hosts_and_shares_does_not_matter() {
        let key = |host, share| ShareKey::of(&Target::new(host, 445, share, "u", "p"));
        assert_eq!(key("NAS.local", "Data"), key("nas.LOCAL", "data"));
        assert_ne!(key("nas", "data"), key("nas", "other"));
    }
}
