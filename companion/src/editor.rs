//! Programs to edit with: starting one, and knowing when it is done.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::context::Context;
use crate::edit::Edit;
use crate::session::EditorProcess;
use crate::store::StoreError;
use crate::working_copy::{content_of, is_open_in_a_program};

/// A program that ends sooner, with nothing changed, has only handed the file over to another one.
const TOO_QUICK: Duration = Duration::from_secs(3);

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
    match opener {
        Opener::ByHand => {
            context.person.tell(format!("Edit this file: {}", file.display()));
            until_told(context, edit).await;
            Ok(Ended::Done)
        }
        Opener::System => {
            let mut command = Command::new(SYSTEM);
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
            let mut child = start(command, SYSTEM)?;
            if until_exit {
                remember(edit, &child)?;
            }
            let status = ended(&mut child, SYSTEM).await?;
            if !status.success() {
                return Err(EditorError::NothingFits(status));
            }
            if !until_exit {
                until_told(context, edit).await;
            }
            Ok(Ended::Done)
        }
        Opener::Command(command) => with_command(context, edit, command, &file).await,
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
    let has_terminal = context.person.is_at_terminal();
    if has_terminal {
        // Whatever we said now would be in the middle of its screen, and Ctrl-C is for it.
        context.person.leave_terminal();
        context.terminal_is_lent.set(true);
    } else {
        shell.stdin(Stdio::null());
    }
    let begun = Instant::now();
    let mut child = start(shell, command)?;
    remember(edit, &child)?;
    let status = ended(&mut child, command).await;
    context.terminal_is_lent.set(false);
    context.person.free_terminal();
    edit.update(|session| session.editor = None)?;
    let status = status?;
    if !status.success() {
        return Ok(Ended::Failed(format!("{command:?} ended with {status}")));
    }
    let unchanged = || {
        let base = edit.session().base.as_ref().map(|base| base.content.clone());
        content_of(file).ok() == base
    };
    if begun.elapsed() < TOO_QUICK && context.person.can_be_asked() && unchanged() {
        context.person.tell(format!("{command:?} has ended at once; perhaps it goes on in another window."));
        until_told(context, edit).await;
    }
    Ok(Ended::Done)
}

fn start(mut command: Command, program: &str) -> Result<Child, EditorError> {
    command.spawn().map_err(|source| EditorError::NotStarted { program: program.to_owned(), source })
}

async fn ended(child: &mut Child, program: &str) -> Result<ExitStatus, EditorError> {
    child.wait().await.map_err(|source| EditorError::NotStarted { program: program.to_owned(), source })
}

/// Notes the program, so that a recovery does not take the file away from under it.
fn remember(edit: &Edit<'_>, child: &Child) -> Result<(), EditorError> {
    let editor = child.id().map(|pid| EditorProcess { pid, started: started(pid) });
    Ok(edit.update(|session| session.editor = editor)?)
}

/// Waits until the person says that he is done.
async fn until_told(context: &Context, edit: &Edit<'_>) {
    let mut prompt = "Press Enter when you are done editing: ";
    // The end of the input is an answer, too.
    while context.person.line(prompt).await.is_some() {
        if !context.person.can_be_asked() || !is_open_in_a_program(&edit.work(), &edit.session().file_name) {
            return;
        }
        context
            .person
            .tell("A program still has the file open. What it has not saved yet would be left out.");
        prompt = "Close it and press Enter, or press Enter again if it is closed: ";
        if context.person.line(prompt).await.is_none() {
            return;
        }
        if !is_open_in_a_program(&edit.work(), &edit.session().file_name)
            || context.person.confirms("It still looks open. Are you done all the same?").await
        {
            return;
        }
    }
}

/// Whether a program that an earlier process started is still at work.
pub fn is_alive(editor: EditorProcess) -> bool {
    editor.started.is_some() && started(editor.pid) == editor.started
}

/// When a running process began, in ticks since boot (proc(5), `/proc/pid/stat`, field 22); `None` for one that has
/// ended, and where there is no `/proc`.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in field 2 may have spaces and brackets in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Opener, is_alive, started};
    use crate::session::EditorProcess;

    #[test]
    fn a_program_is_known_by_its_id_and_its_beginning() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("a program");
        let editor = EditorProcess { pid: child.id(), started: started(child.id()) };
        if cfg!(target_os = "linux") {
            assert!(is_alive(editor));
            assert!(!is_alive(EditorProcess { started: Some(1), ..editor }), "another one with this id");
        }
        child.kill().expect("killed");
        let begun = Instant::now();
        while is_alive(editor) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it ends, though nobody has waited for it");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait().expect("ended");
        assert!(!is_alive(editor));
    }

    #[test]
    fn only_the_desktop_leaves_open_when_it_is_done() {
        assert!(Opener::System.needs_an_answer(false));
        assert!(!Opener::System.needs_an_answer(true));
        assert!(!Opener::Command("vim".to_owned()).needs_an_answer(false));
        assert!(!Opener::ByHand.needs_an_answer(false), "without a terminal, the end of the input says it");
    }
}
