//! Steps of a command: announced, timed, summed up.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs a command to its end; its output goes where ours goes.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("`{shown}` cannot be started"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// The command as one would type it, the program without its directory.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// What became of a step.
#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    Skipped(String),
}

/// The steps so far. A failed one does not stop those after it, unless the caller asks.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Outcome)>,
}

impl Steps {
    /// Runs a step under a headline. Whether it passed is returned too, for steps that build on it.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("\n── {name}");
        let start = Instant::now();
        let outcome = match work() {
            Ok(()) => Outcome::Passed(start.elapsed()),
            Err(fault) => {
                println!("   {fault:#}");
                Outcome::Failed(start.elapsed(), format!("{fault:#}"))
            }
        };
        let passed = matches!(outcome, Outcome::Passed(_));
        self.done.push((name.to_owned(), outcome));
        passed
    }

    /// Notes that a step was left out, and why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.done.push((name.to_owned(), Outcome::Skipped(why.to_owned())));
    }

    /// Prints every step with its time. An error if one failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!("\n── Summary");
        let width = self.done.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut failures = 0;
        for (name, outcome) in &self.done {
            match outcome {
                Outcome::Passed(time) => println!("   ok       {name:width$}  {:>6.1} s", time.as_secs_f64()),
                Outcome::Failed(time, why) => {
                    failures += 1;
                    println!("   FAILED   {name:width$}  {:>6.1} s  {why}", time.as_secs_f64());
                }
                Outcome::Skipped(why) => println!("   skipped  {name:width$}            {why}"),
            }
        }
        match failures {
            0 => Ok(()),
            1 => bail!("one step failed"),
            several => bail!("{several} steps failed"),
        }
    }
}
