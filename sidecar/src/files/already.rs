//! Content that has its place already.
//!
//! The answer to a save may be lost, with the process or the network, after the save was done. Whoever comes again with the
//! same content finds a file there that he has never seen: his own. Where the very bytes are that somebody wants to have
//! there, nothing can be lost, whoever put them there.

use std::time::Duration;

use causeway_smb::{Metadata, ShareError};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::Place;
use super::recovery::read_full;

/// Longest content that is compared, in bytes, and how long that may take: meanwhile nobody else saves the file. With more
/// it is left to people to decide.
const MAX_COMPARED: u64 = 256 * 1024 * 1024;
const COMPARED_WITHIN: Duration = Duration::from_secs(20);

/// Content as it is told from all other: taken while it arrives, because what is finished and not yet in its place cannot
/// be opened a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(bytes: Sha256) -> Self {
        Self(bytes.finalize().into())
    }
}

/// The file at `place`, if it has content of that length and fingerprint. Held by the file's turn.
pub(super) async fn is_there(place: &Place, length: u64, fingerprint: Fingerprint) -> Option<Metadata> {
    let compared = async {
        let there = place.pool.stat(&place.full).await?;
        if there.is_directory() || there.size != length || length > MAX_COMPARED {
            return Ok(None);
        }
        let found = read(place).await?;
        let now = place.pool.stat(&place.full).await?;
        // Nobody has written it while it was read.
        Ok::<_, ShareError>((found == fingerprint && now.version() == there.version()).then_some(now))
    };
    match timeout(COMPARED_WITHIN, compared).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::info!(?error, "a file could not be compared with what is to be saved");
            None
        }
        Err(_) => None,
    }
}

async fn read(place: &Place) -> Result<Fingerprint, ShareError> {
    let file = place.pool.open_read(&place.full).await?;
    let (mut bytes, mut at) = (Sha256::new(), 0);
    while at < file.metadata().size {
        let piece = read_full(&file, at).await?;
        if piece.is_empty() {
            break;
        }
        bytes.update(&piece);
        at += piece.len() as u64;
    }
    file.close().await;
    Ok(Fingerprint::of(bytes))
}
