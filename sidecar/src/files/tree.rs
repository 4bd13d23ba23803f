//! Whole trees: deleting them, copying them, and saying how far that got.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use causeway_internal::{Fault, FaultCode};
use causeway_paths::{SharePath, TempName};
use causeway_smb::{Metadata, ReadAhead, ShareError, ShareErrorKind, SharePool};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

use super::ledger::Ledger;
use super::progress::Reporter;
use super::transfer::arrival::Arrival;
use super::{Place, item};
use crate::completion::Caller;
use crate::shares::fault;

/// Requests of one recursive operation under way at once: enough to hide the server's answer times, few enough to
/// leave the sessions to others too.
const REQUESTS_AT_ONCE: usize = 8;

/// How long is waited, again and again, for watchers to let go of a directory that has been deleted. They are told at
/// once, and need two round trips.
const LETTING_GO: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(150),
    Duration::from_millis(400),
];

/// How much of a recursive operation is done.
#[derive(Default)]
pub(super) struct Tally(AtomicU64);

impl Tally {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn done(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a recursive operation stopped, and why.
pub(super) struct Stopped {
    at: SharePath,
    why: Why,
}

enum Why {
    Share(ShareError),
    Refused(Box<Fault>),
}

impl Stopped {
    pub(super) fn by(at: &SharePath, error: ShareError) -> Self {
        Self { at: at.clone(), why: Why::Share(error) }
    }

    fn refused(at: &SharePath, code: FaultCode, reason: &'static str) -> Self {
        Self::because(at, Fault::new(code, reason))
    }

    fn because(at: &SharePath, fault: Fault) -> Self {
        Self { at: at.clone(), why: Why::Refused(Box::new(fault)) }
    }

    /// The plain fault when nothing had been done yet; otherwise `Partial` with what was done and what stopped it.
    /// `done` is the verb ("Deleted"); `prefix` is the connection's, which no client sees.
    pub(super) fn into_fault(self, done: &str, tally: &Tally, prefix: &SharePath) -> Fault {
        let cause = match self.why {
            Why::Share(error) => fault(&error),
            Why::Refused(fault) => *fault,
        };
        let count = tally.done();
        if count == 0 {
            return cause;
        }
        let at = self.at.strip_prefix(prefix).unwrap_or(self.at);
        let items = if count == 1 { "item" } else { "items" };
        Fault::new(
            FaultCode::Partial,
            format!("{done} {count} {items}, then stopped at '{at}': {}", cause.message),
        )
    }
}

/// Deletes an item with everything below it, deepest first. What somebody else deleted in the meantime counts as
/// deleted.
///
/// Links are deleted, never followed, also those that the server follows without a word (Samba does so within a share
/// unless told `follow symlinks = no`): what is behind them is not below the item.
pub(super) async fn delete_whole(
    pool: &SharePool,
    path: &SharePath,
    found: &Metadata,
    tally: &Tally,
) -> Result<(), Stopped> {
    let stopped = |error| Stopped::by(path, error);
    if found.is_link || !found.is_directory() {
        return delete_item(pool, path, found, 0, tally).await;
    }
    let parent = path.parent().unwrap_or_else(SharePath::root);
    let holder = pool.stat(&parent).await.map_err(stopped)?.file_id;
    // Two names for one directory side by side: one is a link, and `..` is the same behind both.
    let beside = pool.list(&parent).await.map_err(stopped)?;
    let named_twice = beside.iter().filter(|entry| entry.file_id == found.file_id).count() > 1;
    if found.file_id != 0 && named_twice && delete_link_unseen(pool, path).await.map_err(stopped)? {
        tally.count();
        return Ok(());
    }
    delete_item(pool, path, found, holder, tally).await
}

/// `holder` is the number of the directory that the item was found in, 0 if it is not known.
fn delete_item<'a>(
    pool: &'a SharePool,
    path: &'a SharePath,
    found: &'a Metadata,
    holder: u64,
    tally: &'a Tally,
) -> BoxFuture<'a, Result<(), Stopped>> {
    Box::pin(async move {
        let deleted = if found.is_link {
            pool.delete_link(path).await
        } else if found.is_directory() {
            delete_directory(pool, path, found, holder, tally).await?
        } else {
            pool.delete_file(path).await
        };
        match deleted {
            Ok(()) => {}
            Err(error) if is_gone(error.kind()) => {}
            Err(error) if error.outcome_unknown() => match pool.stat(path).await {
                Err(look) if is_gone(look.kind()) => {}
                _ => return Err(Stopped::by(path, error)),
            },
            Err(error) => return Err(Stopped::by(path, error)),
        }
        tally.count();
        Ok(())
    })
}

/// Deletes a directory from which everything has just been deleted. What somebody watches or has open in it is gone only
/// when he has let go of it; those who watch do so as soon as they are told.
async fn delete_emptied(pool: &SharePool, path: &SharePath) -> Result<(), ShareError> {
    for wait in LETTING_GO {
        match pool.delete_dir(path).await {
            Err(error) if error.kind() == ShareErrorKind::DirectoryNotEmpty => tokio::time::sleep(wait).await,
            outcome => return outcome,
        }
    }
    pool.delete_dir(path).await
}

/// Empties a directory and asks the server to delete it; of a link to a directory, deletes the link.
async fn delete_directory(
    pool: &SharePool,
    path: &SharePath,
    found: &Metadata,
    holder: u64,
    tally: &Tally,
) -> Result<Result<(), ShareError>, Stopped> {
    let (entries, dots) = match pool.list_with_dots(path).await {
        Ok(listed) => listed,
        Err(error) if is_gone(error.kind()) => return Ok(Err(error)),
        Err(error) => return Err(Stopped::by(path, error)),
    };
    if dots.lead_elsewhere(found.file_id, holder) {
        return match delete_link_unseen(pool, path).await {
            Ok(true) => Ok(Ok(())),
            Ok(false) => Err(Stopped::refused(
                path,
                FaultCode::Conflict,
                "A link to another directory stands here and cannot be deleted through the server",
            )),
            Err(error) => Err(Stopped::by(path, error)),
        };
    }
    let (directories, files): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.is_directory() && !entry.is_link);
    let mut names: HashMap<u64, u32> = HashMap::new();
    for entry in &directories {
        *names.entry(entry.file_id).or_default() += 1;
    }
    // First of all the links among several names of one directory: when that is gone they lead nowhere, and the server
    // neither shows them nor lets their names be taken.
    let mut own_names = Vec::with_capacity(directories.len());
    for entry in directories {
        let child = child(path, &entry)?;
        let named_twice = entry.file_id != 0 && names.get(&entry.file_id).is_some_and(|names| *names > 1);
        if named_twice
            && delete_link_unseen(pool, &child).await.map_err(|error| Stopped::by(&child, error))?
        {
            tally.count();
        } else {
            own_names.push((child, entry));
        }
    }
    // One directory after the other, so that the bound is on the whole operation and not on each level.
    for (child, entry) in &own_names {
        delete_item(pool, child, entry, dots.own, tally).await?;
    }
    futures::stream::iter(files.into_iter().map(Ok::<_, Stopped>))
        .try_for_each_concurrent(REQUESTS_AT_ONCE, |entry| async move {
            delete_item(pool, &child(path, &entry)?, &entry, 0, tally).await
        })
        .await?;
    Ok(delete_emptied(pool, path).await)
}

/// Deletes the link that the server follows at `path`; `false` when the server lets nothing take its name, because it is
/// a directory.
async fn delete_link_unseen(pool: &SharePool, path: &SharePath) -> Result<bool, ShareError> {
    let name = TempName::from_uuid_bytes(uuid::Uuid::new_v4().into_bytes()).to_entry_name();
    let temporary = path.parent().unwrap_or_else(SharePath::root).join(&name);
    let temporary = temporary.map_err(|_| ShareError::new(ShareErrorKind::NameInvalid))?;
    match pool.delete_followed_link(path, &temporary).await {
        Ok(()) => Ok(true),
        Err(error) if error.outcome_unknown() => Err(error),
        Err(error) if error.kind() == ShareErrorKind::Protocol => Err(error),
        Err(_) => Ok(false),
    }
}

/// Waits a moment for a deleted directory to be gone from listings: it is there, and cannot be opened, until the last
/// watcher has let go of it.
pub(super) async fn see_it_gone(pool: &SharePool, path: &SharePath) {
    for wait in LETTING_GO {
        match pool.stat_link(path).await {
            Err(error) if error.kind() == ShareErrorKind::DeletePending => tokio::time::sleep(wait).await,
            _ => return,
        }
    }
}

pub(super) fn is_gone(kind: ShareErrorKind) -> bool {
    matches!(kind, ShareErrorKind::NotFound | ShareErrorKind::PathNotFound | ShareErrorKind::DeletePending)
}

/// The path of a listed entry. A name that our own rules refuse (a server that allows more) stops the operation.
fn child(path: &SharePath, entry: &Metadata) -> Result<SharePath, Stopped> {
    path.child(&entry.name).map_err(|_| {
        Stopped::refused(
            path,
            FaultCode::NameRefused,
            "An item in this directory has a name that cannot be used",
        )
    })
}

/// Copies between two pools, or within one.
pub(super) struct Copier<'t> {
    /// Pool of the source.
    pub(super) source: SharePool,
    /// Pool of the destination.
    pub(super) dest: SharePool,
    /// Leave to replace what is at the destination.
    pub(super) arrival: &'t Arrival,
    /// Whether the server can copy by itself: one server, one share, one user.
    pub(super) same_target: bool,
    /// Set when the server turned out not to be able to.
    pub(super) server_cannot: AtomicBool,
    /// How much is done.
    pub(super) tally: Tally,
    /// For a move: what was copied and may go afterwards.
    pub(super) ledger: Option<Ledger>,
    /// Told how far each file is.
    pub(super) progress: Option<Arc<Reporter>>,
    /// Who waits for it, where the copy can be given up without leaving anything.
    pub(super) caller: Option<Caller>,
}

impl Copier<'_> {
    /// Copies an item to a path where nothing is, with its times, attributes and named streams. What is there
    /// afterwards is complete or, after a failure, for the caller to delete. `holder` is the number of the directory
    /// that the item was found in, 0 if it is not known.
    pub(super) fn copy<'a>(
        &'a self,
        from: &'a SharePath,
        found: &'a Metadata,
        holder: u64,
        to: &'a SharePath,
    ) -> BoxFuture<'a, Result<(), Stopped>> {
        Box::pin(async move {
            self.may_copy(from, found)?;
            if found.is_directory() {
                self.dest.create_dir(to).await.map_err(|error| Stopped::by(from, error))?;
                self.copy_entries((from, found, holder), to, |child_from, entry, child_to| async move {
                    self.copy(&child_from, &entry, found.file_id, &child_to).await
                })
                .await?;
                self.note(from, found);
                self.make_like(from, found, to).await?;
            } else {
                self.copy_file(from, found, to).await?;
            }
            self.tally.count();
            Ok(())
        })
    }

    fn may_copy(&self, from: &SharePath, found: &Metadata) -> Result<(), Stopped> {
        if found.is_link {
            return Err(Stopped::refused(from, FaultCode::Conflict, "Links cannot be copied"));
        }
        if self.caller.as_ref().is_some_and(Caller::is_gone) {
            return Err(given_up(from));
        }
        Ok(())
    }

    async fn copy_file(&self, from: &SharePath, found: &Metadata, to: &SharePath) -> Result<(), Stopped> {
        let key = Place::key_on(&self.source, from);
        self.arrival.siblings.may_be_read(&key).await.map_err(|fault| Stopped::because(from, fault))?;
        if self.ledger.is_some() {
            self.copy_still(from, to, found.size).await?;
        } else {
            self.copy_while_wanted(from, to, found.size).await?;
        }
        self.make_like(from, found, to).await
    }

    /// Carries over what an item has beside its content. Last, because filling a directory moves its times.
    async fn make_like(&self, from: &SharePath, found: &Metadata, to: &SharePath) -> Result<(), Stopped> {
        if let Err(error) = self.source.copy_streams(from, &self.dest, to).await {
            tracing::debug!(?error, "not all named streams could be copied");
        }
        self.dest.make_like(to, found).await.map(drop).map_err(|error| Stopped::by(from, error))
    }

    fn note(&self, from: &SharePath, found: &Metadata) {
        if let Some(ledger) = &self.ledger {
            ledger.note(from, found);
        }
    }

    /// Copies a file's content that must not change meanwhile, because the file is to go afterwards.
    async fn copy_still(&self, from: &SharePath, to: &SharePath, size: u64) -> Result<(), Stopped> {
        let stopped = |error| Stopped::by(from, error);
        let before = self.source.stat_link(from).await.map_err(stopped)?;
        self.copy_while_wanted(from, to, size).await?;
        let after = self.source.stat_link(from).await.map_err(stopped)?;
        if before.version() != after.version() {
            return Err(Stopped::refused(
                from,
                FaultCode::Conflict,
                "The file changed while it was being moved",
            ));
        }
        self.note(from, &after);
        Ok(())
    }

    /// Copies a directory's entries into a directory that is there already: directories are merged, files replaced one
    /// by one, each in one step.
    pub(super) fn merge<'a>(
        &'a self,
        from: &'a SharePath,
        found: &'a Metadata,
        holder: u64,
        to: &'a SharePath,
    ) -> BoxFuture<'a, Result<(), Stopped>> {
        let entries =
            self.copy_entries((from, found, holder), to, move |child_from, entry, child_to| async move {
                let there = match self.dest.stat(&child_to).await {
                    Ok(there) => Some(there),
                    Err(error) if is_gone(error.kind()) => None,
                    Err(error) => return Err(Stopped::by(&child_from, error)),
                };
                match there {
                    None => self.copy(&child_from, &entry, found.file_id, &child_to).await,
                    Some(there) if there.is_directory() != entry.is_directory() => Err(Stopped::refused(
                        &child_from,
                        FaultCode::KindMismatch,
                        "A file and a directory of the same name stand against each other",
                    )),
                    Some(_) if entry.is_directory() => {
                        self.merge(&child_from, &entry, found.file_id, &child_to).await
                    }
                    Some(_) => self.replace(&child_from, &entry, &child_to).await,
                }
            });
        Box::pin(async move {
            entries.await?;
            self.note(from, found);
            Ok(())
        })
    }

    /// Copies one file over another: beside it first, then in its place in one step.
    async fn replace(&self, from: &SharePath, found: &Metadata, to: &SharePath) -> Result<(), Stopped> {
        self.may_copy(from, found)?;
        let because = |fault| Stopped::because(from, fault);
        let place = self.arrival.at(to).map_err(because)?;
        // Asked again at the last moment; nobody copies much in vain.
        self.arrival.permit(&place).await.map_err(because)?;
        let sibling = self.arrival.siblings.for_new(&place).await.map_err(because)?;
        let placed = async {
            self.copy_file(from, found, &sibling.full).await?;
            keep_permissions(&self.dest, to, &sibling.full).await;
            let put = self.arrival.put(&sibling, &place, true).await.map_err(because)?;
            put.map_err(|error| Stopped::by(from, error))
        }
        .await;
        if placed.is_ok() {
            sibling.settle().await;
            self.tally.count();
        } else {
            sibling.discard(&self.dest).await;
        }
        placed
    }

    async fn copy_entries<'a, F>(
        &'a self,
        (from, found, holder): (&'a SharePath, &'a Metadata, u64),
        to: &'a SharePath,
        each: impl Fn(SharePath, Metadata, SharePath) -> F + Send + Sync + 'a,
    ) -> Result<(), Stopped>
    where
        F: Future<Output = Result<(), Stopped>> + Send + 'a,
    {
        let (entries, dots) =
            self.source.list_with_dots(from).await.map_err(|error| Stopped::by(from, error))?;
        if self.ledger.is_some() && dots.lead_elsewhere(found.file_id, holder) {
            // What is behind it belongs to another place, and would be deleted there.
            return Err(Stopped::refused(
                from,
                FaultCode::Conflict,
                "Links cannot be moved to another share",
            ));
        }
        let each = &each;
        for entry in entries {
            // Somebody's half-finished upload is no part of the tree.
            if TempName::parse(&entry.name).is_some() {
                continue;
            }
            let child_from = child(from, &entry)?;
            let child_to = to.child(&entry.name).map_err(|_| {
                Stopped::refused(
                    &child_from,
                    FaultCode::NameRefused,
                    "The path at the destination is too long",
                )
            })?;
            each(child_from, entry, child_to).await?;
        }
        Ok(())
    }

    fn report(&self, bytes: u64, size: u64) {
        if let Some(progress) = &self.progress {
            progress.report(bytes, Some(size));
        }
    }

    /// Copies a file's content unless and until nobody waits for it any more; what is there then goes away by itself.
    async fn copy_while_wanted(&self, from: &SharePath, to: &SharePath, size: u64) -> Result<(), Stopped> {
        let copied = self.copy_content(from, to, size);
        let outcome = match &self.caller {
            None => copied.await,
            Some(caller) => tokio::select! {
                outcome = copied => outcome,
                () = caller.gone() => return Err(given_up(from)),
            },
        };
        outcome.map_err(|error| Stopped::by(from, error))
    }

    /// `size` is what the file had when it was listed.
    async fn copy_content(&self, from: &SharePath, to: &SharePath, size: u64) -> Result<(), ShareError> {
        if self.same_target && !self.server_cannot.load(Ordering::Relaxed) {
            match self.dest.server_copy(from, to, |bytes| self.report(bytes, size)).await {
                Err(error) if error.kind() == ShareErrorKind::NotSupported => {
                    self.server_cannot.store(true, Ordering::Relaxed);
                }
                outcome => return outcome.map(|_| ()),
            }
        }
        let source = self.source.open_read(from).await?;
        let size = source.metadata().size;
        let mut content = source.stream(0..size, ReadAhead::default());
        let mut dest = self.dest.create_for_write(to).await?;
        let mut copied = 0;
        while let Some(piece) = content.next().await {
            let piece = piece?;
            copied += piece.len() as u64;
            dest.write(piece).await?;
            self.report(copied, size);
        }
        dest.finish().await?;
        Ok(())
    }
}

fn given_up(at: &SharePath) -> Stopped {
    Stopped::refused(at, FaultCode::Conflict, "The request was given up")
}

/// Gives the successor of a file its permissions: they belong to the place, not to the content that is put there.
pub(super) async fn keep_permissions(pool: &SharePool, old: &SharePath, successor: &SharePath) {
    if let Err(error) = pool.inherit_permissions(old, successor).await {
        tracing::debug!(?error, "the permissions of a replaced file could not be carried over");
    }
}

/// The conflict of two items, for the people who are to decide.
pub(super) fn conflict(existing: Metadata, incoming: Metadata) -> Fault {
    Fault::new(FaultCode::DestinationExists, "The destination already exists")
        .between(item(existing), item(incoming))
}
