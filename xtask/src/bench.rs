//! `cargo xtask bench`: measures the release build against `smbclient`.

use anyhow::Result;

use crate::step::execute;
use crate::workspace::{self, END_TO_END};
use crate::{build, samba};

/// Builds for release, then runs the measurements of those names, or all.
pub(crate) fn run(only: &[String]) -> Result<()> {
    samba::ensure()?;
    build::components()?;
    build::binary(true)?;
    let mut command = workspace::cargo(&["run", "--release", "-p", END_TO_END, "--bin", "bench", "--"]);
    execute(command.args(only).env("CAUSEWAY_BIN", workspace::binary(true)))
}
