//! [`Shelf`]: where indexes are kept between two lives of the process.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use causeway_directory_index::DirectoryIndex;
use causeway_directory_index::snapshot::{self, Header};
use causeway_paths::CaseRule;
use uuid::Uuid;

/// The directory within the data directory.
const DIRECTORY: &str = "directory_index";

/// What the files are called after the connection's id.
const EXTENSION: &str = "idx";

/// The same while they are being written.
const UNFINISHED: &str = "tmp";

/// After so many seconds nobody wants to know: the contract's 30 days.
const MAX_AGE_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Clocks are set back by less than that.
const MAX_LEAD_SECONDS: i64 = 24 * 60 * 60;

/// Largest file that is read: an index may hold that much and no more.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Snapshots of indexes, a file each. All calls block.
#[derive(Debug)]
pub(super) struct Shelf {
    directory: PathBuf,
}

impl Shelf {
    /// In that data directory.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { directory: data_dir.join(DIRECTORY) }
    }

    /// The index that was kept, unless there is none, or it is too old, of another connection, of the connection as it
    /// was before it was changed, or damaged.
    pub(super) fn load(&self, connection: Uuid, revision: u64) -> Option<DirectoryIndex> {
        let path = self.file(connection, EXTENSION);
        let length = fs::metadata(&path).ok()?.len();
        if length > MAX_FILE_BYTES {
            tracing::warn!(%connection, length, "a directory index on disk is too large and is not read");
            return None;
        }
        let read = fs::read(&path).map_err(|error| error.to_string()).and_then(|bytes| {
            let header = snapshot::header(&bytes).map_err(|error| error.to_string())?;
            let age = now().saturating_sub(header.taken_at);
            let current = header.connection == connection.into_bytes() && header.revision == revision;
            if !current || !(-MAX_LEAD_SECONDS..=MAX_AGE_SECONDS).contains(&age) {
                return Err("it is of another time or connection".to_owned());
            }
            snapshot::decode(&bytes, CaseRule::Insensitive).map_err(|error| error.to_string())
        });
        match read {
            Ok((_, index)) => Some(index),
            Err(reason) => {
                tracing::info!(%connection, reason, "a directory index on disk is of no use");
                None
            }
        }
    }

    /// Keeps an index in place of the one before: the old file or the new one is there at any moment.
    pub(super) fn save(&self, connection: Uuid, revision: u64, index: &DirectoryIndex) -> io::Result<()> {
        let header = Header { connection: connection.into_bytes(), revision, taken_at: now() };
        let bytes = snapshot::encode(index, &header);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let unfinished = self.file(connection, UNFINISHED);
        let written = || {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, self.file(connection, EXTENSION))
        };
        written().inspect_err(|_| remove(&unfinished))
    }

    /// Throws away what was kept for a connection when it was of such a revision.
    pub(super) fn remove_if(&self, connection: Uuid, is_stale: impl Fn(u64) -> bool) {
        let file = self.file(connection, EXTENSION);
        let mut start = Vec::new();
        let read = fs::File::open(&file)
            .and_then(|file| file.take(snapshot::HEADER_BYTES as u64).read_to_end(&mut start));
        let is_kept = snapshot::header(&start).is_ok_and(|header| !is_stale(header.revision));
        if read.is_ok() && !is_kept {
            remove(&file);
        }
    }

    /// Throws away what is unfinished or belongs to a connection that is no more.
    pub(super) fn clear(&self, is_known: impl Fn(Uuid) -> bool) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let owner = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let finished = path.extension().is_some_and(|extension| extension == EXTENSION);
            if owner.is_some_and(|owner: Uuid| !finished || !is_known(owner)) {
                remove(&path);
            }
        }
    }

    fn file(&self, connection: Uuid, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", connection.hyphenated()))
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(path = %path.display(), %error, "a file cannot be removed"),
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use causeway_paths::SharePath;

    use super::*;

    fn index() -> DirectoryIndex {
        let mut index = DirectoryIndex::new(CaseRule::Insensitive);
        index.add(&SharePath::parse("a/b").unwrap()).unwrap();
        index
    }

    #[test]
    fn what_was_kept_is_found_again_by_its_own_connection_only() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path());
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(shelf.load(one, 1).is_none());
        shelf.save(one, 1, &index()).unwrap();
        assert_eq!(shelf.load(one, 1).unwrap().iter().collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(shelf.load(one, 2).is_none(), "the connection was changed");
        fs::rename(shelf.file(one, EXTENSION), shelf.file(other, EXTENSION)).unwrap();
        assert!(shelf.load(other, 1).is_none(), "the file says whose it is");
    }

    #[test]
    fn what_is_too_old_or_damaged_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path());
        let one = Uuid::from_u128(1);
        shelf.save(one, 1, &index()).unwrap();
        let file = shelf.file(one, EXTENSION);
        for taken_at in [now() - MAX_AGE_SECONDS - 1, now() + 2 * MAX_LEAD_SECONDS, i64::MIN, i64::MAX] {
            let header = Header { connection: one.into_bytes(), revision: 1, taken_at };
            fs::write(&file, snapshot::encode(&index(), &header)).unwrap();
            assert!(shelf.load(one, 1).is_none(), "{taken_at}");
        }
        for content in [&b""[..], b"nonsense", b"CWDIRS1\n"] {
            fs::write(&file, content).unwrap();
            assert!(shelf.load(one, 1).is_none());
        }
    }

    #[test]
    fn what_belongs_to_nobody_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path());
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        shelf.save(one, 1, &index()).unwrap();
        shelf.save(other, 1, &index()).unwrap();
        fs::write(shelf.file(one, UNFINISHED), "half").unwrap();
        shelf.clear(|id| id == one);
        let left: Vec<_> =
            fs::read_dir(&shelf.directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [shelf.file(one, EXTENSION)]);
        shelf.remove_if(one, |revision| revision != 1);
        assert!(shelf.load(one, 1).is_some());
        shelf.remove_if(one, |revision| revision == 1);
        assert!(shelf.load(one, 1).is_none());
    }
}
