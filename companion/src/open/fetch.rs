//! Getting the working copy.

use crate::api::ApiError;
use crate::edit::Edit;
use crate::outcome::Failure;
use crate::pace::ATTEMPTS;
use crate::session::{Base, Phase};

/// Downloads the file as it is under the lock, and makes it the working copy.
pub(super) async fn fetch(edit: &Edit<'_>) -> Result<(), Failure> {
    let mut waits = ATTEMPTS.iter();
    let base = loop {
        match once(edit).await {
            Ok(base) => break base,
            Err(Failure::Api(fault)) if fault.is_passing() => {
                let Some(wait) = waits.next() else { return Err(fault.into()) };
                tracing::debug!(%fault, "the download is tried again");
                tokio::time::sleep(*wait).await;
            }
            Err(fault) => return Err(fault),
        }
    };
    let (incoming, copy) = (edit.incoming(), edit.working_copy());
    std::fs::rename(&incoming, &copy).map_err(|source| Failure::Disk { path: copy, source })?;
    edit.update(|session| {
        session.phase = Phase::Editing;
        session.base = Some(base);
    })?;
    Ok(())
}

/// What the file is and what is in it are asked for under the lock, one after the other: from here on nobody else can
/// change it.
async fn once(edit: &Edit<'_>) -> Result<Base, Failure> {
    let info = edit.look().await?;
    let size =
        info.size.ok_or_else(|| ApiError::NotUnderstood { fault: "the file has no size".to_owned() })?;
    let content = edit.download(size).await?;
    Ok(Base { modified_at: info.modified_at, content })
}
