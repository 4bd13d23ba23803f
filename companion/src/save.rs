//! The end of an edit: what was changed gets to the server, or stays here and the person knows where.

mod attempts;
mod clear_up;
mod turn;

use std::path::PathBuf;

use turn::Save;

use crate::conflict::{Decision, Obstacle, choices};
use crate::context::Ending;
use crate::edit::Edit;
use crate::lease;
use crate::outcome::{Exit, Failure};
use crate::person::Choice;
use crate::session::{Base, Content, Phase, Session};
use crate::working_copy::{Snapshot, is_blank, take_snapshot};

/// How often a file is saved again because the person changed it during the save before.
const MOST_SAVES: usize = 20;

/// How often a question is asked again because the person did not mean it.
const MOST_QUESTIONS: usize = 3;

/// Why the changes stay here when the file does not come to rest.
const RESTLESS: &str = "the file changes on this computer all the time; close all programs that write to it";

/// Why it is not sure that the person wants the working copy saved as it is.
#[derive(Debug, Clone)]
pub enum Doubt {
    /// It is.
    None,
    /// The program to edit with says that something went wrong. Nobody to ask: the changes stay here.
    EditorFailed(String),
    /// The edit was interrupted. Nobody to ask: what was saved in the program is saved on the server.
    Interrupted,
    /// The same, and a program may still have the file open: what is saved stays here as well.
    LeftOpen,
    /// A program still seems to have the file open, for this reason: everything stays as it is.
    StillOpen(String),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Settled {
    Unchanged,
    Saved,
    SavedBeside(String),
    Discarded,
    Kept(String),
    Unreachable(String),
    Missing,
}

/// Ends an edit: releases the lock, and removes the session if nothing would be lost with it.
pub async fn finish(edit: Edit<'_>, ending: &Ending, doubt: Doubt) -> Result<Exit, Failure> {
    let stays = matches!(doubt, Doubt::LeftOpen);
    let doubtful = edit.was_left_behind() || !matches!(doubt, Doubt::None);
    let settling = Box::pin(settle(&edit, ending, doubt));
    let settling = lease::during(&edit, ending.heartbeat, settling).await;
    let (settled, content) = settling.inspect_err(|_| {
        edit.person().tell(format!(
            "Not saved. Your changes are in {}; `causeway-companion recover` tries again.",
            edit.working_copy().display()
        ));
    })?;
    let (id, path) = (edit.session().id.clone(), edit.session().path.clone());
    // It is told before the rest is done: that may take a while, and fail.
    let (words, exit) = match settled {
        Settled::Unchanged => (format!("{path} was not changed."), Exit::Unchanged),
        Settled::Saved => (format!("{path} is saved."), Exit::Done),
        Settled::SavedBeside(copy) => (format!("Your version is saved as {copy}."), Exit::SavedAsCopy),
        Settled::Discarded => ("Your changes are thrown away.".to_owned(), Exit::Discarded),
        Settled::Kept(reason) => {
            keep(&edit, &reason).await;
            return Ok(Exit::Kept);
        }
        Settled::Unreachable(reason) => {
            edit.person().tell(format!(
                "Not saved: {reason}.\nYour changes are safe in {}. Run `causeway-companion recover {id}` when the server can be \
                 reached again.",
                edit.working_copy().display()
            ));
            return Ok(Exit::Unreachable);
        }
        Settled::Missing => {
            keep(&edit, "the working copy is not there any more").await;
            return Ok(Exit::Failed);
        }
    };
    edit.person().tell(words);
    if stays {
        clear_up::leave(&edit, "the program that it was opened with may still have it").await;
        return Ok(exit);
    }
    Ok(clear_up::clear_up(edit, content, doubtful, exit).await)
}

/// Gives up the lock, and leaves the changes where they are.
async fn keep(edit: &Edit<'_>, reason: &str) {
    edit.person().tell(format!(
        "Not saved: {reason}.\nYour changes stay in {}.\nTo save them later, open the file from the browser again and choose to \
         go on with session {id}, or run `causeway-companion open --resume {id} LINK`. `causeway-companion discard {id}` throws \
         them away.",
        edit.working_copy().display(),
        id = edit.session().id
    ));
    clear_up::leave(edit, reason).await;
}

/// Notes something that is true whether or not it gets to the disk. A recovery that does not know of it finds it out or asks.
fn note(edit: &Edit<'_>, change: impl FnOnce(&mut Session)) {
    if let Err(fault) = edit.update(change) {
        edit.person().tell(format!("{fault}."));
    }
}

/// Saves as often as there is something new in the working copy. Besides, what was in it at last.
async fn settle(
    edit: &Edit<'_>,
    ending: &Ending,
    doubt: Doubt,
) -> Result<(Settled, Option<Content>), Failure> {
    if let Doubt::StillOpen(reason) = doubt {
        return Ok((Settled::Kept(reason), None));
    }
    // An earlier process may have come as far as that.
    let mut settled = match &edit.session().phase {
        Phase::Saved => Settled::Saved,
        Phase::SavedBeside { path } => Settled::SavedBeside(path.clone()),
        _ => Settled::Unchanged,
    };
    let discarded = match &edit.session().phase {
        Phase::Discarded { content } => Some(content.clone()),
        _ => None,
    };
    let mut doubt = Some(doubt);
    for _ in 0..MOST_SAVES {
        let content = match snapshot(edit).await? {
            Snapshot::Taken(content) => content,
            Snapshot::Gone => return Ok((Settled::Missing, None)),
            Snapshot::Unsteady => return Ok((Settled::Kept(RESTLESS.to_owned()), None)),
        };
        if discarded.as_ref() == Some(&content) {
            return Ok((Settled::Discarded, Some(content)));
        }
        let is_base = edit.session().base.as_ref().is_some_and(|base| base.content == content);
        // A server that may have something else of ours is asked, also when the person went back to where he began.
        if is_base && edit.session().unanswered.is_empty() {
            return Ok((settled, Some(content)));
        }
        if !is_base
            && let Some(doubt) = doubt.take()
            && let Some(instead) = resolve(edit, doubt, &content, discarded.is_some()).await?
        {
            if instead == Settled::Discarded {
                throw_away(edit, &content);
            }
            return Ok((instead, Some(content)));
        }
        edit.update(|session| session.sends(&content))?;
        let mut save = Save { edit, ending, content: &content, modified_at: None, turns: 0 };
        let done = save.run().await?;
        let phase = match &done {
            Settled::Saved => Phase::Saved,
            Settled::SavedBeside(path) => Phase::SavedBeside { path: path.clone() },
            Settled::Unchanged => {
                note(edit, |session| {
                    session.phase = Phase::Editing;
                    session.unanswered.clear();
                });
                return Ok((settled, Some(content)));
            }
            Settled::Discarded => {
                throw_away(edit, &content);
                return Ok((done, Some(content)));
            }
            _ => return Ok((done, Some(content))),
        };
        let modified_at = save.modified_at;
        note(edit, |session| {
            session.phase = phase;
            session.unanswered.clear();
            let before = session.base.take().and_then(|base| base.modified_at);
            session.base = Some(Base { modified_at: modified_at.or(before), content });
        });
        settled = done;
    }
    Ok((Settled::Kept(RESTLESS.to_owned()), None))
}

/// Writes down that this content is not wanted, before anything is removed: nobody is to save it after a kill.
fn throw_away(edit: &Edit<'_>, content: &Content) {
    note(edit, |session| session.phase = Phase::Discarded { content: content.clone() });
}

/// Asks whether the working copy is to be saved, where that is not sure; what is done instead.
async fn resolve(
    edit: &Edit<'_>,
    doubt: Doubt,
    content: &Content,
    was_discarded: bool,
) -> Result<Option<Settled>, Failure> {
    let path = edit.session().path.clone();
    let (mut question, mut unasked) = match doubt {
        Doubt::None | Doubt::StillOpen(_) => return Ok(None),
        Doubt::EditorFailed(how) => (format!("{how}, but {path} was changed."), Decision::Keep),
        Doubt::Interrupted | Doubt::LeftOpen => {
            (format!("{path} was changed before the edit was interrupted."), Decision::TryAgain)
        }
    };
    if was_discarded {
        question = format!("{path} was changed once more after you had thrown your changes away.");
        unasked = Decision::Keep;
    }
    let had_content = edit.session().base.as_ref().is_some_and(|base| base.content.size > 0);
    if had_content && snapshot_is_blank(edit, content).await? {
        // What a power failure makes of a file. It does not take the place of one that is whole.
        question = format!("{question} There is nothing in it now.");
        unasked = Decision::Keep;
    }
    let save = Choice { key: 's', meaning: "save it on the server", value: Decision::TryAgain };
    let mut answers = choices(Obstacle::LockLost { token_is_good: false });
    answers.insert(0, save);
    // Somebody who was asked and did not answer has not said that it is to be saved.
    let decision = if edit.person().can_be_asked() {
        choose(edit, &question, &answers).await.unwrap_or(Decision::Keep)
    } else {
        unasked
    };
    Ok(match decision {
        Decision::Keep => Some(Settled::Kept(question.trim_end_matches('.').to_owned())),
        Decision::Discard => Some(Settled::Discarded),
        _ => None,
    })
}

/// Lets the person choose. What is thrown away is gone, so that one letter is not enough for it.
async fn choose(edit: &Edit<'_>, question: &str, choices: &[Choice<Decision>]) -> Option<Decision> {
    let really = format!("Throw away your changes to {} for good?", edit.session().path);
    for _ in 0..MOST_QUESTIONS {
        let decision = edit.person().choose(question, choices).await?;
        if decision != Decision::Discard || edit.person().agrees(&really).await {
            return Some(decision);
        }
    }
    None
}

async fn snapshot(edit: &Edit<'_>) -> Result<Snapshot, Failure> {
    let (source, target) = (edit.working_copy(), edit.outgoing());
    on_a_thread(edit.working_copy(), move || take_snapshot(&source, &target)).await
}

async fn snapshot_is_blank(edit: &Edit<'_>, content: &Content) -> Result<bool, Failure> {
    if content.size == 0 {
        return Ok(true);
    }
    let outgoing = edit.outgoing();
    on_a_thread(edit.outgoing(), move || is_blank(&outgoing)).await
}

/// Reads or writes large files without keeping heartbeats from their time.
async fn on_a_thread<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let result = tokio::task::spawn_blocking(work).await;
    // The only other fault of a thread is a panic.
    let result = result.unwrap_or_else(|fault| Err(std::io::Error::other(fault)));
    result.map_err(|source| Failure::Disk { path, source })
}
