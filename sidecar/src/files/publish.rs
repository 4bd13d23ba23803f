//! Putting finished content in the place of a file.

use std::sync::Arc;
use std::time::Duration;

use causeway_http_semantics::{RequestConditions, WriteVerdict, plan_write};
use causeway_internal::files::ItemKind;
use causeway_internal::locks::{BaseVersion, Divergence};
use causeway_internal::{Fault, FaultCode};
use causeway_smb::{Metadata, ShareError, ShareErrorKind, Unpublished, WriteHandle};

use super::already::{self, Fingerprint};
use super::in_place::write_over;
use super::read::representation;
use super::sibling::{Sibling, Siblings};
use super::{Place, item, parent_not_found};
use crate::changes::Deed;
use crate::locks::Pass;
use crate::shares::fault;
use crate::turn::{Turn, Turns};

/// How often a server is asked to put a file in the place of one that somebody has open at that moment. Looking at a
/// file opens it, and Samba refuses to replace what the same connection has open (research: four of four times), so
/// that those who only look get in the way of those who save.
pub(super) const ATTEMPTS: usize = 3;

/// Between two such attempts.
pub(super) const PAUSE: Duration = Duration::from_millis(60);

/// What has to be in the place, at the last moment, for new content to take it.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// What a request's conditions say.
    Conditions(RequestConditions),
    /// What an edit last saw there (`None`: nothing), or the content itself that is to be saved.
    Base(Option<BaseVersion>, Fingerprint),
}

/// Content in its place.
pub(super) struct Placed {
    /// The file as it is now.
    pub(super) file: Metadata,
    /// Whether there was none before.
    pub(super) is_new: bool,
    way: Way,
    /// The turn at the file: until it is given back nobody takes or forces its lock, and nobody else saves.
    _turn: Turn,
}

/// How content came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The temporary sibling has become the file.
    Renamed,
    /// It was written over the file, and the sibling is still there.
    WrittenOver,
    /// It was there already, and the sibling is gone.
    WasThere,
}

impl Placed {
    /// Whether somebody else may have slipped in before it was there.
    pub(super) fn is_doubtful(&self) -> bool {
        self.way != Way::WasThere
    }

    /// What has become of the content, if it has lost its place again.
    pub(super) fn content(&self) -> Content {
        match self.way {
            Way::WrittenOver => Content::Finished,
            Way::Renamed | Way::WasThere => Content::Gone,
        }
    }

    /// Does away with what is left of the temporary sibling.
    pub(super) async fn settle(&self, place: &Place, sibling: Sibling) {
        if self.way == Way::Renamed {
            sibling.settle().await;
        } else {
            sibling.discard(&place.pool).await;
        }
    }
}

/// Content that did not get its place.
pub(super) struct NotPlaced {
    /// Why.
    pub(super) fault: Fault,
    /// What has become of it.
    pub(super) content: Content,
}

/// What has become of content that did not get its place.
pub(super) enum Content {
    /// It is in the temporary sibling, which is open.
    Open(Box<WriteHandle>),
    /// It is in the temporary sibling, which is closed.
    Finished,
    /// It is in the temporary sibling, and needed there to put the file right: it is left to the sweep.
    Needed,
    /// It is not there any more.
    Gone,
}

impl Content {
    /// Deletes it, unless it is needed.
    pub(super) async fn discard(self, place: &Place, sibling: Sibling) {
        match self {
            Self::Needed => drop(sibling),
            Self::Open(file) => {
                file.abort().await;
                sibling.discard(&place.pool).await;
            }
            Self::Finished | Self::Gone => sibling.discard(&place.pool).await,
        }
    }
}

fn kept(fault: Fault, file: WriteHandle) -> NotPlaced {
    NotPlaced { fault, content: Content::Open(Box::new(file)) }
}

impl Expected {
    /// Whether what is there may be replaced by a file.
    pub(super) fn permit(&self, there: Option<&Metadata>) -> Result<(), Fault> {
        if there.is_some_and(Metadata::is_directory) {
            return Err(Fault::new(FaultCode::KindMismatch, "A directory of this name exists"));
        }
        match self {
            Self::Conditions(conditions) => {
                let representation = there.map(|there| representation(there, ""));
                match plan_write(conditions, representation.as_ref()) {
                    WriteVerdict::Proceed => Ok(()),
                    WriteVerdict::PreconditionFailed => Err(Fault::new(
                        FaultCode::PreconditionFailed,
                        "The file has changed or its existence is not as expected",
                    )),
                }
            }
            Self::Base(base, _) => {
                if base.map(|base| base.version) == there.map(Metadata::version) {
                    Ok(())
                } else {
                    Err(diverged(*base, there))
                }
            }
        }
    }

    /// Whether there must be nothing: the server itself refuses then when somebody was quicker.
    fn is_absence(&self) -> bool {
        match self {
            Self::Conditions(conditions) => {
                conditions.if_none_match.as_deref().is_some_and(|tags| tags.trim() == "*")
            }
            Self::Base(base, _) => base.is_none(),
        }
    }
}

/// The file is not what an edit last saw.
pub(super) fn diverged(base: Option<BaseVersion>, there: Option<&Metadata>) -> Fault {
    let divergence = Divergence { base, current: there.cloned().map(item) };
    Fault::new(FaultCode::VersionConflict, "The file was changed by somebody else since it was opened")
        .diverging(divergence)
}

/// Flushes the finished file, waits for its turn, lets it take over what the old file has beside its content, and puts it
/// in its place; where the server lets nobody do that, writes it over the old one. `admit` is asked within the turn, before
/// anything changes.
pub(super) async fn put_in_place(
    place: &Place,
    expected: &Expected,
    (turns, siblings): (&Turns, &Arc<Siblings>),
    admit: impl FnOnce() -> Result<Pass, Fault>,
    replaces: bool,
    sibling: &Sibling,
    mut file: WriteHandle,
) -> Result<Placed, NotPlaced> {
    if let Err(error) = file.flush().await {
        return Err(kept(fault(&error), file));
    }
    let admitted = async {
        let turn = turns.take(&place.lock_key()).await?;
        siblings.may_be_saved(place).await?;
        admit().map(|pass| (turn, pass))
    };
    let (turn, mut pass) = match admitted.await {
        Ok(admitted) => admitted,
        Err(fault) => return Err(kept(fault, file)),
    };
    if matches!(expected, Expected::Base(..))
        && let Err(fault) = pass.hold_anew().await
    {
        return Err(kept(fault, file));
    }
    let mut has_inherited = false;
    if replaces {
        if let Err(error) = file.inherit(&place.full).await {
            return Err(kept(fault(&error), file));
        }
        has_inherited = true;
    }
    let replace = !expected.is_absence();
    let ours = Ours { length: file.written(), file_id: file.file_id() };
    let mut attempt = 1;
    let outcome = loop {
        // At the last moment before each attempt: this is what is expected or not.
        let looked = async {
            let there = place.look_to_replace().await?;
            expected.permit(there.as_ref())?;
            pass.covers(place, there.as_ref()).await?;
            Ok::<_, Fault>(there)
        };
        let there = match looked.await {
            Ok(there) => there,
            Err(fault) if fault.code == FaultCode::VersionConflict => {
                // A conflict is none when what is to be saved is what is there.
                let Expected::Base(_, fingerprint) = expected else { break Err(kept(fault, file)) };
                let Some(there) = already::is_there(place, file.written(), *fingerprint).await else {
                    break Err(kept(fault, file));
                };
                file.abort().await;
                break Ok((there, false, Way::WasThere));
            }
            Err(fault) => break Err(kept(fault, file)),
        };
        if there.is_some() && !has_inherited {
            // It was made while the new content arrived, and is looked at again after this.
            if let Err(error) = file.inherit(&place.full).await {
                break Err(kept(fault(&error), file));
            }
            has_inherited = true;
            continue;
        }
        match file.publish(&place.full, replace).await {
            Ok(file) => break Ok((file, there.is_none(), Way::Renamed)),
            Err(Unpublished { file: Some(again), error })
                if attempt < ATTEMPTS && error.kind() != ShareErrorKind::AlreadyExists =>
            {
                attempt += 1;
                // Perhaps it is we who have it open: where the user himself holds the lock.
                pass.let_go().await;
                tokio::time::sleep(PAUSE).await;
                file = *again;
            }
            Err(Unpublished { error, mut file }) => {
                if let (Some(there), Some(file)) = (&there, file.take_if(|_| is_refused(&error))) {
                    let written = write_over(siblings, place, there, *file, sibling).await;
                    break written.map(|file| (file, false, Way::WrittenOver));
                }
                let unknown = error.outcome_unknown();
                if unknown {
                    sibling.may_replace(place).await;
                }
                let settled = settle(place, expected, there.as_ref(), &ours, error).await;
                if unknown && settled.is_err() {
                    place.tell(ItemKind::File, Deed::Disturbed);
                }
                break match settled {
                    Ok(file) => Ok((file, there.is_none(), Way::Renamed)),
                    Err(fault) => {
                        Err(NotPlaced { fault, content: file.map_or(Content::Gone, Content::Open) })
                    }
                };
            }
        }
    };
    let (file, is_new, way) = outcome?;
    place.tell(ItemKind::File, if is_new { Deed::Created } else { Deed::Written });
    pass.take_up().await;
    drop(pass);
    Ok(Placed { file, is_new, way, _turn: turn })
}

/// Whether the server refuses to have this file replaced, and not merely at this moment, as far as that can be told.
fn is_refused(error: &ShareError) -> bool {
    matches!(error.kind(), ShareErrorKind::AccessDenied | ShareErrorKind::InUse)
}

/// The file that was to take a place.
struct Ours {
    /// Bytes.
    length: u64,
    /// Its number; 0 where the server has none.
    file_id: u64,
}

/// Finds out what a publication that was not answered with success has done; `before` is what was in its place.
async fn settle(
    place: &Place,
    expected: &Expected,
    before: Option<&Metadata>,
    ours: &Ours,
    error: ShareError,
) -> Result<Metadata, Fault> {
    match error.kind() {
        // The answer was lost, perhaps not the rename: our file has the place then. Where files have no numbers, it is
        // another one of the right size.
        _ if error.outcome_unknown() => match place.look().await? {
            Some(now) if ours.file_id != 0 && now.file_id == ours.file_id => Ok(now),
            Some(now)
                if ours.file_id == 0
                    && now.size == ours.length
                    && before.is_none_or(|before| before.version() != now.version()) =>
            {
                Ok(now)
            }
            _ => Err(fault(&error)),
        },
        ShareErrorKind::AlreadyExists => {
            expected.permit(place.look().await?.as_ref())?;
            Err(Fault::new(FaultCode::PreconditionFailed, "An item of this name has appeared meanwhile"))
        }
        // The sibling could be made in this directory, so it is the file itself that does not let itself be replaced:
        // somebody has it open, or it is write-protected.
        ShareErrorKind::AccessDenied | ShareErrorKind::InUse => {
            Err(Fault::new(FaultCode::InUse, "The file is in use or write-protected"))
        }
        ShareErrorKind::PathNotFound => Err(parent_not_found()),
        _ => Err(fault(&error)),
    }
}
