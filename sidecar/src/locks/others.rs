//! Who has a file open on the share, past us, as far as the share tells.

use causeway_internal::UnixMicros;
use causeway_locks::owner_file::{self, Mark};
use causeway_paths::SharePath;
use causeway_smb::{ShareErrorKind, SharePool};

/// Somebody who has a file open in a program that says so beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    /// His name, if it can be read.
    pub(super) name: Option<String>,
    /// Since when.
    pub(super) since: Option<UnixMicros>,
    /// The file that says so.
    pub(super) mark: String,
    /// Whether it is this file that it says so of, and not one of a similar name.
    pub(super) is_certain: bool,
}

/// Looks for what office programs leave beside a file that they have open.
pub(super) async fn look(pool: &SharePool, path: &SharePath) -> Option<Other> {
    let (parent, name) = (path.parent()?, path.name()?);
    let looks = owner_file::candidates(name).into_iter().filter_map(|mark| {
        let at = parent.child(&mark.name).ok()?;
        Some(read(pool, at, mark))
    });
    let found = futures::future::join_all(looks).await;
    let mut other = found.into_iter().flatten().max_by_key(|other| other.is_certain)?;
    if !other.is_certain {
        other.is_certain = is_only_one(pool, &parent, name, &other.mark).await;
    }
    Some(other)
}

/// Whether no other file of the directory would have this mark. A directory that cannot be read leaves it open.
async fn is_only_one(pool: &SharePool, directory: &SharePath, name: &str, mark: &str) -> bool {
    let Ok(entries) = pool.list(directory).await else { return false };
    let has_mark = |entry: &str| owner_file::candidates(entry).iter().any(|candidate| candidate.name == mark);
    let is_other = |entry: &str| entry != mark && !entry.eq_ignore_ascii_case(name);
    !entries.iter().any(|entry| is_other(&entry.name) && has_mark(&entry.name))
}

async fn read(pool: &SharePool, at: SharePath, mark: Mark) -> Option<Other> {
    let Mark { program, name: mark, is_certain } = mark;
    let file = match pool.open_read(&at).await {
        Ok(file) => file,
        // It is there, and its program lets nobody read it.
        Err(error) if error.kind() == ShareErrorKind::InUse => {
            return Some(Other { name: None, since: None, mark, is_certain });
        }
        Err(_) => return None,
    };
    let since = file.metadata().modified.to_unix_micros().map(UnixMicros);
    let content = file.read_at(0, owner_file::MAX_BYTES).await.unwrap_or_default();
    file.close().await;
    Some(Other { name: owner_file::user(program, &content), since, mark, is_certain })
}
