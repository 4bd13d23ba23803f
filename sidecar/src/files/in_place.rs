//! Writing over a file where the server lets nobody put another one in its place.
//!
//! A directory in which one may make files and not remove those of others is such a case: a sticky directory of a Unix
//! server, or permissions of that kind on Windows. The old content is kept beside the file, on the server's disk, before
//! the first byte of it is written over, and until the last one is on the disk. The journal knows of it meanwhile.

use std::sync::Arc;

use causeway_internal::{Fault, FaultCode};
use causeway_smb::{Metadata, ShareError, ShareErrorKind, WriteHandle};

use super::Place;
use super::publish::{Content, NotPlaced, diverged};
use super::recovery::{Righted, put_right};
use super::sibling::{Sibling, Siblings, WrittenOver};
use crate::locks::base_of;
use crate::shares::fault;

/// Writes finished content over the file at `place`, which is still what `there` says. Held by the file's turn, with no
/// hold of ours on it.
///
/// Faults: `VersionConflict`, `InUse`, and those of the server behind. After any of them the file has its old content, or
/// gets it back as soon as the server can be reached.
pub(super) async fn write_over(
    siblings: &Arc<Siblings>,
    place: &Place,
    there: &Metadata,
    content: WriteHandle,
    content_at: &Sibling,
) -> Result<Metadata, NotPlaced> {
    let pool = &place.pool;
    content.finish().await.map_err(|error| gone(fault(&error)))?;
    let kept = siblings.for_new(place).await.map_err(finished)?;
    let copied = async {
        pool.server_copy(&place.full, &kept.full, |_| {}).await?;
        pool.flush(&kept.full).await
    };
    if let Err(error) = copied.await {
        kept.discard(pool).await;
        return Err(finished(refusal(place, there, &error).await));
    }
    kept.keeps_old_content(place, content_at).await.map_err(finished)?;
    let written = pool.overwrite(&content_at.full, &place.full, Some(there.version())).await;
    let (outcome, whole) = match written {
        Ok(written) => (Ok(written), true),
        Err(refused) if !refused.touched => (Err(refusal(place, there, &refused.error).await), true),
        Err(torn) => {
            let written = WrittenOver { file: place.full.clone(), new_content: content_at.full.clone() };
            let refused = Err(refusal(place, there, &torn.error).await);
            match put_right(pool, &kept.full, &written, 0).await {
                // All of it had been written, and only the answer was lost.
                Ok(Righted::New(file)) => (Ok(file), true),
                Ok(Righted::Old | Righted::Foreign) => (refused, true),
                Err(fault) => {
                    tracing::error!(%fault, "a file waits for its old content");
                    (refused, false)
                }
            }
        }
    };
    if !whole {
        // The journal knows, and needs the new content too.
        return outcome.map_err(|fault| NotPlaced { fault, content: Content::Needed });
    }
    if let Err(fault) = kept.superseded().await {
        // Once it is deleted nobody takes it for the file's content either.
        tracing::warn!(%fault, "the journal could not be written");
    }
    kept.discard(pool).await;
    outcome.map_err(finished)
}

fn finished(fault: Fault) -> NotPlaced {
    NotPlaced { fault, content: Content::Finished }
}

fn gone(fault: Fault) -> NotPlaced {
    NotPlaced { fault, content: Content::Gone }
}

async fn refusal(place: &Place, there: &Metadata, error: &ShareError) -> Fault {
    match error.kind() {
        ShareErrorKind::Changed => match place.look().await {
            Ok(now) => diverged(Some(base_of(there)), now.as_ref()),
            Err(fault) => fault,
        },
        ShareErrorKind::InUse | ShareErrorKind::AccessDenied | ShareErrorKind::NotSupported => {
            Fault::new(FaultCode::InUse, "The file is in use or write-protected")
        }
        _ => fault(error),
    }
}
