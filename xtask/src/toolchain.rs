//! The wasm target, without which no component can be built.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// What the functions are compiled to.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Adds the wasm target by `rustup` if it is missing; without `rustup` says what to do.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    if target_libraries()?.is_dir() {
        return Ok(());
    }
    println!("Adding the Rust target {WASM_TARGET} …");
    let added =
        Command::new("rustup").args(["target", "add", WASM_TARGET]).current_dir(workspace::root()).status();
    match added {
        Ok(status) if status.success() && target_libraries()?.is_dir() => Ok(()),
        Ok(_) => bail!(
            "`rustup target add {WASM_TARGET}` did not succeed. Run it by hand; it needs the network. Then try again."
        ),
        Err(_) => bail!(
            "The Rust target {WASM_TARGET} is missing and there is no rustup to add it. Install Rust by \
             https://rustup.rs, or install your distribution's package with the standard library for {WASM_TARGET}, \
             then try again."
        ),
    }
}

/// The directory that holds the target's standard library, whether or not it exists.
fn target_libraries() -> Result<PathBuf> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "sysroot"])
        .current_dir(workspace::root())
        .stderr(Stdio::inherit())
        .output()
        .context("`rustc` cannot be started")?;
    if !output.status.success() {
        bail!("`rustc --print sysroot` failed");
    }
    let sysroot =
        String::from_utf8(output.stdout).context("the compiler's directory has a name that is not UTF-8")?;
    Ok(PathBuf::from(sysroot.trim()).join("lib/rustlib").join(WASM_TARGET).join("lib"))
}
