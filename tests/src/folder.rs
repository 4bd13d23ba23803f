//! A directory on the share that belongs to one case.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A directory on the share, seen from the server's own disk.
#[derive(Debug, Clone)]
pub struct Folder {
    path: String,
    disk: PathBuf,
}

/// What a temporary file of an upload is called.
const TEMPORARY: &str = "~causeway-";

impl Folder {
    /// Makes the directory `name` in the share's directory on disk.
    pub(crate) fn make(share: &Path, name: &str) -> Result<Self> {
        let folder = Self { path: name.to_owned(), disk: share.join(name) };
        folder.make_own_directory()?;
        Ok(folder)
    }

    fn make_own_directory(&self) -> Result<()> {
        std::fs::create_dir_all(&self.disk).with_context(|| self.disk.display().to_string())
    }

    /// Its path on the connection.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path on the connection of something in it.
    pub fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.path)
    }

    /// Where that is on the server's disk.
    pub fn on_disk(&self, path: &str) -> PathBuf {
        self.disk.join(path)
    }

    /// Writes a file behind the product's back, directories on the way included.
    #[track_caller]
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let disk = self.on_disk(path);
        if let Some(parent) = disk.parent() {
            std::fs::create_dir_all(parent).unwrap_or_else(|fault| panic!("{}: {fault}", parent.display()));
        }
        std::fs::write(&disk, content).unwrap_or_else(|fault| panic!("{}: {fault}", disk.display()));
    }

    /// Makes a directory behind the product's back.
    #[track_caller]
    pub fn make_directory(&self, path: &str) {
        let disk = self.on_disk(path);
        std::fs::create_dir_all(&disk).unwrap_or_else(|fault| panic!("{}: {fault}", disk.display()));
    }

    /// The content of a file on the server's disk.
    #[track_caller]
    pub fn read(&self, path: &str) -> Vec<u8> {
        let disk = self.on_disk(path);
        std::fs::read(&disk).unwrap_or_else(|fault| panic!("{}: {fault}", disk.display()))
    }

    /// Whether something is there on the server's disk.
    pub fn has(&self, path: &str) -> bool {
        self.on_disk(path).symlink_metadata().is_ok()
    }

    /// Names in one of its directories on disk, sorted; `""` is the folder itself.
    #[track_caller]
    pub fn names(&self, path: &str) -> Vec<String> {
        let disk = self.on_disk(path);
        let entries = std::fs::read_dir(&disk).unwrap_or_else(|fault| panic!("{}: {fault}", disk.display()));
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Names of temporary files that uploads have left in it.
    #[track_caller]
    pub fn rubbish(&self) -> Vec<String> {
        self.names("").into_iter().filter(|name| name.starts_with(TEMPORARY)).collect()
    }
}
