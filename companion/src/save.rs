//! The end of an edit: what was changed gets to the server, or stays here and the person knows where.

mod attempts;
mod turn;

use std::path::PathBuf;

use turn::Save;

use crate::conflict::{Decision, Obstacle, choices};
use crate::context::Ending;
use crate::edit::Edit;
use crate::lease;
use crate::outcome::{Exit, Failure};
use crate::person::Choice;
use crate::session::{Base, Content, Phase};
use crate::working_copy::{others_beside, take_snapshot};

/// How often a file is saved again because the person changed it during the save before.
const MOST_SAVES: usize = 20;

/// Why it is not sure that the person wants the working copy saved as it is.
#[derive(Debug, Clone)]
pub enum Doubt {
    /// It is.
    None,
    /// The program to edit with says that something went wrong. Nobody to ask: the changes stay here.
    EditorFailed(String),
    /// The edit was interrupted. Nobody to ask: what was saved in the program is saved on the server.
    Interrupted,
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
    let settled =
        lease::during(&edit, ending.heartbeat, settle(&edit, ending, doubt)).await.inspect_err(|_| {
            edit.person().tell(format!(
                "Not saved. Your changes are in {}; `causeway-companion recover` tries again.",
                edit.working_copy().display()
            ));
        })?;
    let (id, path) = (edit.session().id.clone(), edit.session().path.clone());
    let person = edit.person();
    match settled {
        Settled::Unchanged => {
            clear_up(edit).await?;
            person.tell(format!("{path} was not changed."));
            Ok(Exit::Unchanged)
        }
        Settled::Saved => {
            clear_up(edit).await?;
            person.tell(format!("{path} is saved."));
            Ok(Exit::Done)
        }
        Settled::SavedBeside(copy) => {
            clear_up(edit).await?;
            person.tell(format!("Your version is saved as {copy}."));
            Ok(Exit::SavedAsCopy)
        }
        Settled::Discarded => {
            clear_up(edit).await?;
            person.tell("Your changes are thrown away.");
            Ok(Exit::Discarded)
        }
        Settled::Kept(reason) => {
            keep(&edit, &reason).await?;
            Ok(Exit::Kept)
        }
        Settled::Unreachable(reason) => {
            person.tell(format!(
                "Not saved: {reason}.\nYour changes are safe in {}. Run `causeway-companion recover {id}` when the server can be \
                 reached again.",
                edit.working_copy().display()
            ));
            Ok(Exit::Unreachable)
        }
        Settled::Missing => {
            keep(&edit, "the working copy is not there any more").await?;
            Ok(Exit::Failed)
        }
    }
}

/// Gives up the lock, and leaves the changes where they are.
async fn keep(edit: &Edit<'_>, reason: &str) -> Result<(), Failure> {
    edit.release().await;
    edit.update(|session| {
        session.phase = Phase::Kept { reason: reason.to_owned() };
        session.operation = None;
    })?;
    edit.person().tell(format!(
        "Not saved: {reason}.\nYour changes stay in {}.\nTo save them later, open the file from the browser again and choose to \
         go on with session {id}, or run `causeway-companion open --resume {id} LINK`. `causeway-companion discard {id}` throws \
         them away.",
        edit.working_copy().display(),
        id = edit.session().id
    ));
    Ok(())
}

/// Gives the lock back and removes the session, except for files that somebody put beside the working copy.
async fn clear_up(edit: Edit<'_>) -> Result<(), Failure> {
    edit.release().await;
    let others = others_beside(&edit.work(), &edit.session().file_name).unwrap_or_default();
    if others.is_empty() {
        return Ok(edit.remove()?);
    }
    edit.update(|session| {
        session.phase = Phase::Kept { reason: "there are other files beside the working copy".to_owned() };
        session.operation = None;
    })?;
    let list: Vec<String> = others.iter().map(|path| format!("  {}", path.display())).collect();
    edit.person().tell(format!(
        "These files were put beside the working copy, and are not on the server:\n{}\nMove them to where you want them; \
         `causeway-companion discard {}` removes them.",
        list.join("\n"),
        edit.session().id
    ));
    Ok(())
}

/// Saves as often as there is something new in the working copy.
async fn settle(edit: &Edit<'_>, ending: &Ending, doubt: Doubt) -> Result<Settled, Failure> {
    // An earlier process may have come as far as that.
    let was_saved = edit.session().phase == Phase::Saved;
    let mut settled = if was_saved { Settled::Saved } else { Settled::Unchanged };
    let mut doubt = Some(doubt);
    for _ in 0..MOST_SAVES {
        let Some(content) = snapshot(edit).await? else { return Ok(Settled::Missing) };
        if edit.session().base.as_ref().is_some_and(|base| base.content == content) {
            return Ok(settled);
        }
        if let Some(doubt) = doubt.take()
            && let Some(instead) = resolve(edit, doubt).await
        {
            return Ok(instead);
        }
        // An earlier process may have got this very content through, and died before it knew.
        let uncertain = edit.was_left_behind();
        edit.update(|session| session.phase = Phase::Saving { content: content.clone() })?;
        let mut save = Save { edit, ending, content: &content, uncertain, modified_at: None, turns: 0 };
        match save.run().await? {
            done @ (Settled::Saved | Settled::SavedBeside(_)) => {
                let modified_at = save.modified_at;
                edit.update(|session| {
                    session.phase = Phase::Saved;
                    let before = session.base.take().and_then(|base| base.modified_at);
                    session.base = Some(Base { modified_at: modified_at.or(before), content });
                })?;
                settled = done;
            }
            otherwise => return Ok(otherwise),
        }
    }
    Ok(Settled::Kept(
        "the file changes on this computer all the time; close all programs that write to it".to_owned(),
    ))
}

/// Asks whether the working copy is to be saved, where that is not sure; what is done instead.
async fn resolve(edit: &Edit<'_>, doubt: Doubt) -> Option<Settled> {
    let path = edit.session().path.clone();
    let (question, unasked) = match doubt {
        Doubt::None => return None,
        Doubt::EditorFailed(how) => (format!("{how}, but {path} was changed."), Decision::Keep),
        Doubt::Interrupted => {
            (format!("{path} was changed before the edit was interrupted."), Decision::TryAgain)
        }
    };
    let save = Choice { key: 's', meaning: "save it on the server", value: Decision::TryAgain };
    let mut answers = choices(Obstacle::LockLost { token_is_good: false });
    answers.insert(0, save);
    match edit.person().choose(&question, &answers).await.unwrap_or(unasked) {
        Decision::Keep => Some(Settled::Kept(question.trim_end_matches('.').to_owned())),
        Decision::Discard => Some(Settled::Discarded),
        _ => None,
    }
}

async fn snapshot(edit: &Edit<'_>) -> Result<Option<Content>, Failure> {
    let (source, target) = (edit.working_copy(), edit.outgoing());
    on_a_thread(edit.working_copy(), move || take_snapshot(&source, &target)).await
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
