//! `cargo xtask bench`: measures the release build against `smbclient`.

use std::process::Command;

use anyhow::Result;

use crate::step::execute;
use crate::workspace::{self, SELECTION};
use crate::{build, samba};

/// Builds for release, then runs the measurements of those names, or all.
pub(crate) fn run(only: &[String]) -> Result<()> {
    samba::ensure()?;
    build::components()?;
    build::binary(true)?;
    execute(&mut workspace::cargo(&["build", "--release", SELECTION, "--bin", "bench"]))?;
    let mut bench = Command::new(workspace::target().join("release/bench"));
    execute(bench.args(only).env("CAUSEWAY_BIN", workspace::binary(true)))
}
