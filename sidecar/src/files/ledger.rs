//! What a move between shares has copied, and therefore what it may delete.
//!
//! The source is never listed anew for deletion: what somebody saved or added while the copy was under way, and what
//! was left out of it, stays where it is. That also holds when both ends turn out to be one directory that two shares
//! lead to: what was copied has been replaced by its copy then, and is no longer what the ledger names.

use std::sync::{Mutex, PoisonError};

use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use causeway_smb::{Metadata, ShareError, ShareErrorKind, SharePool};

use super::tree::is_gone;
use crate::shares::fault;

/// The copied items in the order in which they can be deleted: what is in a directory before the directory.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Vec<(SharePath, Metadata)>>);

impl Ledger {
    /// Notes an item whose copy is complete; for a directory, after everything in it.
    pub(super) fn note(&self, path: &SharePath, found: &Metadata) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((path.clone(), found.clone()));
    }

    /// Deletes the noted items that are still what was copied.
    ///
    /// Faults: `Partial` when something had to stay, with how much.
    pub(super) async fn delete_sources(self, pool: &SharePool) -> Result<(), Fault> {
        let items = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut left = 0_u64;
        let mut failure = None;
        for (path, copied) in items {
            match delete_unchanged(pool, &path, &copied).await {
                Ok(true) => {}
                Ok(false) => left += 1,
                Err(error) => {
                    left += 1;
                    failure.get_or_insert(error);
                }
            }
        }
        if left == 0 {
            return Ok(());
        }
        let why = failure
            .map_or_else(|| "it changed or grew in the meantime".to_owned(), |error| fault(&error).message);
        let items = if left == 1 { "item" } else { "items" };
        Err(Fault::new(
            FaultCode::Partial,
            format!("Everything was copied, but {left} {items} of the source stayed: {why}"),
        ))
    }
}

/// Whether the item is gone afterwards. One that is no longer what was copied is left alone.
async fn delete_unchanged(pool: &SharePool, path: &SharePath, copied: &Metadata) -> Result<bool, ShareError> {
    let deleted = if copied.is_directory() {
        pool.delete_dir(path).await
    } else {
        match pool.stat_link(path).await {
            Ok(now) if now.version() == copied.version() => pool.delete_file(path).await,
            Ok(_) => return Ok(false),
            Err(error) => Err(error),
        }
    };
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if is_gone(error.kind()) => Ok(true),
        Err(error) if error.kind() == ShareErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => Err(error),
    }
}
