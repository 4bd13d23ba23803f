//! `cargo xtask openapi`: accepts the API as the code has it now.

use anyhow::Result;

use crate::step::execute;
use crate::workspace;

/// Writes the snapshot anew; the difference is for the reviewer of the change.
pub(crate) fn run() -> Result<()> {
    let mut command = workspace::cargo(&["test", "-p", "causeway-api"]);
    execute(command.env("INSTA_UPDATE", "always"))?;
    println!("The snapshot is below shared/api. Look at its difference before you commit it.");
    Ok(())
}
