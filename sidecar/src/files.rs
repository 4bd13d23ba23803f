//! Everything that is done to items on a share.
//!
//! Each operation begins with a [`Place`]: a path of a connection that the caller may use, resolved to its pool and to
//! the path on the share. Operations that change something run to their end in a task of their own once they have
//! begun to, so that a client that goes away cannot leave half of a replacement behind. What only fills a temporary
//! sibling, in an upload or a copy, ends with its client.

mod already;
mod content;
mod create;
mod delete;
mod doubts;
mod edit;
mod in_place;
mod ledger;
mod list;
mod page;
mod progress;
mod publish;
mod read;
mod recovery;
mod save;
mod sibling;
#[cfg(test)]
mod tests;
mod transfer;
mod tree;
mod write;

use std::sync::Arc;
use std::time::Duration;

use causeway_internal::accounts::Account;
use causeway_internal::files::{GetInfo, ItemInfo, ItemKind};
use causeway_internal::{Fault, FaultCode, Principal};
use causeway_locks::LockKey;
use causeway_paths::{CaseRule, EntryName, SharePath, TempName};
use causeway_smb::{EntryKind, Metadata, ShareError, ShareErrorKind, SharePool};
use uuid::Uuid;

use self::list::Listings;
pub(crate) use self::sibling::Siblings;
use crate::accounts::Accounts;
use crate::changes::{Change, Changes, Deed, Notice, ShareKey};
use crate::connections::{Connections, ResolvedConnection};
use crate::index::Indexes;
use crate::locks::Locks;
use crate::shares::{Shares, fault};
use crate::turn::Turns;
use crate::watches::Watches;

/// How long a replacement may leave a name without a file, seen through the server: two system calls and a scheduler.
const SECOND_LOOK: Duration = Duration::from_millis(20);

/// How long is waited, again and again, for somebody who is just closing a file that has been deleted.
const CLOSING: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(160)];

/// The operations, with what they need.
#[derive(Clone)]
pub(crate) struct Files {
    accounts: Arc<Accounts>,
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    siblings: Arc<Siblings>,
    changes: Changes,
    watches: Watches,
    indexes: Indexes,
    turns: Arc<Turns>,
    locks: Locks,
    listings: Arc<Listings>,
}

/// A path of a connection, resolved.
#[derive(Clone)]
pub(crate) struct Place {
    /// The connection.
    pub(crate) connection: Arc<ResolvedConnection>,
    /// Its sessions.
    pub(crate) pool: SharePool,
    /// Path below the connection's prefix: what the caller said.
    pub(crate) path: SharePath,
    /// Path on the share.
    pub(crate) full: SharePath,
    /// Told of what is done to it.
    pub(crate) changes: Changes,
}

impl Place {
    /// The same connection at another path.
    fn at(&self, path: SharePath) -> Result<Self, Fault> {
        let full = below(&self.connection, &path)?;
        Ok(Self { path, full, ..self.clone() })
    }

    /// The item here, whatever its path is spelled like and whichever connection leads to it.
    pub(crate) fn lock_key(&self) -> LockKey {
        Self::key_on(&self.pool, &self.full)
    }

    /// The same for a path from the root of a share.
    pub(crate) fn key_on(pool: &SharePool, full: &SharePath) -> LockKey {
        lock_key(&ShareKey::of(pool.target()), full)
    }

    /// The same for a path from the root of a connection's share.
    fn key_at(connection: &ResolvedConnection, full: &SharePath) -> LockKey {
        lock_key(&ShareKey::new(&connection.host, connection.port, &connection.share), full)
    }

    /// The share that a connection leads to, as keys name it.
    fn share_of(connection: &ResolvedConnection) -> String {
        Self::key_at(connection, &SharePath::root()).share
    }

    /// The same without a session. Fault: `Invalid` for a path that is too long.
    pub(crate) fn key_of(connection: &ResolvedConnection, path: &SharePath) -> Result<LockKey, Fault> {
        Ok(Self::key_at(connection, &below(connection, path)?))
    }

    /// What is there; `None` when nothing is. Fault: `ParentNotFound` when even the directory is missing.
    pub(crate) async fn look(&self) -> Result<Option<Metadata>, Fault> {
        there(self.pool.stat(&self.full).await)
    }

    /// The same, before something is put there. Fault: `InUse` when what is there is being deleted and somebody still has it
    /// open. The name is not free until he closes it, and Samba 4.17 then deletes whatever has the name: also a file that was
    /// renamed over it meanwhile, which it does not refuse.
    pub(crate) async fn look_to_replace(&self) -> Result<Option<Metadata>, Fault> {
        for wait in CLOSING {
            match self.pool.stat(&self.full).await {
                Err(error) if error.kind() == ShareErrorKind::DeletePending => tokio::time::sleep(wait).await,
                looked => return there(looked),
            }
        }
        Err(being_deleted())
    }

    /// What is there. Fault: `NotFound`.
    async fn stat(&self) -> Result<Metadata, Fault> {
        twice(|| self.pool.stat(&self.full)).await.map_err(|error| missing(&error))
    }

    /// What is there, a link itself and not what it leads to. Fault: `NotFound`.
    async fn stat_link(&self) -> Result<Metadata, Fault> {
        self.pool.stat_link(&self.full).await.map_err(|error| missing(&error))
    }

    /// Tells everybody what was done to the item here.
    fn tell(&self, item: ItemKind, deed: Deed) {
        self.changes.tell(Notice::Item(Change {
            connection: self.connection.id,
            share: ShareKey::of(self.pool.target()),
            path: self.full.clone(),
            item,
            deed,
        }));
    }

    /// Tells everybody that the item is at the other place of the same share now.
    fn tell_renamed(&self, item: ItemKind, to: &Self) {
        self.tell(item, Deed::Renamed { to: to.full.clone() });
        if self.pool.target() != to.pool.target() {
            // One share by two names: who knows only the other one hears of it, too.
            to.tell(item, Deed::Disturbed);
        }
    }
}

impl Files {
    pub(crate) fn new(
        accounts: Arc<Accounts>,
        (connections, shares): (Arc<Connections>, Arc<Shares>),
        siblings: Arc<Siblings>,
        changes: Changes,
        watches: Watches,
        indexes: Indexes,
        (locks, turns): (Locks, Arc<Turns>),
    ) -> Self {
        let listings = Arc::default();
        Self { accounts, connections, shares, siblings, changes, watches, indexes, turns, locks, listings }
    }

    /// Information on one item.
    pub(crate) async fn info(&self, account: &Account, call: GetInfo) -> Result<ItemInfo, Fault> {
        let place = self.readable(account, call.connection, call.path).await?;
        Ok(item(place.stat().await?))
    }

    /// A place that the account may read.
    async fn readable(&self, account: &Account, connection: Uuid, path: SharePath) -> Result<Place, Fault> {
        let connection = self.connections.resolve(account, connection).await?;
        let pool = self.shares.pool(&connection);
        let full = below(&connection, &path)?;
        Ok(Place { connection, pool, path, full, changes: self.changes.clone() })
    }

    /// Whether the user may still write there.
    async fn still_writable(&self, principal: Principal, connection: Uuid) -> Result<(), Fault> {
        let account = self.accounts.authorize(principal).await?;
        let connection = self.connections.resolve(&account, connection).await?;
        self.connections.require_write(&account, &connection)
    }

    /// A place that the account may write.
    async fn writable(&self, account: &Account, connection: Uuid, path: SharePath) -> Result<Place, Fault> {
        let place = self.readable(account, connection, path).await?;
        self.connections.require_write(account, &place.connection)?;
        Ok(place)
    }
}

fn lock_key(share: &ShareKey, full: &SharePath) -> LockKey {
    LockKey { share: share.text(), path: full.canonical_key(CaseRule::Insensitive) }
}

fn below(connection: &ResolvedConnection, path: &SharePath) -> Result<SharePath, Fault> {
    path.under(&connection.prefix).map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))
}

fn there(looked: Result<Metadata, ShareError>) -> Result<Option<Metadata>, Fault> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            ShareErrorKind::NotFound | ShareErrorKind::DeletePending => Ok(None),
            ShareErrorKind::PathNotFound | ShareErrorKind::NotADirectory => Err(parent_not_found()),
            _ => Err(fault(&error)),
        },
    }
}

fn being_deleted() -> Fault {
    Fault::new(FaultCode::InUse, "The file is being deleted, and somebody still has it open")
}

fn parent_not_found() -> Fault {
    Fault::new(FaultCode::ParentNotFound, "The directory does not exist")
}

/// Looks again, a moment later, when nothing was found.
///
/// While a file is being replaced, Samba 4.17 can answer that there is none: it finds the old file by its name and then
/// opens what has the name by now. Nobody is to be told that a file is missing because somebody is saving it.
async fn twice<T, F>(look: impl Fn() -> F) -> Result<T, ShareError>
where
    F: Future<Output = Result<T, ShareError>>,
{
    match look().await {
        Err(error) if matches!(error.kind(), ShareErrorKind::NotFound | ShareErrorKind::DeletePending) => {
            tokio::time::sleep(SECOND_LOOK).await;
            look().await
        }
        outcome => outcome,
    }
}

/// Refuses names that new items cannot have: by the rules of names, and because they are those of our own temporary
/// siblings, which listings hide and the janitor removes.
fn new_name(place: &Place) -> Result<(), Fault> {
    let name = place.path.name().unwrap_or_default();
    EntryName::parse(name).map_err(|error| Fault::new(FaultCode::NameRefused, error.to_string()))?;
    if TempName::parse(name).is_some() {
        return Err(Fault::new(FaultCode::NameRefused, "This name is reserved for temporary files"));
    }
    Ok(())
}

/// A failure to look at something: with a file on the way to it, it is not there either.
fn missing(error: &ShareError) -> Fault {
    match error.kind() {
        ShareErrorKind::NotADirectory => Fault::new(FaultCode::NotFound, "The item does not exist"),
        _ => fault(error),
    }
}

/// A failure to make something: a missing directory is the parent, not the item.
fn making(error: &ShareError) -> Fault {
    match error.kind() {
        ShareErrorKind::PathNotFound | ShareErrorKind::NotADirectory => parent_not_found(),
        ShareErrorKind::DeletePending => being_deleted(),
        _ => fault(error),
    }
}

/// The internal API's form of what the server said.
fn item(metadata: Metadata) -> ItemInfo {
    ItemInfo {
        kind: item_kind(&metadata),
        name: metadata.name,
        size: metadata.size,
        created: metadata.created,
        modified: metadata.modified,
        changed: metadata.changed,
        attributes: metadata.attributes,
        file_id: metadata.file_id,
    }
}

fn item_kind(metadata: &Metadata) -> ItemKind {
    match metadata.kind {
        EntryKind::File => ItemKind::File,
        EntryKind::Directory => ItemKind::Directory,
    }
}
