//! `cargo xtask build`: the functions, then the binary that carries them.

use anyhow::Result;

use crate::step::execute;
use crate::toolchain::{self, WASM_TARGET};
use crate::workspace::{self, COMPONENTS, SELECTION};

/// Builds everything and says where the binary is.
pub(crate) fn run(release: bool) -> Result<()> {
    components()?;
    binary(release)?;
    println!("\nBuilt {}", workspace::binary(release).display());
    Ok(())
}

/// Builds the functions. They have a target directory of their own so that two cargo calls for two targets do not
/// wait for one another.
pub(crate) fn components() -> Result<()> {
    toolchain::ensure_wasm_target()?;
    println!("Building the functions for {WASM_TARGET} …");
    let directory = workspace::target().join("components");
    let mut command = workspace::cargo(&["build", "--profile", "component", "--target", WASM_TARGET]);
    command.arg("--target-dir").arg(directory);
    for component in COMPONENTS {
        command.args(["-p", component]);
    }
    execute(&mut command)
}

/// Builds the binary, and the companion beside it. The functions must have been built: the binary carries them inside.
pub(crate) fn binary(release: bool) -> Result<()> {
    println!("Building the binaries; the first time this takes some minutes …");
    let mut command =
        workspace::cargo(&["build", SELECTION, "--bin", "causeway", "--bin", "causeway-companion"]);
    if release {
        command.arg("--release");
    }
    execute(&mut command)
}
