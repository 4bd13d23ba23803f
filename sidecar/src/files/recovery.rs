//! Putting a file right whose writing-over was cut off.
//!
//! The file holds some of the new content and some of the old one, in pieces, and both are beside it. If it holds
//! anything else, somebody has written it since: then it is his, and the old content is put beside it for people to see.

use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use causeway_smb::{Metadata, ReadHandle, ShareError, ShareErrorKind, SharePool};

use super::sibling::{WrittenOver, is_gone};
use crate::shares::fault;

/// Bytes that are compared at once.
const STEP: u32 = 256 * 1024;

/// What a file that was being written over holds now.
pub(super) enum Righted {
    /// Its old content.
    Old,
    /// All of the new one.
    New(Metadata),
    /// What somebody has written since.
    Foreign,
}

/// Brings the content at `kept` back into the file, or shows it beside the file as `name (recovered N)`; unless all of the
/// new one is there. Nobody else of us writes the file meanwhile.
pub(super) async fn put_right(
    pool: &SharePool,
    kept: &SharePath,
    written: &WrittenOver,
    number: i64,
) -> Result<Righted, Fault> {
    let old = match pool.open_read(kept).await {
        Ok(old) => old,
        // It was put right before the journal could be told.
        Err(error) if is_gone(error.kind()) => return Ok(Righted::Old),
        Err(error) => return Err(fault(&error)),
    };
    let file = match pool.open_read(&written.file).await {
        Ok(file) => file,
        Err(error) if is_gone(error.kind()) => {
            old.close().await;
            let renamed = pool.rename(kept, &written.file, false).await;
            return renamed.map(|_| Righted::Old).map_err(|error| fault(&error));
        }
        Err(error) => return Err(fault(&error)),
    };
    let new = match pool.open_read(&written.new_content).await {
        Ok(new) => Some(new),
        Err(error) if is_gone(error.kind()) => None,
        Err(error) => return Err(fault(&error)),
    };
    let found = file.metadata().clone();
    let mix = Mix::of(&file, &old, new.as_ref()).await.map_err(|error| fault(&error))?;
    for handle in [Some(file), Some(old), new].into_iter().flatten() {
        handle.close().await;
    }
    match mix {
        Mix::Old => return Ok(Righted::Old),
        Mix::New => {
            pool.flush(&written.file).await.map_err(|error| fault(&error))?;
            return Ok(Righted::New(found));
        }
        Mix::Both => {
            // Changed in this very moment, or open at somebody's: next time.
            let restored = pool.overwrite(kept, &written.file, Some(found.version())).await;
            return restored.map(|_| Righted::Old).map_err(|refusal| fault(&refusal.error));
        }
        Mix::Foreign => {}
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
        _ => Ok(Righted::Foreign),
    }
}

/// Of what a file is made.
enum Mix {
    /// The old content and nothing else.
    Old,
    /// The new content and nothing else.
    New,
    /// Every byte is the old or the new content's at its place.
    Both,
    /// Something else.
    Foreign,
}

impl Mix {
    async fn of(file: &ReadHandle, old: &ReadHandle, new: Option<&ReadHandle>) -> Result<Self, ShareError> {
        let size = file.metadata().size;
        let mut is_old = old.metadata().size == size;
        let mut is_new = new.is_some_and(|new| new.metadata().size == size);
        let mut at = 0;
        while at < size {
            let (bytes, old) = (read_full(file, at).await?, read_full(old, at).await?);
            let new = match new {
                Some(new) => read_full(new, at).await?,
                None => Vec::new(),
            };
            is_old &= bytes == old;
            is_new &= bytes == new;
            let is_mixed = bytes
                .iter()
                .enumerate()
                .all(|(index, byte)| old.get(index) == Some(byte) || new.get(index) == Some(byte));
            if bytes.is_empty() || !is_mixed {
                return Ok(Self::Foreign);
            }
            at += bytes.len() as u64;
        }
        Ok(match (is_old, is_new) {
            (true, _) => Self::Old,
            (_, true) => Self::New,
            _ => Self::Both,
        })
    }
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
