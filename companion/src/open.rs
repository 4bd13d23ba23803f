//! `open`: from a link to the end of an edit.

mod fetch;

use crate::api::{ApiError, Bootstrap, Server};
use crate::claim::Claim;
use crate::context::Context;
use crate::edit::Edit;
use crate::editor::{Ended, Opener, edit_with};
use crate::lease;
use crate::link::DeepLink;
use crate::outcome::{Exit, Failure};
use crate::person::Choice;
use crate::recover;
use crate::save::{Doubt, finish};
use crate::session::{Operation, Phase, Session, SessionId};
use crate::still_open::{StillOpen, is_being_edited, still_open};
use crate::store::{Found, OpenSession};
use crate::working_copy::{looks_like_a_program, safe_name};

/// Bytes from which on the person is asked before a file is downloaded (contract 9.11: 50 MB, decimal).
const LARGE: u64 = 50_000_000;

/// What `open` was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The link.
    pub link: DeepLink,
    /// The program to open the file with, if it was named.
    pub opener: Option<Opener>,
    /// Whether the end of the desktop's opener is the end of the editing.
    pub until_exit: bool,
    /// Whether the server may be talked to without asking.
    pub trust: bool,
    /// Whether http will do.
    pub allow_http: bool,
    /// The session to go on with.
    pub resume: Option<SessionId>,
}

/// Opens the file of a link, and stays until it is saved.
pub async fn open(context: &Context, request: Request) -> Result<Exit, Failure> {
    let link = &request.link;
    may_talk_to(context, &request).await?;
    // Held to the end: whoever opens the same file meanwhile is told so.
    let _claim = claim(context, link)?;
    if let Some(id) = &request.resume {
        let left = context.store.open(id)?;
        return resume(context, &request, left).await;
    }
    if let Some(left) = look_for_earlier_work(context, link).await? {
        return resume(context, &request, left).await;
    }
    let opener = match &request.opener {
        Some(opener) => opener.clone(),
        None => choose_opener(context, link).await,
    };
    if opener.needs_an_answer(request.until_exit) && !context.person.can_be_asked() {
        return Err(crate::editor::EditorError::NobodyToAsk.into());
    }
    if opener == Opener::System && looks_like_a_program(&safe_name(&link.path)) {
        let question = format!("{} looks like a program. Opening it may run it. Open it?", link.path);
        if !context.person.agrees(&question).await {
            return Err(Failure::Declined);
        }
    }

    let (server, bootstrap) = exchange(link).await?;
    let info = server.file_info(&bootstrap).await?;
    if info.kind != "file" {
        return Err(Failure::NotAFile(link.path.clone()));
    }
    let size = info.size.unwrap_or_default();
    if size > LARGE {
        let question = format!("{} has {} MB. Download it?", link.path, size / 1_000_000);
        if !context.person.confirms(&question).await {
            return Err(Failure::Declined);
        }
    }
    // On disk before there is a lock: a full disk then harms nobody.
    let session =
        Session::new(link.server.clone(), link.connection.clone(), link.path.clone(), safe_name(&link.path));
    let mut open = context.store.create(session)?;
    if let Err(fault) = take_lock(&server, &bootstrap, &mut open).await {
        open.remove()?;
        return Err(fault);
    }
    let edit = Edit::new(server, &context.person, open);
    if let Err(fault) = lease::during(&edit, context.ending.heartbeat, fetch::fetch(&edit)).await {
        edit.release().await;
        edit.remove()?;
        return Err(fault);
    }
    context.person.tell(format!("{} is locked for you and open for editing.", link.path));
    edit_and_finish(context, edit, &opener, request.until_exit).await
}

async fn edit_and_finish(
    context: &Context,
    edit: Edit<'_>,
    opener: &Opener,
    until_exit: bool,
) -> Result<Exit, Failure> {
    let editing = edit_with(context, &edit, opener, until_exit);
    let doubt = match lease::during(&edit, context.ending.heartbeat, editing).await {
        Ok(Ended::Done) => Doubt::None,
        Ok(Ended::StillOpen(why)) => Doubt::StillOpen(why),
        Ok(Ended::Failed(how)) => {
            context.person.tell(format!("{how}."));
            return Ok(match finish(edit, &context.ending, Doubt::EditorFailed(how)).await? {
                Exit::Unchanged => Exit::Failed,
                otherwise => otherwise,
            });
        }
        Err(fault) => {
            // Nothing was opened; should the file have changed all the same, it is not thrown away.
            finish(edit, &context.ending, Doubt::EditorFailed("nothing was opened".to_owned())).await?;
            return Err(fault.into());
        }
    };
    finish(edit, &context.ending, doubt).await
}

/// Goes on with an earlier edit under a lock of its own: saves what is in its working copy.
async fn resume(context: &Context, request: &Request, mut left: OpenSession) -> Result<Exit, Failure> {
    let link = &request.link;
    let session = left.session().clone();
    if !session.is_of(&link.server, &link.connection, &link.path) {
        let of = |server: &dyn std::fmt::Display, path: &str| format!("{path} on {server}");
        return Err(Failure::OtherFile {
            id: session.id.clone(),
            link: of(&link.server, &link.path),
            session: of(&session.server, &session.path),
        });
    }
    match still_open(&session, &left.work()) {
        Some(StillOpen::Process(_)) => return Err(Failure::EditedAlready { id: session.id }),
        // A program that opens it once more says so itself, and recovers what one that was killed had not saved.
        Some(StillOpen::Mark(mark)) if request.opener.is_none() => {
            let question = format!(
                "{} looks as if a program still had it open, says {mark}. Save and close it there. Is it closed?",
                link.path
            );
            if !context.person.agrees(&question).await {
                context.person.tell(format!(
                    "A program seems to have {} open, says {mark}: it stays as it is. Close it there; or, if the program was killed, \
                     name it by `--editor` to go on with what it had not saved.",
                    left.working_copy().display()
                ));
                return Ok(Exit::Kept);
            }
        }
        _ => {}
    }
    let (server, bootstrap) = exchange(link).await?;
    take_lock(&server, &bootstrap, &mut left).await?;
    if session.base.is_none() {
        // It was interrupted before there was anything in it.
        let edit = Edit::left_behind(server, &context.person, left);
        edit.release().await;
        edit.remove()?;
        context.person.tell("There was nothing in that session. Open the file from the browser again.");
        return Ok(Exit::Unchanged);
    }
    left.update(|session| {
        if matches!(session.phase, Phase::Kept { .. }) {
            session.phase = Phase::Editing;
        }
    })?;
    let edit = Edit::left_behind(server, &context.person, left);
    match &request.opener {
        Some(opener) => edit_and_finish(context, edit, opener, request.until_exit).await,
        None => finish(edit, &context.ending, Doubt::None).await,
    }
}

/// Whether the server may be talked to: nobody but the person decides that, a link can come from any web page.
async fn may_talk_to(context: &Context, request: &Request) -> Result<(), Failure> {
    let server = &request.link.server;
    let origin = server.origin();
    if server.is_plain() && !server.is_loopback() && !request.allow_http {
        return Err(Failure::PlainHttp { origin });
    }
    let list = context.places.trusted_servers();
    let disk = |source| Failure::Disk { path: list.clone(), source };
    if context.trusted.contains(server).map_err(disk)? {
        return Ok(());
    }
    let question = format!(
        "A link wants the companion to open {:?} from {origin}, a server that it has not talked to before. Is it yours?",
        request.link.path
    );
    if request.trust || context.person.agrees(&question).await {
        return context.trusted.add(server).map_err(disk);
    }
    Err(Failure::NotTrusted { origin })
}

/// Tells of edits that were left behind, and finds one of this very file.
async fn look_for_earlier_work(context: &Context, link: &DeepLink) -> Result<Option<OpenSession>, Failure> {
    let mut others = 0;
    let mut of_this_file = Vec::new();
    for found in context.store.all()? {
        let is_same = |session: &Session| session.is_of(&link.server, &link.connection, &link.path);
        match found {
            Found::Running(session) if is_same(&session) => {
                return Err(Failure::EditedAlready { id: session.id });
            }
            Found::LeftBehind(left) if is_same(left.session()) => {
                if is_being_edited(left.session()) {
                    return Err(Failure::EditedAlready { id: left.session().id.clone() });
                }
                of_this_file.push(left);
            }
            Found::LeftBehind(_) | Found::Unreadable(_) => others += 1,
            Found::Running(_) => {}
        }
    }
    if others > 0 {
        context.person.tell(format!(
            "Edits that were interrupted, or whose changes are kept on this computer: {others}. \
             `causeway-companion sessions` lists them."
        ));
        let choices = [
            Choice { key: 'l', meaning: "later", value: false },
            Choice { key: 'r', meaning: "recover them first", value: true },
        ];
        if context.person.choose("Look after them now?", &choices).await == Some(true) {
            recover::recover(context, &[]).await?;
        }
    }
    // The newest first.
    for left in of_this_file.into_iter().rev().filter(|left| left.session().base.is_some()) {
        let question = format!(
            "There are changes to {} that are not on the server yet (session {}).",
            link.path,
            left.session().id
        );
        let choices = [
            Choice { key: 'g', meaning: "go on with them: save them now", value: true },
            Choice {
                key: 'f',
                meaning: "open the file from the server, and leave them for later",
                value: false,
            },
        ];
        match context.person.choose(&question, &choices).await {
            Some(true) => return Ok(Some(left)),
            Some(false) => {}
            None => context.person.tell(format!("{question} They are left as they are.")),
        }
    }
    Ok(None)
}

/// Makes this the one companion that opens the file.
fn claim(context: &Context, link: &DeepLink) -> Result<Claim, Failure> {
    let directory = context.places.claims();
    let claimed = Claim::take(&directory, [&link.server.origin(), &link.connection, &link.path]);
    match claimed.map_err(|source| Failure::Disk { path: directory, source })? {
        Some(claim) => Ok(claim),
        None => Err(Failure::OpenedAlready),
    }
}

async fn choose_opener(context: &Context, link: &DeepLink) -> Opener {
    if link.choose_program && context.person.can_be_asked() {
        let prompt = "Open with which program? (a command, or nothing for the desktop's own choice) ";
        if let Some(command) = context.person.line(prompt).await.filter(|line| !line.is_empty()) {
            return Opener::Command(command);
        }
    }
    Opener::System
}

async fn exchange(link: &DeepLink) -> Result<(Server, Bootstrap), Failure> {
    let server = Server::new(link.server.clone())?;
    let bootstrap = server.exchange(&link.token).await?;
    let plain = |id: &str| id.replace('-', "").to_ascii_lowercase();
    let fits = bootstrap.purpose == "bootstrap"
        && plain(&bootstrap.connection_id) == plain(&link.connection)
        && bootstrap.path == link.path;
    if fits { Ok((server, bootstrap)) } else { Err(Failure::LinkMismatch) }
}

/// Takes the lock, and writes down that it is ours.
async fn take_lock(server: &Server, bootstrap: &Bootstrap, open: &mut OpenSession) -> Result<(), Failure> {
    let grant = server.lock(bootstrap).await.map_err(|fault| match fault {
        ApiError::Refused { status: 409 | 423, detail } => Failure::LockRefused(detail),
        other => other.into(),
    })?;
    let operation = Operation::granted(&grant);
    if let Err(fault) = open.update(|session| session.operation = Some(operation.clone())) {
        // Nobody would know of it: better nobody has it.
        let _ = server.release(&bootstrap.connection_id, &operation).await;
        return Err(fault.into());
    }
    Ok(())
}
