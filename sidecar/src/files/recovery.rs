//! Putting a file right whose writing-over was cut off.
//!
//! The file holds some of the new content and some of the old one, in pieces, and both are beside it. If it holds
//! anything else, somebody has written it since: then it is his, and the old content is put beside it for people to see.

use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use causeway_smb::{ReadHandle, ShareError, ShareErrorKind, SharePool};

use super::sibling::{WrittenOver, is_gone};
use crate::shares::fault;

/// Bytes that are compared at once.
const STEP: u32 = 256 * 1024;

/// Brings the content at `kept` back into the file, or shows it beside the file as `name (recovered N)`. Nobody else of us
/// writes the file meanwhile.
pub(super) async fn put_right(
    pool: &SharePool,
    kept: &SharePath,
    written: &WrittenOver,
    number: i64,
) -> Result<(), Fault> {
    let old = match pool.open_read(kept).await {
        Ok(old) => old,
        // It was put right before the journal could be told.
        Err(error) if is_gone(error.kind()) => return Ok(()),
        Err(error) => return Err(fault(&error)),
    };
    let file = match pool.open_read(&written.file).await {
        Ok(file) => file,
        Err(error) if is_gone(error.kind()) => {
            old.close().await;
            return pool.rename(kept, &written.file, false).await.map(drop).map_err(|error| fault(&error));
        }
        Err(error) => return Err(fault(&error)),
    };
    let new = match pool.open_read(&written.new_content).await {
        Ok(new) => Some(new),
        Err(error) if is_gone(error.kind()) => None,
        Err(error) => return Err(fault(&error)),
    };
    let found = file.metadata().version();
    let torn = is_of_both(&file, &old, new.as_ref()).await.map_err(|error| fault(&error))?;
    for handle in [Some(file), Some(old), new].into_iter().flatten() {
        handle.close().await;
    }
    if torn {
        // Changed in this very moment, or open at somebody's: next time.
        return pool
            .overwrite(kept, &written.file, Some(found))
            .await
            .map(drop)
            .map_err(|refusal| fault(&refusal.error));
    }
    tracing::warn!(path = %written.file, "somebody has written a file since its saving was cut off");
    let visible = written
        .file
        .parent()
        .zip(written.file.name())
        .and_then(|(parent, name)| parent.child(&format!("{name} (recovered {number})")).ok());
    let visible =
        visible.ok_or_else(|| Fault::new(FaultCode::Internal, "The name of a recovered item is too long"))?;
    match pool.rename(kept, &visible, false).await {
        Err(error) if error.kind() != ShareErrorKind::AlreadyExists => Err(fault(&error)),
        _ => Ok(()),
    }
}

/// Whether every byte of the file is the old or the new content's at its place.
async fn is_of_both(
    file: &ReadHandle,
    old: &ReadHandle,
    new: Option<&ReadHandle>,
) -> Result<bool, ShareError> {
    let size = file.metadata().size;
    let mut at = 0;
    while at < size {
        let (bytes, old) = (read_full(file, at).await?, read_full(old, at).await?);
        let new = match new {
            Some(new) => read_full(new, at).await?,
            None => Vec::new(),
        };
        let mixed = bytes
            .iter()
            .enumerate()
            .all(|(index, byte)| old.get(index) == Some(byte) || new.get(index) == Some(byte));
        if bytes.is_empty() || !mixed {
            return Ok(false);
        }
        at += bytes.len() as u64;
    }
    Ok(true)
}

/// The next piece of a file, short only at its end.
pub(super) async fn read_full(file: &ReadHandle, at: u64) -> Result<Vec<u8>, ShareError> {
    let mut piece = Vec::new();
    while piece.len() < STEP as usize {
        let missing = STEP - u32::try_from(piece.len()).unwrap_or(STEP);
        let bytes = file.read_at(at + piece.len() as u64, missing).await?;
        if bytes.is_empty() {
            break;
        }
        piece.extend_from_slice(&bytes);
    }
    Ok(piece)
}
