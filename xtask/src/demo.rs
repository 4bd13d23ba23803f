//! `cargo xtask demo`: from a fresh clone to a running server.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{build, workspace};

/// Where the demo answers unless told otherwise.
const LISTEN: &str = "127.0.0.1:8080";

/// How long the server may take to stop before it is killed: it lets requests in progress end.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// How often the server and the wish to stop are looked at.
const POLL: Duration = Duration::from_millis(50);

/// Builds, then runs `causeway demo` until Ctrl-C.
pub(crate) fn run(release: bool, arguments: &[String]) -> Result<()> {
    build::components()?;
    build::binary(release)?;

    let (wish, wishes) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Nobody listens any more only when we are about to end anyway.
        let _ = wish.send(());
    })
    .context("Ctrl-C cannot be caught")?;

    let given = |option: &str| {
        arguments.iter().any(|argument| argument == option || argument.starts_with(&format!("{option}=")))
    };
    let mut command = Command::new(workspace::binary(release));
    command.arg("demo").args(arguments).stdin(Stdio::null());
    if !given("--listen") && std::env::var_os("CAUSEWAY_LISTEN").is_none() {
        command.args(["--listen", LISTEN]);
    }
    if !given("--data-dir") && std::env::var_os("CAUSEWAY_DATA_DIR").is_none() {
        command.arg("--data-dir").arg(workspace::target().join("demo"));
    }
    // A process group of its own: the terminal's Ctrl-C comes to us alone and is passed on once.
    command.process_group(0);
    println!();
    let mut server = command.spawn().context("the demo cannot be started")?;

    let mut asked_at: Option<Instant> = None;
    loop {
        if let Some(status) = server.try_wait().context("the demo cannot be watched")? {
            ensure!(status.success(), "the demo ended badly ({status})");
            return Ok(());
        }
        let again = wishes.recv_timeout(POLL).is_ok();
        match asked_at {
            None if again => {
                asked_at = Some(Instant::now());
                interrupt(server.id())?;
            }
            Some(at) if again || at.elapsed() > STOP_WITHIN => {
                server.kill().context("the demo cannot be stopped")?;
                server.wait().context("the demo cannot be waited for")?;
                bail!("the demo did not stop by itself and was killed");
            }
            _ => {}
        }
    }
}

/// Sends what Ctrl-C would send. By the `kill` program, because the standard library can only kill outright.
fn interrupt(process: u32) -> Result<()> {
    let status = Command::new("kill").args(["-INT", &process.to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("process {process} cannot be asked to stop"),
    }
}
