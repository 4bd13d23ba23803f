//! Content that has its place already.
//!
//! The answer to a save may be lost, with the process or the network, after the save was done. Whoever comes again with the
//! same content finds a file there that he has never seen: his own. Where the very bytes are that somebody wants to have
//! there, nothing can be lost, whoever put them there.

use std::time::Duration;

use causeway_paths::SharePath;
use causeway_smb::{Metadata, ShareError};
use tokio::time::timeout;

use super::Place;
use super::recovery::read_full;

/// Longest content that is compared, in bytes, and how long that may take: meanwhile nobody else saves the file. With more
/// it is left to people to decide.
const MAX_COMPARED: u64 = 256 * 1024 * 1024;
const COMPARED_WITHIN: Duration = Duration::from_secs(20);

/// Whether a file of that length may have the content, as far as can be told without reading it.
pub(super) fn may_be_there(there: Option<&Metadata>, length: u64) -> bool {
    there.is_some_and(|there| !there.is_directory() && there.size == length && length <= MAX_COMPARED)
}

/// The file at `place`, if it has the bytes of the finished file at `ours`. Held by the file's turn.
pub(super) async fn is_there(place: &Place, ours: &SharePath) -> Option<Metadata> {
    let compared = async {
        let there = place.pool.stat(&place.full).await?;
        let same = have_the_same(place, ours).await?;
        let now = place.pool.stat(&place.full).await?;
        // Nobody has written it while it was read.
        Ok::<_, ShareError>((same && now.version() == there.version()).then_some(now))
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

async fn have_the_same(place: &Place, ours: &SharePath) -> Result<bool, ShareError> {
    let (one, other) = tokio::try_join!(place.pool.open_read(&place.full), place.pool.open_read(ours))?;
    let size = one.metadata().size;
    let mut same = size == other.metadata().size;
    let mut at = 0;
    while same && at < size {
        let (left, right) = tokio::try_join!(read_full(&one, at), read_full(&other, at))?;
        same = !left.is_empty() && left == right;
        at += left.len() as u64;
    }
    one.close().await;
    other.close().await;
    Ok(same)
}
