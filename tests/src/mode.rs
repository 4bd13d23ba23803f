//! Which product is under test, and in which form.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// How the product runs. No case may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Functions and sidecar in one process: `causeway serve`.
    Standalone,
    /// Two processes that talk over TCP: `causeway sidecar` and `causeway host`.
    Split,
}

impl Mode {
    /// The mode that `CAUSEWAY_TEST_MODE` names; standalone when it is not set.
    pub fn from_environment() -> Result<Self> {
        match std::env::var("CAUSEWAY_TEST_MODE").as_deref() {
            Err(_) | Ok("" | "standalone") => Ok(Self::Standalone),
            Ok("split") => Ok(Self::Split),
            Ok(other) => bail!("CAUSEWAY_TEST_MODE is {other:?}; it can be `standalone` or `split`"),
        }
    }
}

/// The target directory of the workspace.
pub(crate) fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |directory| root.join(directory))
}

/// The binary under test: `CAUSEWAY_BIN`, or the debug build.
pub fn binary() -> Result<PathBuf> {
    let path =
        std::env::var_os("CAUSEWAY_BIN").map_or_else(|| target().join("debug/causeway"), PathBuf::from);
    if !path.is_file() {
        bail!(
            "{} is not there: build it by `cargo xtask build`, or name another by CAUSEWAY_BIN",
            path.display()
        );
    }
    Ok(path)
}
