//! `cargo xtask soak`: the cases that make trouble, again and again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::step::execute;
use crate::workspace::{self, SELECTION};
use crate::{build, samba};

/// The cases, and what each does more of than in `cargo xtask test`.
const CASES: [(&str, (&str, &str)); 2] = [
    ("locks::no_history_of_locks_and_saves_is_impossible", ("CAUSEWAY_TEST_OPERATIONS", "30000")),
    (
        "kills::a_save_that_is_killed_leaves_the_old_or_the_new_content_and_nothing_else",
        ("CAUSEWAY_TEST_KILLS", "1000"),
    ),
];

/// The two ways in which the product runs, in turns.
const MODES: [&str; 2] = ["standalone", "split"];

/// Builds, then repeats the cases for that long, each round with a seed that nobody has tried yet. Each prints its seed
/// and its figures; the first failure ends it.
pub(crate) fn run(minutes: u64) -> Result<()> {
    samba::ensure()?;
    build::components()?;
    build::binary(false)?;
    let time = Duration::from_secs(minutes * 60);
    let start = Instant::now();
    let mut rounds = 0_usize;
    while rounds == 0 || start.elapsed() < time {
        let mode = MODES[rounds % MODES.len()];
        for (case, (name, value)) in CASES {
            println!("\n── round {}, {mode}, after {} s: {case}", rounds + 1, start.elapsed().as_secs());
            let mut command = workspace::cargo(&["test", SELECTION, "--test", "endurance"]);
            command.args(["--", "--exact", case, "--nocapture"]).env(name, value);
            command.env("CAUSEWAY_TEST_MODE", mode).env("CAUSEWAY_BIN", workspace::binary(false));
            execute(&mut command).with_context(|| format!("round {} of {case}, {mode}", rounds + 1))?;
        }
        rounds += 1;
    }
    println!("\n{rounds} rounds in {} s, and nothing found", start.elapsed().as_secs());
    Ok(())
}
