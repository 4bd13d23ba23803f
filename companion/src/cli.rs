//! The command line.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::conflict::Policy;
use crate::context::{Context, Ending};
use crate::editor::{EditorError, Opener};
use crate::link::{DeepLink, LinkError};
use crate::open::{self, Request};
use crate::outcome::{Exit, Failure};
use crate::person::Person;
use crate::places::Places;
use crate::session::SessionId;
use crate::{desktop, recover};

/// Longest time between heartbeats that keeps a lock alive, in seconds; the server forgets it after 120.
const SLOWEST_HEARTBEAT: u64 = 60;

/// Bytes that are read when the link comes from standard input.
const LONGEST_INPUT: u64 = 64 * 1024;

/// Edit files of a share with the programs of this computer.
///
/// The file is locked for you on the server while you edit it, and your changes are never thrown away without asking.
/// `docs/companion.md` explains the exit codes.
#[derive(Debug, Parser)]
#[command(name = "causeway-companion", version)]
struct Cli {
    /// Tell each step on stderr.
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the file of a link from the browser, and save it when you are done.
    Open(Open),
    /// Finish edits that were interrupted.
    Recover(Recover),
    /// List edits that are under way, were interrupted, or whose changes are kept on this computer.
    Sessions,
    /// Throw the changes of an edit away.
    Discard(Discard),
    /// Let the desktop open links from the browser with the companion.
    Register,
    /// Undo `register`.
    Unregister,
}

#[derive(Debug, Args)]
struct Open {
    /// The link (`sambee://open?…`), or `-` to read it from standard input.
    link: String,
    #[command(flatten)]
    program: Program,
    /// The editing ends when the desktop's opener does.
    #[arg(long)]
    until_exit: bool,
    #[command(flatten)]
    allowed: Allowed,
    /// Save what is kept in that session, under the lock that this link gives.
    #[arg(long, value_name = "SESSION")]
    resume: Option<SessionId>,
    /// Wait for Enter at the end, so that a terminal window does not close at once.
    #[arg(long)]
    pause: bool,
    #[command(flatten)]
    how: How,
}

/// With what the file is edited, if not with what the desktop has for it.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Program {
    /// Command to edit with, for the shell; the file is added to it. Its end is the end of the editing.
    #[arg(long, value_name = "COMMAND")]
    editor: Option<String>,
    /// Edit with $VISUAL or $EDITOR.
    #[arg(long)]
    edit: bool,
    /// Open nothing: edit the file by hand, then press Enter (or end the input).
    #[arg(long)]
    wait: bool,
}

/// Servers that the person vouches for.
#[derive(Debug, Args)]
struct Allowed {
    /// Allow the server of the link from now on, without asking.
    #[arg(long)]
    trust: bool,
    /// Allow a server without encryption. Servers on this computer are always allowed.
    #[arg(long)]
    allow_http: bool,
}

#[derive(Debug, Args)]
struct Recover {
    /// The sessions to recover; all that were left behind, if none is named.
    sessions: Vec<SessionId>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct Discard {
    /// The session.
    session: SessionId,
    /// Answer "yes" to the question whether it is meant.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
struct How {
    /// What to do with changes that cannot simply be saved, because somebody else changed the file or the lock is lost.
    #[arg(long, value_enum, default_value_t)]
    on_conflict: Policy,
    /// Answer "yes" to questions whether something is meant, such as downloading a large file.
    #[arg(long)]
    yes: bool,
    /// Ask questions on stderr and read the answers from standard input, even if that is no terminal.
    #[arg(long)]
    ask: bool,
    /// How long to try to save when the server is away and nobody can be asked.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(..=86_400))]
    patience: u64,
    /// Time between two heartbeats. Another than the usual one is for tests.
    #[arg(long, value_name = "SECONDS", hide = true, default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=SLOWEST_HEARTBEAT))]
    heartbeat: u64,
}

impl How {
    fn ending(&self) -> Ending {
        Ending {
            policy: self.on_conflict,
            patience: Duration::from_secs(self.patience),
            heartbeat: Duration::from_secs(self.heartbeat),
        }
    }
}

/// The program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.verbose {
        // Of other crates nothing: they might log headers.
        let filter = tracing_subscriber::EnvFilter::new("off,causeway_companion=debug");
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("The companion cannot start: {fault}");
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(run(cli.command));
    // A thread may still wait for a line that nobody will type.
    runtime.shutdown_background();
    exit.into()
}

async fn run(command: Command) -> Exit {
    let (how, says_yes, asks) = match &command {
        Command::Open(Open { how, .. }) | Command::Recover(Recover { how, .. }) => {
            (how.ending(), how.yes, how.ask)
        }
        Command::Discard(discard) => (Ending::default(), discard.yes, false),
        _ => (Ending::default(), false, false),
    };
    let places = match Places::from_environment() {
        Ok(places) => places,
        Err(fault) => {
            eprintln!("{fault}");
            return Exit::Failed;
        }
    };
    let context = Context::new(Person::at_stdin(asks, says_yes), places, how);
    let pause = matches!(&command, Command::Open(Open { pause: true, .. }));
    let exit = tokio::select! {
        biased;
        result = carry_out(&context, command) => result.unwrap_or_else(|fault| {
            context.person.tell(format!("{fault}."));
            fault.exit()
        }),
        () = stopped(&context) => {
            context.person.free_terminal();
            context.person.tell(
                "\nStopped. What you have changed stays on this computer: `causeway-companion recover` goes on from here.",
            );
            return Exit::Kept;
        }
    };
    if pause && context.person.is_at_terminal() {
        tokio::select! {
            _ = context.person.line("Press Enter to close. ") => {}
            () = stopped(&context) => {}
        }
    }
    exit
}

async fn carry_out(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Open(open) => open::open(context, request(open)?).await,
        Command::Recover(recover) => recover::recover(context, &recover.sessions).await,
        Command::Sessions => {
            let table = recover::sessions(context)?;
            // Nobody may be reading any more.
            let _ = std::io::stdout().write_all(table.as_bytes());
            Ok(Exit::Done)
        }
        Command::Discard(discard) => recover::discard(context, &discard.session).await,
        Command::Register => desktop::register(context),
        Command::Unregister => desktop::unregister(context),
    }
}

fn request(open: Open) -> Result<Request, Failure> {
    let text = if open.link == "-" { from_stdin()? } else { open.link };
    let opener = match open.program {
        Program { editor: Some(command), .. } if command.trim().is_empty() => {
            return Err(EditorError::NotSet.into());
        }
        Program { editor: Some(command), .. } => Some(Opener::Command(command)),
        Program { edit: true, .. } => Some(Opener::from_environment()?),
        Program { wait: true, .. } => Some(Opener::ByHand),
        Program { editor: None, edit: false, wait: false } => None,
    };
    Ok(Request {
        link: DeepLink::parse(&text)?,
        opener,
        until_exit: open.until_exit,
        trust: open.allowed.trust,
        allow_http: open.allowed.allow_http,
        resume: open.resume,
    })
}

/// A link that does not show in the list of processes. One line; answers to questions may follow it.
fn from_stdin() -> Result<String, LinkError> {
    let mut line = Vec::new();
    // Byte by byte: what follows is not ours to take.
    for byte in std::io::stdin().lock().take(LONGEST_INPUT).bytes() {
        match byte {
            Ok(b'\n') | Err(_) => break,
            Ok(byte) => line.push(byte),
        }
    }
    String::from_utf8(line).map_err(|_| LinkError::NotALink)
}

/// Waits until somebody wants the companion to stop.
async fn stopped(context: &Context) {
    let [mut interrupt, mut terminate, mut hang_up] =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
            .map(|kind| signal(kind).ok());
    loop {
        tokio::select! {
            () = received(&mut interrupt) => {
                // Ctrl-C reaches everybody at the terminal, and an editor there knows what to make of it.
                if !context.terminal_is_lent.get() {
                    return;
                }
            }
            () = received(&mut terminate) => return,
            () = received(&mut hang_up) => return,
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            if signal.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
