//! Copying and moving, within a connection or between two.
//!
//! The source is looked at before anything at the destination is touched, and what is there is replaced only when its
//! successor is complete: a file by a rename that replaces, a directory by renaming the old one aside first.

pub(super) mod arrival;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use causeway_internal::accounts::Account;
use causeway_internal::files::{ItemKind, TransferItem, TransferKind};
use causeway_internal::{Fault, FaultCode};
use causeway_locks::Reach;
use causeway_paths::{CaseRule, SharePath};
use causeway_smb::{Metadata, ShareErrorKind};

use self::arrival::{Arrival, is_moved};
use super::ledger::Ledger;
use super::progress::Reporter;
use super::sibling::Sibling;
use super::tree::{Copier, Tally, conflict, keep_permissions};
use super::{Files, Place, item_kind, making, new_name, parent_not_found};
use crate::changes::Deed;
use crate::completion::{Caller, with_its_caller};
use crate::locks::Pass;
use crate::shares::fault;

/// One copy or move, with both ends looked at.
struct Transfer {
    kind: TransferKind,
    from: Place,
    to: Place,
    found: Metadata,
    there: Option<Metadata>,
    /// Whether one server, share and user stand behind both ends, so that the server can do it by itself.
    same_target: bool,
    /// Leave to change the destination.
    arrival: Arrival,
    /// Between connections only.
    progress: Option<Arc<Reporter>>,
    caller: Caller,
}

impl Files {
    /// Copies or moves an item; returns when all of it is done.
    pub(crate) async fn transfer(&self, account: &Account, call: TransferItem) -> Result<(), Fault> {
        let from = match call.kind {
            TransferKind::Copy => self.readable(account, call.source_connection, call.source).await?,
            TransferKind::Move => self.writable(account, call.source_connection, call.source).await?,
        };
        let to = self.writable(account, call.dest_connection, call.dest).await?;
        if from.path.is_root() || to.path.is_root() {
            return Err(Fault::new(FaultCode::Invalid, "The share root cannot be copied, moved or replaced"));
        }
        new_name(&to)?;
        let mut arriving = self.locks.pass(account.id, &to, Reach::Tree)?;
        let mut leaving = match call.kind {
            TransferKind::Copy => None,
            TransferKind::Move => Some(self.locks.pass(account.id, &from, Reach::Tree)?),
        };
        // Half of two contents is not passed on, nor taken away from where it is put right.
        self.siblings.may_be_read(&from.lock_key()).await?;
        if call.kind == TransferKind::Move {
            self.siblings.may_be_saved(&from).await?;
        }
        let (siblings, turns) = (Arc::clone(&self.siblings), Arc::clone(&self.turns));
        let progress = (from.connection.id != to.connection.id)
            .then(|| Arc::new(Reporter::new(self.watches.clone(), &to)));
        with_its_caller(move |caller| async move {
            for pass in [Some(&mut arriving), leaving.as_mut()].into_iter().flatten() {
                pass.let_go().await;
            }
            let passes = (leaving.as_ref(), &arriving);
            let Some((found, there)) = prepare(call.kind, &from, &to, passes, call.overwrite).await? else {
                return Ok(());
            };
            let same_target = from.pool.target() == to.pool.target();
            let (kind, arrival) = (call.kind, Arrival::new(to.clone(), arriving, siblings, turns));
            let transfer = Transfer { kind, from, to, found, there, same_target, arrival, progress, caller };
            let outcome = transfer.run().await;
            transfer.tell(&outcome);
            drop(leaving);
            outcome
        })
        .await
    }
}

/// Looks at both ends. `None` when the move was a mere change of spelling and is done.
async fn prepare(
    kind: TransferKind,
    from: &Place,
    to: &Place,
    (leaving, arriving): (Option<&Pass>, &Pass),
    overwrite: bool,
) -> Result<Option<(Metadata, Option<Metadata>)>, Fault> {
    let found = from.stat_link().await?;
    let there = to.look_to_replace().await?;
    arriving.covers(to, there.as_ref()).await?;
    if let Some(leaving) = leaving {
        leaving.covers(from, Some(&found)).await?;
    }
    let kinship = kinship(from, to).await?;
    if let Some(there) = &there {
        if kinship.is_same(from, &found, to, there) {
            respell(kind, kinship, from, to).await?;
            from.tell_renamed(item_kind(&found), to);
            return Ok(None);
        }
        if there.is_directory() != found.is_directory() {
            return Err(Fault::new(
                FaultCode::KindMismatch,
                "A file cannot replace a directory, nor a directory a file",
            ));
        }
    }
    apart(kinship, from, &found, to, there.as_ref()).await?;
    if let Some(there) = &there
        && !overwrite
    {
        return Err(conflict(there.clone(), found));
    }
    Ok(Some((found, there)))
}

impl Transfer {
    /// Whether a directory is merged into the one that is there. Between connections it is; within one it is replaced.
    fn merges(&self) -> bool {
        self.from.connection.id != self.to.connection.id
            && self.there.as_ref().is_some_and(Metadata::is_directory)
    }

    /// Whether it is done by the server's own rename.
    fn renames(&self) -> bool {
        self.kind == TransferKind::Move && self.same_target && !self.merges()
    }

    /// Tells everybody what has become of both ends.
    fn tell(&self, outcome: &Result<(), Fault>) {
        let item = item_kind(&self.found);
        let moved = self.kind == TransferKind::Move;
        if outcome.is_err() {
            // What of it was done, who knows; a refusal at the very beginning costs the listeners a look.
            self.to.tell(item, Deed::Disturbed);
            if moved {
                self.from.tell(item, Deed::Disturbed);
            }
            return;
        }
        if self.merges() {
            self.to.tell(item, Deed::Disturbed);
        } else if self.renames() {
            if self.there.is_some() {
                self.to.tell(item, Deed::Removed);
            }
            self.from.tell_renamed(item, &self.to);
        } else {
            match (&self.there, item) {
                (Some(_), ItemKind::File) => self.to.tell(item, Deed::Written),
                (Some(_), ItemKind::Directory) => {
                    self.to.tell(item, Deed::Removed);
                    self.to.tell(item, Deed::Created);
                }
                (None, _) => self.to.tell(item, Deed::Created),
            }
        }
        if moved && !self.renames() {
            self.from.tell(item, Deed::Removed);
        }
        if let Some(progress) = &self.progress {
            progress.finish();
        }
    }

    async fn run(&self) -> Result<(), Fault> {
        if let Some(progress) = &self.progress {
            progress.begin((!self.found.is_directory()).then_some(self.found.size));
        }
        match self.kind {
            TransferKind::Move if self.renames() => self.rename().await,
            TransferKind::Copy => self.copy(None).await.map(drop),
            TransferKind::Move => match self.copy(Some(Ledger::default())).await? {
                Some(ledger) => ledger.delete_sources(&self.from.pool).await,
                None => Ok(()),
            },
        }
    }

    /// Moves by the server's own rename.
    async fn rename(&self) -> Result<(), Fault> {
        let replaced_directory = self.there.as_ref().is_some_and(Metadata::is_directory);
        if !replaced_directory {
            let replace = self.there.is_some();
            return match self.arrival.rename(&self.from.full, &self.found, &self.to, replace).await? {
                Ok(()) => Ok(()),
                Err(error) if error.kind() == ShareErrorKind::AlreadyExists => match self.to.look().await? {
                    Some(there) => Err(conflict(there, self.found.clone())),
                    None => Err(fault(&error)),
                },
                Err(error) => Err(making(&error)),
            };
        }
        self.replace_directory(&self.from.full).await
    }

    /// Puts the directory at `successor` in the destination's place: the old one goes aside, comes back when the
    /// successor cannot take its place, and is deleted only after it has.
    async fn replace_directory(&self, successor: &SharePath) -> Result<(), Fault> {
        let pool = &self.to.pool;
        let aside = self.arrival.siblings.for_old(&self.to).await?;
        if let Err(error) = pool.rename(&self.to.full, &aside.full, false).await {
            // With the answer lost it may have been done: the journal keeps it, and the sweep brings it back.
            if !error.outcome_unknown() {
                aside.settle().await;
            }
            return Err(match error.kind() {
                // The source was there a moment ago; it is the destination that somebody else has just moved.
                ShareErrorKind::NotFound => Fault::new(FaultCode::InUse, "The destination is being changed"),
                _ => fault(&error),
            });
        }
        let complete = pool.stat_link(successor).await;
        let mut placed = pool.rename(successor, &self.to.full, false).await.map(drop);
        if let Err(error) = &placed
            && error.outcome_unknown()
            && let Ok(complete) = complete
            && is_moved(successor, &complete, &self.to).await.unwrap_or(false)
        {
            placed = Ok(());
        }
        if let Err(error) = placed {
            match pool.rename(&aside.full, &self.to.full, false).await {
                Ok(_) => aside.settle().await,
                // The journal knows: the sweep brings it back.
                Err(error) => tracing::error!(?error, "a directory waits to be put back in its place"),
            }
            return Err(making(&error));
        }
        if let Err(fault) = aside.superseded().await {
            // It is in its place. Once the old directory is deleted nobody brings it back either.
            tracing::warn!(%fault, "the journal could not be written");
        }
        aside.discard(pool).await;
        Ok(())
    }

    /// Copies, and hands the ledger back with what was copied in it.
    async fn copy(&self, ledger: Option<Ledger>) -> Result<Option<Ledger>, Fault> {
        let copier = Copier {
            source: self.from.pool.clone(),
            dest: self.to.pool.clone(),
            arrival: &self.arrival,
            same_target: self.same_target,
            server_cannot: AtomicBool::new(false),
            tally: Tally::default(),
            ledger,
            progress: self.progress.clone(),
            // A merge changes the destination file by file, and is not left half done.
            caller: (!self.merges()).then(|| self.caller.clone()),
        };
        let holder = match self.from.full.parent() {
            Some(parent) if self.found.is_directory() => {
                self.from.pool.stat(&parent).await.map_err(|error| fault(&error))?.file_id
            }
            _ => 0,
        };
        let prefix = &self.from.connection.prefix;
        if self.merges() {
            copier
                .merge(&self.from.full, &self.found, holder, &self.to.full)
                .await
                .map_err(|stopped| stopped.into_fault("Copied", &copier.tally, prefix))?;
            return Ok(copier.ledger);
        }
        let sibling = self.arrival.siblings.for_new(&self.to).await?;
        if let Err(stopped) = copier.copy(&self.from.full, &self.found, holder, &sibling.full).await {
            sibling.discard(&self.to.pool).await;
            let mut refusal = stopped.into_fault("Copied", &copier.tally, prefix);
            if refusal.code == FaultCode::Partial {
                refusal.message.push_str("; the destination is as it was");
            } else if refusal.code == FaultCode::NotFound && self.from.look().await?.is_some() {
                refusal = parent_not_found();
            }
            return Err(refusal);
        }
        self.publish(sibling).await?;
        Ok(copier.ledger)
    }

    /// Puts the complete copy in its place.
    async fn publish(&self, sibling: Sibling) -> Result<(), Fault> {
        let replaced = self.there.as_ref();
        if replaced.is_some_and(Metadata::is_directory) {
            return match self.replace_directory(&sibling.full).await {
                Ok(()) => {
                    sibling.settle().await;
                    Ok(())
                }
                Err(refusal) => {
                    sibling.discard(&self.to.pool).await;
                    Err(refusal)
                }
            };
        }
        if replaced.is_some() {
            keep_permissions(&self.to.pool, &self.to.full, &sibling.full).await;
        }
        let error = match self.arrival.put(&sibling, &self.to, replaced.is_some()).await {
            Ok(Ok(())) => {
                sibling.settle().await;
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(refusal) => {
                sibling.discard(&self.to.pool).await;
                return Err(refusal);
            }
        };
        // If its answer was lost and it was renamed all the same, there is nothing to remove.
        sibling.discard(&self.to.pool).await;
        match (error.kind(), self.to.look().await?) {
            (ShareErrorKind::AlreadyExists, Some(there)) => Err(conflict(there, self.found.clone())),
            (ShareErrorKind::AccessDenied, Some(_)) => {
                Err(Fault::new(FaultCode::InUse, "The destination is in use or write-protected"))
            }
            _ => Err(making(&error)),
        }
    }
}

/// What two places have in common, by whatever name or user they are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kinship {
    /// One share: numbers and spellings mean the same on both.
    Share,
    /// Two shares of one server, which may well lead to the same directories: numbers mean the same, spellings not.
    Server,
    /// Nothing.
    None,
}

async fn kinship(from: &Place, to: &Place) -> Result<Kinship, Fault> {
    if from.connection.id == to.connection.id || from.pool.target() == to.pool.target() {
        return Ok(Kinship::Share);
    }
    let source = from.pool.server_identity().await.map_err(|error| fault(&error))?;
    let dest = to.pool.server_identity().await.map_err(|error| fault(&error))?;
    Ok(if source == dest {
        Kinship::Share
    } else if source.server_guid == dest.server_guid && source.server_guid != [0; 16] {
        Kinship::Server
    } else {
        Kinship::None
    })
}

impl Kinship {
    /// Whether two items that were looked at are one, by the server's number for it. Across shares, whose volumes may
    /// number alike, its birth has to agree too.
    fn same_number(self, one: &Metadata, other: &Metadata) -> bool {
        let numbered = one.file_id != 0 && one.file_id == other.file_id && one.kind == other.kind;
        numbered
            && match self {
                Self::Share => one.volume_id == other.volume_id,
                Self::Server => one.created == other.created,
                Self::None => false,
            }
    }

    /// Whether source and destination are one item.
    fn is_same(self, from: &Place, found: &Metadata, to: &Place, there: &Metadata) -> bool {
        let unnumbered = found.file_id == 0 || there.file_id == 0;
        let spelt_alike = self == Self::Share && unnumbered && canonical(&from.full) == canonical(&to.full);
        self.same_number(found, there) || spelt_alike
    }
}

fn canonical(path: &SharePath) -> causeway_paths::CanonicalKey {
    path.canonical_key(CaseRule::Insensitive)
}

/// Source and destination are one item. A move to another spelling of its name is a rename; all else is refused.
async fn respell(kind: TransferKind, kinship: Kinship, from: &Place, to: &Place) -> Result<(), Fault> {
    let respelled =
        kinship == Kinship::Share && from.full != to.full && canonical(&from.full) == canonical(&to.full);
    if kind == TransferKind::Move && respelled {
        return to.pool.rename(&from.full, &to.full, false).await.map(drop).map_err(|error| fault(&error));
    }
    Err(Fault::new(FaultCode::SameItem, "Source and destination paths must be different"))
}

/// Refuses to put a directory into itself, and to replace a directory by something that lies within it. Spelling tells
/// the plain cases; the server's numbers tell those that go by another spelling.
async fn apart(
    kinship: Kinship,
    from: &Place,
    found: &Metadata,
    to: &Place,
    there: Option<&Metadata>,
) -> Result<(), Fault> {
    if kinship == Kinship::None {
        return Ok(());
    }
    let into_itself = || Fault::new(FaultCode::IntoItself, "Cannot copy or move a directory into itself");
    if found.is_directory() && within(kinship, to, &from.full, found).await? {
        return Err(into_itself());
    }
    if let Some(there) = there
        && there.is_directory()
        && within(kinship, from, &to.full, there).await?
    {
        return Err(Fault::new(
            FaultCode::IntoItself,
            "A directory cannot be replaced by something within it",
        ));
    }
    Ok(())
}

/// Whether `inner` lies below the directory `outer`.
async fn within(
    kinship: Kinship,
    inner: &Place,
    outer: &SharePath,
    outer_found: &Metadata,
) -> Result<bool, Fault> {
    let key = canonical(&inner.full);
    if kinship == Kinship::Share && key != canonical(outer) && key.is_within(&canonical(outer)) {
        return Ok(true);
    }
    if outer_found.file_id == 0 {
        return Ok(false);
    }
    let mut ancestor = inner.full.parent();
    while let Some(path) = ancestor.filter(|path| !path.is_root()) {
        match inner.pool.stat(&path).await {
            Ok(found) if kinship.same_number(&found, outer_found) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ShareErrorKind::NotFound => return Err(parent_not_found()),
            Err(error) => return Err(making(&error)),
        }
        ancestor = path.parent();
    }
    Ok(false)
}
