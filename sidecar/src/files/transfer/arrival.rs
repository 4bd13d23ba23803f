//! [`Arrival`]: what was copied or moved takes the place of a file.

use std::sync::Arc;

use causeway_internal::Fault;
use causeway_paths::SharePath;
use causeway_smb::{Metadata, ShareError, ShareErrorKind};

use crate::files::publish::{ATTEMPTS, PAUSE};
use crate::files::sibling::Sibling;
use crate::files::tree::is_gone;
use crate::files::{Place, Siblings};
use crate::locks::Pass;
use crate::turn::Turns;

/// Leave to put files in places at and below a destination.
pub(in crate::files) struct Arrival {
    to: Place,
    pass: Pass,
    /// For what stands beside those places meanwhile.
    pub(in crate::files) siblings: Arc<Siblings>,
    turns: Arc<Turns>,
}

impl Arrival {
    /// With leave for the tree at `to`.
    pub(super) fn new(to: Place, pass: Pass, siblings: Arc<Siblings>, turns: Arc<Turns>) -> Self {
        Self { to, pass, siblings, turns }
    }

    /// The place at a path of the destination's share.
    pub(in crate::files) fn at(&self, full: &SharePath) -> Result<Place, Fault> {
        let path = full.strip_prefix(&self.to.connection.prefix);
        self.to.at(path.unwrap_or_else(|| full.clone()))
    }

    /// Whether what is at a place now may be replaced. Faults: `Locked` when it is a file that somebody else has locked by
    /// another way to it; `Busy` while an earlier replacement is not over; `InUse` when it is being deleted.
    pub(in crate::files) async fn permit(&self, place: &Place) -> Result<(), Fault> {
        self.siblings.may_be_saved(place).await?;
        let there = place.look_to_replace().await?;
        self.pass.covers(place, there.as_ref()).await
    }

    /// Puts what is complete in a temporary sibling in its place, with `replace` over the file there. What is not placed
    /// is still in the sibling, unless the answer was lost.
    ///
    /// Faults: those of [`permit`](Self::permit), and `Busy` when its turn does not come.
    pub(in crate::files) async fn put(
        &self,
        sibling: &Sibling,
        place: &Place,
        replace: bool,
    ) -> Result<Result<(), ShareError>, Fault> {
        let complete = place.pool.stat_link(&sibling.full).await;
        let _turn = self.turns.take(&place.lock_key()).await?;
        let renamed = self.rename_over(&sibling.full, place, replace).await?;
        let Err(error) = renamed else { return Ok(Ok(())) };
        if error.outcome_unknown() {
            sibling.may_replace(place).await;
            if let Ok(complete) = complete
                && is_moved(&sibling.full, &complete, place).await?
            {
                return Ok(Ok(()));
            }
        }
        Ok(Err(error))
    }

    /// Moves an item of the same share to a place, with `replace` over the file there; `found` is the item as it was looked
    /// at. Faults: those of [`put`](Self::put).
    pub(super) async fn rename(
        &self,
        from: &SharePath,
        found: &Metadata,
        place: &Place,
        replace: bool,
    ) -> Result<Result<(), ShareError>, Fault> {
        let _turn = self.turns.take(&place.lock_key()).await?;
        let renamed = self.rename_over(from, place, replace).await?;
        let Err(error) = renamed else { return Ok(Ok(())) };
        let is_done = error.outcome_unknown() && is_moved(from, found, place).await?;
        Ok(if is_done { Ok(()) } else { Err(error) })
    }

    /// Renames within the turn. The file that is replaced may be open for a moment because somebody looks at it.
    async fn rename_over(
        &self,
        successor: &SharePath,
        place: &Place,
        replace: bool,
    ) -> Result<Result<(), ShareError>, Fault> {
        let mut attempt = 1;
        loop {
            if replace {
                self.permit(place).await?;
            } else {
                // What lands late lands on a free place as well.
                self.siblings.may_be_saved(place).await?;
            }
            match place.pool.rename(successor, &place.full, replace).await {
                Err(error)
                    if replace
                        && attempt < ATTEMPTS
                        && matches!(error.kind(), ShareErrorKind::AccessDenied | ShareErrorKind::InUse) =>
                {
                    attempt += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => return Ok(outcome.map(drop)),
            }
        }
    }
}

/// Whether a rename whose answer was lost has happened: nothing is at `from`, and at `to` is what was `renamed`.
pub(super) async fn is_moved(from: &SharePath, renamed: &Metadata, to: &Place) -> Result<bool, Fault> {
    if !to.pool.stat_link(from).await.is_err_and(|error| is_gone(error.kind())) {
        return Ok(false);
    }
    Ok(to.look().await?.is_some_and(|there| there.file_id == renamed.file_id))
}
