//! Compiled components: from the cache if it can be trusted, else compiled and put there.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::precompiled;

/// Files that were not loaded for this long are removed: they belong to versions that are gone.
const STALE_AFTER: Duration = Duration::from_hours(30 * 24);

/// A directory of precompiled components that only this user can write to.
#[derive(Debug)]
pub(crate) struct ArtifactCache {
    dir: PathBuf,
}

/// Where a compiled component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The cache.
    Cached,
    /// The compiler.
    Compiled,
}

impl ArtifactCache {
    /// Opens or makes the directory; `None`, with a warning, if it cannot be made private.
    pub(crate) fn open(dir: &Path) -> Option<Self> {
        match make_private(dir) {
            Ok(()) => Some(Self { dir: dir.to_owned() }),
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "components are compiled at each start: no private cache");
                None
            }
        }
    }

    fn path(&self, engine: &Engine, wasm: &[u8]) -> PathBuf {
        let mut engine_hash = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut engine_hash);
        self.dir.join(format!("{}-{:016x}.cwasm", hex(&Sha256::digest(wasm)), engine_hash.finish()))
    }

    /// The cached component, if the file is there and is what was written.
    fn load(&self, engine: &Engine, path: &Path) -> Option<Component> {
        let expected = fs::read_to_string(digest_path(path)).ok()?;
        let bytes = fs::read(path).ok()?;
        if hex(&Sha256::digest(&bytes)) != expected.trim() || !is_ours(path, &self.dir) {
            tracing::warn!(path = %path.display(), "a cached component is not what was written, compiling anew");
            return None;
        }
        match precompiled::load(engine, path) {
            Ok(component) => {
                let now = SystemTime::now();
                // Only keeps the file from being seen as stale.
                let _ = fs::File::open(path).and_then(|file| file.set_modified(now));
                Some(component)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a cached component does not load, compiling anew");
                None
            }
        }
    }

    fn store(&self, path: &Path, component: &Component) -> Result<(), String> {
        let bytes = component.serialize().map_err(|error| format!("{error:#}"))?;
        let digest = hex(&Sha256::digest(&bytes));
        self.write(path, &bytes)
            .and_then(|()| self.write(&digest_path(path), digest.as_bytes()))
            .map_err(|error| error.to_string())
    }

    /// Writes beside the target and renames, so that a reader sees a whole file or none.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let unique = format!(
            ".{}-{:?}-{}.tmp",
            std::process::id(),
            std::thread::current().id(),
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
        );
        let temporary = self.dir.join(unique);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Removes what no start has used for a long time.
    pub(crate) fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let ours = path.extension().is_some_and(|end| end == "cwasm" || end == "tmp");
            let age = entry.metadata().and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
            if ours && age.is_some_and(|age| age > STALE_AFTER) {
                let _ = fs::remove_file(&path);
                let _ = fs::remove_file(digest_path(&path));
            }
        }
    }
}

/// Compiles a component, or takes it from the cache.
pub(crate) fn compile(
    engine: &Engine,
    cache: Option<&ArtifactCache>,
    wasm: &[u8],
) -> wasmtime::Result<(Component, Origin)> {
    let Some(cache) = cache else {
        return Ok((Component::new(engine, wasm)?, Origin::Compiled));
    };
    let path = cache.path(engine, wasm);
    if let Some(component) = cache.load(engine, &path) {
        return Ok((component, Origin::Cached));
    }
    let component = Component::new(engine, wasm)?;
    let component = match cache.store(&path, &component) {
        // From the file, as on every later start: its pages need not stay in memory.
        Ok(()) => cache.load(engine, &path).unwrap_or(component),
        Err(error) => {
            tracing::warn!(path = %path.display(), error, "a compiled component cannot be cached");
            component
        }
    };
    Ok((component, Origin::Compiled))
}

fn digest_path(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(unix)]
fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // Fails unless the directory is ours (or we are root, see below).
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    // Root may change any directory; a file that we make shows whether its owner is us.
    let probe = dir.join(format!(".{}-owner.tmp", std::process::id()));
    let made = fs::OpenOptions::new().write(true).create(true).truncate(true).open(&probe)?;
    let owner = made.metadata()?.uid();
    drop(made);
    fs::remove_file(&probe)?;
    let found = fs::symlink_metadata(dir)?;
    if !found.is_dir() || found.uid() != owner {
        return Err(std::io::Error::other("the directory belongs to another user"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(unix)]
fn is_ours(path: &Path, dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::symlink_metadata(path), fs::symlink_metadata(dir)) {
        (Ok(file), Ok(dir)) => file.is_file() && file.uid() == dir.uid() && file.mode() & 0o022 == 0,
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_ours(path: &Path, _: &Path) -> bool {
    path.is_file()
}
