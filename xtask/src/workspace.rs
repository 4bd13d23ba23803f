//! Where things are in the repository, and which packages there are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The components: packages that are built for [`WASM_TARGET`](crate::toolchain::WASM_TARGET) and for nothing else.
pub(crate) const COMPONENTS: [&str; 5] = [
    "causeway-fn-auth",
    "causeway-fn-files",
    "causeway-fn-locks",
    "causeway-fn-preview",
    "causeway-fn-system",
];

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where built things go. The end-to-end tests and the binary's build script look in the same place.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The binary of that profile.
pub(crate) fn binary(release: bool) -> PathBuf {
    target().join(if release { "release" } else { "debug" }).join("causeway")
}

/// Selects the packages for everything that is built natively, then targets are chosen by name. Which features a
/// dependency gets depends on the selection: with two of them the largest crates would be built twice.
pub(crate) const SELECTION: &str = "--workspace";

/// `cargo` in the root, the one that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What the cargo that runs us says of our package. The build script of `ring` looks at it, so that half of the product
    // would be built anew by each `cargo` that is called by hand in between.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command.current_dir(root()).args(arguments);
    command
}
