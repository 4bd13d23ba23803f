//! Programs to edit with: starting one, and knowing when it is done.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::beside::mark_of_a_program;
use crate::context::Context;
use crate::edit::Edit;
use crate::session::{EditorProcess, Session};
use crate::still_open::{started, this_boot};
use crate::store::StoreError;
use crate::working_copy::content_of;

/// A program that ends sooner, with nothing changed, may only have handed the file over to another one.
const TOO_QUICK: Duration = Duration::from_secs(3);

/// How long after the end of a terminal's input the signal may take that says that its window was closed.
const HANGS_UP_WITHIN: Duration = Duration::from_millis(500);

/// The desktop's own way to open a file.
const SYSTEM: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// With what the file is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opener {
    /// A command for the shell; the file is its last argument.
    Command(String),
    /// What the desktop opens such files with.
    System,
    /// Nothing: the person knows.
    ByHand,
}

/// How the editing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The person is done.
    Done,
    /// The program says that something went wrong.
    Failed(String),
    /// A program may still have the file, and nobody can be asked: why it looks so.
    StillOpen(String),
}

/// Why a file cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum EditorError {
    /// Nobody could say when the editing is done.
    #[error(
        "Without a terminal nobody can say when the editing is done. Name a program that ends with it by `--editor`, or say with \
         `--until-exit` that the desktop's does"
    )]
    NobodyToAsk,
    /// `--edit` without anything set.
    #[error("Neither VISUAL nor EDITOR is set; name a program by `--editor`")]
    NotSet,
    /// The program cannot be started.
    #[error("{program} cannot be started: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The desktop cannot open the file.
    #[error(
        "The desktop has no program for this file ({SYSTEM} ended with {0}). Name one by `--editor`, or edit by hand with `--wait`"
    )]
    NothingFits(ExitStatus),
    /// The session cannot be written.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Opener {
    /// The person's own editor.
    pub fn from_environment() -> Result<Self, EditorError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        set("VISUAL").or_else(|| set("EDITOR")).map(Self::Command).ok_or(EditorError::NotSet)
    }

    /// Whether somebody will have to say when the editing is done.
    pub fn needs_an_answer(&self, until_exit: bool) -> bool {
        *self == Self::System && !until_exit
    }
}

/// Opens the working copy and waits until the person is done.
pub async fn edit_with(
    context: &Context,
    edit: &Edit<'_>,
    opener: &Opener,
    until_exit: bool,
) -> Result<Ended, EditorError> {
    let file = edit.working_copy();
    // Written down before anybody has the file.
    edit.update(|session| {
        session.boot = this_boot();
        session.editor = None;
        // Of a program that is just being started nobody knows yet which it is: a recovery must not take the file from it.
        session.handed_over = true;
    })?;
    match opener {
        Opener::ByHand => {
            context.person.tell(format!("Edit this file: {}", file.display()));
            Ok(until_told(context, edit).await)
        }
        Opener::System => {
            let mut command = Command::new(SYSTEM);
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
            let begun = Instant::now();
            let mut child = start(command, SYSTEM)?;
            if until_exit {
                remember(edit, &child);
            }
            let status = ended(&mut child, SYSTEM).await?;
            if !status.success() {
                return Err(EditorError::NothingFits(status));
            }
            if until_exit {
                Ok(after_the_end(context, edit, SYSTEM, begun).await)
            } else {
                Ok(until_told(context, edit).await)
            }
        }
        Opener::Command(command) => with_command(context, edit, command, &file).await,
    }
}

/// The terminal, while a program has it. Whatever we said then would be in the middle of its screen, and Ctrl-C is for it.
struct Lent<'a>(&'a Context);

impl<'a> Lent<'a> {
    fn new(context: &'a Context) -> Self {
        context.person.leave_terminal();
        context.terminal_is_lent.set(true);
        Self(context)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.terminal_is_lent.set(false);
        self.0.person.free_terminal();
    }
}

async fn with_command(
    context: &Context,
    edit: &Edit<'_>,
    command: &str,
    file: &Path,
) -> Result<Ended, EditorError> {
    // The file is an argument of the shell, not part of its text: whatever is in its name stays a name.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{command} \"$@\"")).arg(command).arg(file);
    let lent = context.person.is_at_terminal().then(|| Lent::new(context));
    if lent.is_none() {
        shell.stdin(Stdio::null());
    }
    let begun = Instant::now();
    let started = start(shell, command);
    let editor = started.as_ref().ok().and_then(process_of);
    note(edit, |session| {
        session.editor = editor;
        session.handed_over = false;
    });
    let mut child = started?;
    let status = ended(&mut child, command).await;
    drop(lent);
    let status = status?;
    note(edit, |session| session.editor = None);
    if !status.success() {
        return Ok(Ended::Failed(format!("{command:?} ended with {status}")));
    }
    Ok(after_the_end(context, edit, command, begun).await)
}

/// What the end of a program means: that the editing is over, or that another program has the file now.
async fn after_the_end(context: &Context, edit: &Edit<'_>, program: &str, begun: Instant) -> Ended {
    let why = match mark(edit) {
        Some(mark) => {
            format!("{program:?} has ended, but {mark} says that a program still has the file open")
        }
        None if begun.elapsed() < TOO_QUICK && is_unchanged(edit).await => {
            format!(
                "{program:?} has ended at once, with nothing changed; perhaps it goes on in another window"
            )
        }
        None => {
            note(edit, |session| session.handed_over = false);
            return Ended::Done;
        }
    };
    if !context.person.can_be_asked() {
        return Ended::StillOpen(why);
    }
    note(edit, |session| session.handed_over = true);
    context.person.tell(format!("{why}."));
    until_told(context, edit).await
}

/// The file by which a program says that it has the working copy open.
fn mark(edit: &Edit<'_>) -> Option<String> {
    mark_of_a_program(&edit.work(), &edit.session().file_name)
}

async fn is_unchanged(edit: &Edit<'_>) -> bool {
    let base = edit.session().base.as_ref().map(|base| base.content.clone());
    let file = edit.working_copy();
    // A large file takes a while, and heartbeats are due meanwhile.
    let now = tokio::task::spawn_blocking(move || content_of(&file)).await;
    now.is_ok_and(|now| now.ok() == base)
}

fn start(mut command: Command, program: &str) -> Result<Child, EditorError> {
    command.spawn().map_err(|source| EditorError::NotStarted { program: program.to_owned(), source })
}

async fn ended(child: &mut Child, program: &str) -> Result<ExitStatus, EditorError> {
    child.wait().await.map_err(|source| EditorError::NotStarted { program: program.to_owned(), source })
}

/// Notes the program, so that a recovery does not take the file away from under it.
fn remember(edit: &Edit<'_>, child: &Child) {
    note(edit, |session| session.editor = process_of(child));
}

fn process_of(child: &Child) -> Option<EditorProcess> {
    child.id().map(|pid| EditorProcess { pid, started: started(pid) })
}

/// Notes something while a program has the file. A disk that is full is no reason to leave the program alone: this process
/// knows what it has to, and only a recovery would have to do without.
fn note(edit: &Edit<'_>, change: impl FnOnce(&mut Session)) {
    if let Err(fault) = edit.update(change) {
        edit.person()
            .tell(format!("{fault}. You can go on editing; make room on this computer before you save."));
    }
}

/// Waits until the person says that he is done.
async fn until_told(context: &Context, edit: &Edit<'_>) -> Ended {
    let person = &context.person;
    let mut prompt = "Press Enter when you are done editing: ";
    let mut was_told = false;
    loop {
        // The end of the input is an answer, too.
        let is_there = person.line(prompt).await.is_some();
        if !is_there && person.is_at_terminal() {
            // Its window may just be closing: that is no answer, and the signal that says so ends this wait.
            tokio::time::sleep(HANGS_UP_WITHIN).await;
        }
        let Some(mark) = mark(edit) else { break };
        if !is_there || !person.can_be_asked() {
            return Ended::StillOpen(format!("{mark} says that a program still has the file open"));
        }
        if was_told && person.agrees("It still looks open. Are you done all the same?").await {
            break;
        }
        was_told = true;
        person.tell(format!(
            "A program still has the file open, says {mark}. What it has not saved yet would be left out."
        ));
        prompt = "Close it and press Enter, or press Enter again if it is closed: ";
    }
    note(edit, |session| session.handed_over = false);
    Ended::Done
}

#[cfg(test)]
mod tests {
    use super::Opener;

    #[test]
    fn only_the_desktop_leaves_open_when_it_is_done() {
        assert!(Opener::System.needs_an_answer(false));
        assert!(!Opener::System.needs_an_answer(true));
        assert!(!Opener::Command("vim".to_owned()).needs_an_answer(false));
        assert!(!Opener::ByHand.needs_an_answer(false), "without a terminal, the end of the input says it");
    }
}
