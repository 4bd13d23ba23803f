//! Writing over a file where the server lets nobody put another one in its place.
//!
//! A directory in which one may make files and not remove those of others is such a case: a sticky directory of a Unix
//! server, or permissions of that kind on Windows. The old content is kept beside the file, on the server's disk, before
//! the first byte of it is written over, and until the last one is on the disk. The journal knows of it meanwhile.

use causeway_internal::{Fault, FaultCode};
use causeway_smb::{Metadata, ShareErrorKind, WriteHandle};

use super::Place;
use super::publish::diverged;
use super::sibling::{Sibling, Siblings, bring_back};
use crate::locks::base_of;
use crate::shares::fault;

/// Writes finished content over the file at `place`, which is still what `there` says. Held by the file's turn, with no
/// hold of ours on it.
///
/// Faults: `VersionConflict`, `InUse`, and those of the server behind. After any of them the file has its old content, or
/// gets it back as soon as the server can be reached.
pub(super) async fn write_over(
    siblings: &std::sync::Arc<Siblings>,
    place: &Place,
    there: &Metadata,
    content: WriteHandle,
    content_at: &Sibling,
) -> Result<Metadata, Fault> {
    let pool = &place.pool;
    content.finish().await.map_err(|error| fault(&error))?;
    let kept = siblings.for_new(place).await?;
    let copied = async {
        pool.server_copy(&place.full, &kept.full, |_| {}).await?;
        pool.flush(&kept.full).await
    };
    if let Err(error) = copied.await {
        kept.discard(pool).await;
        return Err(refusal(place, there, &error).await);
    }
    let kept = kept.keeps_old_content(place).await?;
    match pool.overwrite(&content_at.full, &place.full, Some(there.version())).await {
        Ok(written) => {
            kept.superseded(place).await?.discard(pool).await;
            Ok(written)
        }
        // Nothing was done to it.
        Err(error) if is_untouched(error.kind()) => {
            kept.superseded(place).await?.discard(pool).await;
            Err(refusal(place, there, &error).await)
        }
        Err(error) => {
            match bring_back(pool, &kept.full, &place.full).await {
                Ok(()) => kept.superseded(place).await?.discard(pool).await,
                // The journal knows: the sweep brings it back.
                Err(fault) => tracing::error!(%fault, "a file waits for its old content"),
            }
            Err(fault(&error))
        }
    }
}

fn is_untouched(kind: ShareErrorKind) -> bool {
    matches!(kind, ShareErrorKind::Changed | ShareErrorKind::InUse | ShareErrorKind::AccessDenied)
}

async fn refusal(place: &Place, there: &Metadata, error: &causeway_smb::ShareError) -> Fault {
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
