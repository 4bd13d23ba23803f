//! An application: its manifest and the bytes of its components.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, ManifestError};

/// The name of the manifest in an application's directory.
const MANIFEST_FILE: &str = "spin.toml";

/// Largest component that is read (64 MiB): ours have a few; more than this is some other file.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// A manifest with its components, ready to start.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) manifest: Manifest,
    pub(crate) components: BTreeMap<String, Cow<'static, [u8]>>,
    /// Where relative `files` sources are looked up; an embedded application has none.
    pub(crate) root: Option<PathBuf>,
}

/// Why an application cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file is missing or unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An embedded application lacks the bytes of one of its components.
    #[error("component `{0}` of the manifest has no bytes")]
    MissingComponent(String),
    /// A component's file is larger than any component of ours could be.
    #[error("{} has {size} bytes, more than a component may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

impl App {
    /// Reads `spin.toml` from a directory (or the manifest at this path) and every component relative to it.
    pub fn from_dir(path: impl AsRef<Path>) -> Result<Self, AppError> {
        let path = path.as_ref();
        let manifest_path = if path.is_dir() { path.join(MANIFEST_FILE) } else { path.to_owned() };
        let text = std::fs::read_to_string(&manifest_path)
            .map_err(|source| AppError::Read { path: manifest_path.clone(), source })?;
        let manifest = Manifest::parse(&text)?;
        let root = manifest_path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let mut components = BTreeMap::new();
        for (id, component) in &manifest.components {
            components.insert(id.clone(), Cow::Owned(read_component(&root.join(&component.source))?));
        }
        Ok(Self { manifest, components, root: Some(root) })
    }

    /// An application whose parts are inside the program: the manifest's text and `(component id, wasm bytes)`.
    /// The manifest's `source` paths are not used; pairs for components that it does not name are ignored.
    pub fn embedded(manifest_toml: &str, components: &[(&str, &'static [u8])]) -> Result<Self, AppError> {
        let manifest = Manifest::parse(manifest_toml)?;
        let components = manifest
            .components
            .keys()
            .map(|id| {
                let (_, bytes) = components
                    .iter()
                    .find(|(name, _)| name == id)
                    .ok_or_else(|| AppError::MissingComponent(id.clone()))?;
                Ok((id.clone(), Cow::Borrowed(*bytes)))
            })
            .collect::<Result<_, AppError>>()?;
        Ok(Self { manifest, components, root: None })
    }

    /// The application's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

fn read_component(path: &Path) -> Result<Vec<u8>, AppError> {
    let read = |source| AppError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(read)?.len();
    if size > MAX_COMPONENT_BYTES {
        return Err(AppError::TooLarge { path: path.to_owned(), size });
    }
    std::fs::read(path).map_err(read)
}
