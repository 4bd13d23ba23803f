//! Removing a session whose content is settled, unless something turns out to be in it that is nowhere else.

use std::io;
use std::path::{Path, PathBuf};

use super::note;
use crate::beside::others_beside;
use crate::edit::Edit;
use crate::outcome::Exit;
use crate::session::{Content, Phase};
use crate::store::{OpenSession, StoreError};
use crate::working_copy::{Stamp, content_of};

/// What is in a working directory.
struct Contents {
    /// The working copy, and by what a change of it would show.
    copy: Option<(Content, Stamp)>,
    /// What must not be removed.
    others: Vec<PathBuf>,
}

impl Contents {
    fn of(work: &Path, name: &str, doubtful: bool) -> io::Result<Self> {
        let file = work.join(name);
        // The stamp first: what is written after it shows.
        let copy = match Stamp::of(&file) {
            Ok(stamp) => Some((content_of(&file)?, stamp)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
            Err(fault) => return Err(fault),
        };
        Ok(Self { copy, others: others_beside(work, name, doubtful)? })
    }

    /// Whether it is still the same, in a directory that was moved.
    fn is_in(&self, work: &Path, name: &str, doubtful: bool) -> bool {
        let stamp = Stamp::of(&work.join(name)).ok();
        stamp.as_ref() == self.copy.as_ref().map(|(_, stamp)| stamp)
            && others_beside(work, name, doubtful).is_ok_and(|others| others.is_empty())
    }
}

/// Gives the lock back and removes the session, except for what is in it that is not settled: a working copy with another
/// content, because a program has saved meanwhile, and files that somebody put beside it. The exit code is the given one
/// unless work is in there.
pub(super) async fn clear_up(edit: Edit<'_>, settled: Option<Content>, doubtful: bool, exit: Exit) -> Exit {
    edit.release().await;
    let person = edit.person();
    let contents = on_a_thread({
        let (work, name) = (edit.work(), edit.session().file_name.clone());
        move || Contents::of(&work, &name, doubtful)
    });
    let contents = match contents.await {
        Ok(contents) => contents,
        Err(fault) => {
            person.tell(format!("{} cannot be looked at, and stays: {fault}.", edit.work().display()));
            leave(&edit, "it could not be looked at whether anything else is in it").await;
            return Exit::Kept;
        }
    };
    if contents.copy.as_ref().map(|(content, _)| content) != settled.as_ref() {
        return leave_newer(&edit).await;
    }
    if !contents.others.is_empty() {
        let list: Vec<String> = contents.others.iter().map(|path| format!("  {}", path.display())).collect();
        let what = if doubtful {
            "The program did not end as it should, and these files may hold what it had not saved:"
        } else {
            "These files were put beside the working copy, and are not on the server:"
        };
        person.tell(format!(
            "{what}\n{}\nMove them to where you want them; `causeway-companion discard {}` removes them.",
            list.join("\n"),
            edit.session().id
        ));
        leave(&edit, "there are other files beside the working copy").await;
        return if doubtful { Exit::Kept } else { exit };
    }
    let open = edit.into_session();
    let (id, work) = (open.session().id.clone(), open.work());
    let removal = on_a_thread(move || {
        let name = open.session().file_name.clone();
        Ok(open.remove_if(|work| contents.is_in(work, &name, doubtful)))
    });
    match removal.await {
        Ok(Ok(None)) => exit,
        Ok(Ok(Some(mut open))) => {
            person.tell(newer(&work, &id.to_string()));
            if let Err(fault) = keep(&mut open, "a program saved it once more while the edit ended") {
                person.tell(format!("{fault}."));
            }
            Exit::Kept
        }
        Ok(Err(StoreError::Disk { path, source })) => {
            person.tell(format!(
                "What is left of session {id} is in {} and stays there: {source}.",
                path.display()
            ));
            exit
        }
        Ok(Err(fault)) => {
            person.tell(format!("{fault}."));
            exit
        }
        Err(fault) => {
            person.tell(format!("Session {id} is not removed: {fault}."));
            exit
        }
    }
}

async fn leave_newer(edit: &Edit<'_>) -> Exit {
    edit.person().tell(newer(&edit.work(), &edit.session().id.to_string()));
    leave(edit, "a program saved it once more while the edit ended").await;
    Exit::Kept
}

fn newer(work: &Path, id: &str) -> String {
    format!(
        "A program has changed the file in {} once more while the edit ended. That is not on the server: open the file from the \
         browser again and choose to go on with session {id}.",
        work.display()
    )
}

/// Leaves everything where it is, gives the lock back, and writes down why.
pub(super) async fn leave(edit: &Edit<'_>, reason: &str) {
    // Before the lock is given back, which may take a while.
    note(edit, |session| session.phase = Phase::Kept { reason: reason.to_owned() });
    edit.release().await;
    note(edit, |session| session.operation = None);
}

fn keep(open: &mut OpenSession, reason: &str) -> Result<(), StoreError> {
    open.update(|session| {
        session.phase = Phase::Kept { reason: reason.to_owned() };
        session.operation = None;
    })
}

/// Reads large files without keeping the rest from its time.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|fault| Err(io::Error::other(fault)))
}
