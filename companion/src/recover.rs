//! Edits that a kill, a reboot or a lost network left behind: `recover`, `sessions`, `discard`.

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api::Server;
use crate::context::Context;
use crate::edit::Edit;
use crate::editor::is_alive;
use crate::outcome::{Exit, Failure};
use crate::person::printable;
use crate::save::{Doubt, finish};
use crate::session::{Phase, Session, SessionId};
use crate::store::{Found, OpenSession};
use crate::working_copy::{content_of, others_beside};

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
    for open in left {
        let id = open.session().id.clone();
        let exit = match one(context, open).await {
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

async fn one(context: &Context, open: OpenSession) -> Result<Exit, Failure> {
    let session = open.session().clone();
    let person = &context.person;
    if let Some(editor) = session.editor.filter(|editor| is_alive(*editor)) {
        person.tell(format!(
            "{} is still open in the program that the companion started (process {}). Save and close it there, then recover again.",
            session.path, editor.pid
        ));
        return Ok(Exit::Kept);
    }
    let copy = open.working_copy();
    let edit = Edit::left_behind(Server::new(session.server.clone())?, person, open);
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
        Phase::Editing | Phase::Saving { .. } | Phase::Saved => {}
    }
    // With nothing to save nothing is asked of the server, but for the lock.
    let now = content_of(&copy).ok();
    let is_changed = now.is_some() && now != session.base.as_ref().map(|base| base.content.clone());
    if is_changed && let Err(fault) = edit.heartbeat().await {
        // A lost lock is noted, and `finish` goes on from there; a server that is away is away for all that follows.
        if fault.is_passing() {
            person.tell(format!("{}: {fault}.\nYour changes are safe in {}.", session.path, copy.display()));
            return Ok(Exit::Unreachable);
        }
    }
    finish(edit, &context.ending, Doubt::Interrupted).await
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
                    _ if session.editor.is_some_and(is_alive) => "open in a program, without the companion",
                    Phase::Opening => "interrupted before it was opened",
                    Phase::Editing => "interrupted while it was edited",
                    Phase::Saving { .. } => "interrupted while it was saved",
                    Phase::Saved => "saved",
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
    let now = content_of(&open.working_copy()).ok();
    let is_changed = now.is_some() && now != session.base.as_ref().map(|base| base.content.clone());
    let others = others_beside(&open.work(), &session.file_name).unwrap_or_default().len();
    if is_changed || others > 0 {
        let files = if others > 0 { format!(" and {others} files beside it") } else { String::new() };
        let question = format!("Throw away your version of {}{files} for good?", session.path);
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
