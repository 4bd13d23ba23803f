//! Edits that a kill, a reboot or a lost network left behind: `recover`, `sessions`, `discard`.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use futures::future::join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api::Server;
use crate::beside::others_beside;
use crate::context::Context;
use crate::edit::Edit;
use crate::lease;
use crate::outcome::{Exit, Failure};
use crate::person::printable;
use crate::save::{Doubt, finish};
use crate::session::{Phase, Session, SessionId};
use crate::still_open::{StillOpen, is_being_edited, still_open};
use crate::store::{Found, OpenSession};
use crate::working_copy::content_of;

/// Finishes what was left behind: all of it, or the named sessions. What cannot be finished stays, and is told.
pub async fn recover(context: &Context, only: &[SessionId]) -> Result<Exit, Failure> {
    let mut left = Vec::new();
    if only.is_empty() {
        for found in context.store.all()? {
            match found {
                Found::LeftBehind(open) => left.push(open),
                Found::Running(session) => {
                    context
                        .person
                        .tell(format!("Session {} ({}) is being edited.", session.id, session.path));
                }
                Found::Unreadable(path) => context.person.tell(format!(
                    "A session cannot be read. Look for your file in {} and remove the directory.",
                    path.display()
                )),
            }
        }
    } else {
        for id in only {
            left.push(context.store.open(id)?);
        }
    }
    if left.is_empty() {
        context.person.tell("Nothing was left behind.");
        return Ok(Exit::Done);
    }
    let mut worst = Exit::Done;
    let mut edits = VecDeque::new();
    for open in left {
        let id = open.session().id.clone();
        match Server::new(open.session().server.clone()) {
            Ok(server) => edits.push_back(Edit::left_behind(server, &context.person, open)),
            Err(fault) => {
                let fault = Failure::from(fault);
                context.person.tell(format!("Session {id}: {fault}."));
                worst = worse(worst, fault.exit());
            }
        }
    }
    // While one is looked after, and the person perhaps asked, the locks of the others are kept as well.
    let beats = edits.iter().filter(|edit| has_a_lock_to_keep(edit)).map(Edit::heartbeat);
    for fault in join_all(beats).await.into_iter().filter_map(Result::err) {
        // A lost lock is noted; the rest is found out when it is the edit's turn.
        tracing::debug!(%fault, "no heartbeat");
    }
    while let Some(edit) = edits.pop_front() {
        let id = edit.session().id.clone();
        let waiting = edits.iter().filter(|edit| has_a_lock_to_keep(edit));
        let this = Box::pin(one(context, edit));
        let exit = match lease::during_all(waiting, context.ending.heartbeat, this).await {
            Ok(exit) => exit,
            Err(fault) => {
                context.person.tell(format!("Session {id}: {fault}."));
                fault.exit()
            }
        };
        worst = worse(worst, exit);
    }
    Ok(worst)
}

/// Of several ends, the one that somebody has to do something about.
fn worse(one: Exit, other: Exit) -> Exit {
    let weight = |exit: Exit| match exit {
        Exit::Done | Exit::Unchanged | Exit::Discarded => 0,
        Exit::SavedAsCopy => 1,
        Exit::Kept => 2,
        Exit::Unreachable => 3,
        _ => 4,
    };
    let worse = if weight(other) > weight(one) { other } else { one };
    if weight(worse) == 0 { Exit::Done } else { worse }
}

/// Whether a heartbeat is of any use.
fn has_a_lock_to_keep(edit: &Edit<'_>) -> bool {
    let session = edit.session();
    session.operation.is_some() && matches!(session.phase, Phase::Editing | Phase::Saving { .. })
}

async fn one(context: &Context, edit: Edit<'_>) -> Result<Exit, Failure> {
    let session = edit.session().clone();
    let person = &context.person;
    if let Some(StillOpen::Process(process)) = still_open(&session, &edit.work()) {
        person.tell(format!(
            "{} is still open in the program that the companion started (process {process}). Save and close it there, then \
             recover again.",
            session.path
        ));
        return Ok(Exit::Kept);
    }
    let copy = edit.working_copy();
    match &session.phase {
        Phase::Opening => {
            edit.release().await;
            edit.remove()?;
            person.tell(format!("{} had not been opened yet; nothing of yours was in it.", session.path));
            return Ok(Exit::Unchanged);
        }
        Phase::Kept { reason } => {
            person.tell(format!(
                "{} is kept on this computer, because {reason}: {}\nTo save it, open the file from the browser again, or run \
                 `causeway-companion open --resume {} LINK`.",
                session.path,
                copy.display(),
                session.id
            ));
            return Ok(Exit::Kept);
        }
        // The person has said that he is done.
        Phase::Saved | Phase::SavedBeside { .. } | Phase::Discarded { .. } => {
            return finish(edit, &context.ending, Doubt::Interrupted).await;
        }
        Phase::Editing | Phase::Saving { .. } => {}
    }
    // With nothing to save nothing is asked of the server, but for the lock.
    let is_changed = is_changed(&session, copy.clone()).await || !session.unanswered.is_empty();
    let Some(doubt) = closed(context, &session, &edit.work(), is_changed).await else {
        person.tell(format!("{} stays as it is, in {}.", session.path, copy.display()));
        return Ok(Exit::Kept);
    };
    if is_changed && let Err(fault) = edit.heartbeat().await {
        // A lost lock is noted, and `finish` goes on from there; a server that is away is away for all that follows.
        if fault.is_passing() {
            person.tell(format!("{}: {fault}.\nYour changes are safe in {}.", session.path, copy.display()));
            return Ok(Exit::Unreachable);
        }
    }
    finish(edit, &context.ending, doubt).await
}

/// Makes sure that no program has the working copy open any more, as far as that is possible; `None`: one may.
async fn closed(context: &Context, session: &Session, work: &Path, is_changed: bool) -> Option<Doubt> {
    let person = &context.person;
    let Some(open) = still_open(session, work) else { return Some(Doubt::Interrupted) };
    let question = match open {
        StillOpen::Process(_) => return None,
        StillOpen::Mark(mark) => format!(
            "{} looks as if a program still had it open, says {mark}. Save and close it there. Is it closed?",
            session.path
        ),
        // What was saved in the program is saved on the server; what it saves later stays here.
        StillOpen::Perhaps if is_changed && !person.can_be_asked() => return Some(Doubt::LeftOpen),
        StillOpen::Perhaps => format!(
            "{} may still be open in the program that it was opened with. Save and close it there. Is it closed?",
            session.path
        ),
    };
    if !person.can_be_asked() {
        person.tell(question.trim_end_matches(" Is it closed?"));
    }
    person.agrees(&question).await.then_some(Doubt::Interrupted)
}

/// Whether there is something else in the working copy than what the edit began with. A thread reads it: the locks of
/// other edits are kept meanwhile.
async fn is_changed(session: &Session, copy: PathBuf) -> bool {
    let now = tokio::task::spawn_blocking(move || content_of(&copy)).await.ok().and_then(Result::ok);
    now.is_some() && now != session.base.as_ref().map(|base| base.content.clone())
}

/// A table of all sessions.
pub fn sessions(context: &Context) -> Result<String, Failure> {
    let mut table = String::new();
    for found in context.store.all()? {
        match found {
            Found::Running(session) => line(&mut table, &session, "being edited", None),
            Found::LeftBehind(open) => {
                let session = open.session();
                let state = match &session.phase {
                    _ if is_being_edited(session) => "open in a program, without the companion",
                    Phase::Opening => "interrupted before it was opened",
                    Phase::Editing => "interrupted while it was edited",
                    Phase::Saving { .. } => "interrupted while it was saved",
                    Phase::Saved => "saved",
                    Phase::SavedBeside { .. } => "saved as a copy",
                    Phase::Discarded { .. } => "thrown away",
                    Phase::Kept { reason } => reason.as_str(),
                };
                line(&mut table, session, state, Some(&open));
            }
            Found::Unreadable(path) => {
                // Writing to a string does not fail.
                let _ = writeln!(table, "?         cannot be read\n          {}", path.display());
            }
        }
    }
    if table.is_empty() {
        table.push_str("There are no sessions.\n");
    }
    Ok(printable(&table))
}

fn line(table: &mut String, session: &Session, state: &str, open: Option<&OpenSession>) {
    let began =
        i64::try_from(session.began_at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    let began = began.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    // Writing to a string does not fail.
    let _ = writeln!(table, "{}  {began}  {}  on {}", session.id, session.path, session.server);
    let _ = writeln!(table, "          {state}");
    if let Some(open) = open {
        let _ = writeln!(table, "          {}", open.working_copy().display());
    }
}

/// Throws a session away, after asking.
pub async fn discard(context: &Context, id: &SessionId) -> Result<Exit, Failure> {
    let open = context.store.open(id)?;
    let session = open.session().clone();
    let open_in = match still_open(&session, &open.work()) {
        Some(StillOpen::Process(process)) => {
            context
                .person
                .tell(format!("{} is open in a program (process {process}). Close it first.", session.path));
            return Ok(Exit::Kept);
        }
        Some(StillOpen::Mark(mark)) => format!(" A program seems to have it open, says {mark}."),
        Some(StillOpen::Perhaps) => " The program that it was opened with may still have it open.".to_owned(),
        None => String::new(),
    };
    let is_changed = is_changed(&session, open.working_copy()).await;
    // What cannot be counted may be something.
    let others =
        others_beside(&open.work(), &session.file_name, true).map_or(usize::MAX, |others| others.len());
    if is_changed || others > 0 || !open_in.is_empty() {
        let files = match others {
            0 => String::new(),
            usize::MAX => " and what is beside it".to_owned(),
            others => format!(" and {others} files beside it"),
        };
        let question = format!("Throw away your version of {}{files} for good?{open_in}", session.path);
        if !context.person.confirms(&question).await {
            context.person.tell("Nothing is thrown away. (Without a terminal, `--yes` is needed.)");
            return Ok(Exit::Kept);
        }
    }
    let edit = Edit::left_behind(Server::new(session.server.clone())?, &context.person, open);
    edit.release().await;
    edit.remove()?;
    context.person.tell(format!("Session {id} is thrown away."));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::worse;
    use crate::outcome::Exit;

    #[test]
    fn what_needs_somebody_is_told_by_the_exit_code() {
        assert_eq!(worse(Exit::Done, Exit::Unchanged), Exit::Done);
        assert_eq!(worse(Exit::Kept, Exit::Done), Exit::Kept);
        assert_eq!(worse(Exit::Kept, Exit::Unreachable), Exit::Unreachable);
        assert_eq!(worse(Exit::Unreachable, Exit::SavedAsCopy), Exit::Unreachable);
    }
}
