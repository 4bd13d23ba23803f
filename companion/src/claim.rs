//! One companion at a time opens a file: two clicks on one link of the browser are one edit.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::places::make_private;
use crate::working_copy::hex;

/// How often it is tried again because the one before was just giving it up.
const TRIES: usize = 10;

/// That this process, and no other, opens or edits a file.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Locked as long as this lives; the system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl Claim {
    /// Claims what these words name together; `None` when another process has claimed it.
    pub fn take(directory: &Path, words: [&str; 3]) -> io::Result<Option<Self>> {
        make_private(directory)?;
        let mut hash = Sha256::new();
        for word in words {
            // With its length, so that no two lists of words run together.
            hash.update(word.len().to_le_bytes());
            hash.update(word);
        }
        let path = directory.join(hex(&hash.finalize()));
        for _ in 0..TRIES {
            let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(fault)) => return Err(fault),
            }
            // Whoever had it before may have removed it in between: then it is not the one that others find.
            let is_the_one = fs::metadata(&path)
                .is_ok_and(|found| lock.metadata().is_ok_and(|own| own.ino() == found.ino()));
            if is_the_one {
                return Ok(Some(Self { path, _lock: lock }));
            }
        }
        Ok(None)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Still locked: nobody has claimed this very file. One that stays is no harm.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::Claim;

    #[test]
    fn one_has_it_at_a_time() {
        let temporary = tempfile::tempdir().expect("a directory");
        let directory = temporary.path().join("claims");
        let words = ["https://a.example", "c", "a.txt"];
        let take = |words| Claim::take(&directory, words).expect("no fault");
        let first = take(words).expect("free");
        assert!(take(words).is_none());
        assert!(take(["https://a.example", "ca", ".txt"]).is_some(), "another one");
        drop(first);
        assert_eq!(std::fs::read_dir(&directory).expect("a directory").count(), 0);
        assert!(take(words).is_some());
    }
}
