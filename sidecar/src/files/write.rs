//! Putting content into a file: beside it first, then in its place in one step.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use causeway_http_semantics::{WriteVerdict, plan_write};
use causeway_internal::accounts::Account;
use causeway_internal::files::ItemKind;
use causeway_internal::transfer::{BodyForm, WriteAnswer, WriteHead};
use causeway_internal::{Fault, FaultCode, Principal};
use causeway_smb::{Metadata, ShareError, ShareErrorKind, Unpublished, WriteHandle};
use futures::StreamExt;
use multer::Multipart;

use super::read::representation;
use super::sibling::Sibling;
use super::turn::{ATTEMPTS, PAUSE, Turns};
use super::{Files, Place, item, making, new_name, parent_not_found};
use crate::changes::Deed;
use crate::completion::to_its_end;
use crate::shares::fault;

/// How long the next piece of a body may take to arrive.
const PIECE_TIMEOUT: Duration = Duration::from_mins(2);

/// What may stand before and after the wanted part of a multipart body, in bytes: other small fields, no second file.
const MAX_OTHER_PARTS: usize = 1024 * 1024;

impl Files {
    /// Writes the content to a temporary sibling, flushes it, checks the conditions at the last moment and renames it
    /// into place. Whatever goes wrong before the rename, the old content is untouched.
    pub(crate) async fn write(
        &self,
        account: &Account,
        head: WriteHead,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<WriteAnswer, Fault> {
        let place = self.writable(account, head.connection, head.path.clone()).await?;
        if place.path.is_root() {
            return Err(Fault::new(FaultCode::KindMismatch, "The path names a directory"));
        }
        let before = place.look().await?;
        may_replace(before.as_ref(), &head)?;
        if before.is_none() {
            new_name(&place)?;
        }
        let mut content = Content::begin(&head.form, content_type, body).await?;
        let sibling = self.siblings.for_new(&place).await?;
        let mut file = match place.pool.create_for_write(&sibling.full).await {
            Ok(file) => file,
            Err(error) => {
                sibling.discard(&place.pool).await;
                return Err(making(&error));
            }
        };
        let filled = async {
            let mut length = 0_u64;
            while let Some(piece) = content.next().await? {
                length += piece.len() as u64;
                file.write(piece).await.map_err(|error| fault(&error))?;
            }
            match head.content_length {
                Some(expected) if expected != length => {
                    Err(incomplete("it is shorter or longer than announced"))
                }
                _ => Ok(()),
            }
        }
        .await;
        if let Err(refusal) = filled {
            file.abort().await;
            sibling.discard(&place.pool).await;
            return Err(refusal);
        }
        // An upload can take hours: what its sender may do is asked again before anything changes.
        let still = Principal { user_id: account.id, token_version: account.token_version };
        if let Err(refusal) = self.still_writable(still, head.connection).await {
            file.abort().await;
            sibling.discard(&place.pool).await;
            return Err(refusal);
        }
        let turns = Arc::clone(&self.turns);
        to_its_end(async move {
            let replaces = before.is_some();
            publish(&place, &head, &turns, replaces, sibling, file).await
        })
        .await
    }
}

/// Flushes the finished sibling, lets it take over what the old file has beside its content, and puts it in its place.
async fn publish(
    place: &Place,
    head: &WriteHead,
    turns: &Turns,
    replaces: bool,
    sibling: Sibling,
    file: WriteHandle,
) -> Result<WriteAnswer, Fault> {
    match put_in_place(place, head, turns, replaces, file).await {
        Ok(answer) => {
            sibling.settle().await;
            Ok(answer)
        }
        Err(refusal) => {
            sibling.discard(&place.pool).await;
            Err(refusal)
        }
    }
}

async fn put_in_place(
    place: &Place,
    head: &WriteHead,
    turns: &Turns,
    replaces: bool,
    mut file: WriteHandle,
) -> Result<WriteAnswer, Fault> {
    if let Err(error) = file.flush().await {
        file.abort().await;
        return Err(fault(&error));
    }
    let turn = match turns.take(place).await {
        Ok(turn) => turn,
        Err(busy) => {
            file.abort().await;
            return Err(busy);
        }
    };
    if replaces && let Err(error) = file.inherit(&place.full).await {
        file.abort().await;
        return Err(fault(&error));
    }
    // Asked to make something new, the server itself refuses when somebody was quicker.
    let replace = !demands_absence(head);
    let length = file.written();
    let mut attempt = 1;
    let outcome = loop {
        // At the last moment before each attempt: this is what the conditions are about.
        let there =
            match place.look().await.and_then(|there| may_replace(there.as_ref(), head).map(|()| there)) {
                Ok(there) => there,
                Err(refusal) => {
                    file.abort().await;
                    return Err(refusal);
                }
            };
        match file.publish(&place.full, replace).await {
            Ok(published) => break Ok((published, there.is_none())),
            Err(Unpublished { file: Some(again), .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
                file = *again;
            }
            Err(Unpublished { error, file }) => {
                if let Some(file) = file {
                    file.abort().await;
                }
                let unknown = error.outcome_unknown();
                let settled = settle(place, there.as_ref(), length, error).await;
                if unknown && settled.is_err() {
                    place.tell(ItemKind::File, Deed::Disturbed);
                }
                break settled.map(|now| (now, there.is_none()));
            }
        }
    };
    drop(turn);
    let (published, created) = outcome?;
    place.tell(ItemKind::File, if created { Deed::Created } else { Deed::Written });
    Ok(WriteAnswer { info: item(published), created })
}

fn demands_absence(head: &WriteHead) -> bool {
    head.conditions.if_none_match.as_deref().is_some_and(|tags| tags.trim() == "*")
}

/// Finds out what a publication that was not answered with success has done; `before` is what was in its place.
async fn settle(
    place: &Place,
    before: Option<&Metadata>,
    length: u64,
    error: ShareError,
) -> Result<Metadata, Fault> {
    match error.kind() {
        // The answer was lost, perhaps not the rename: another file of the right size has the place then.
        _ if error.outcome_unknown() => match place.look().await? {
            Some(now) if now.size == length && before.is_none_or(|before| before.file_id != now.file_id) => {
                Ok(now)
            }
            _ => Err(fault(&error)),
        },
        ShareErrorKind::AlreadyExists => {
            Err(Fault::new(FaultCode::PreconditionFailed, "An item of this name has appeared meanwhile"))
        }
        // The sibling could be made in this directory, so it is the file itself that does not let itself be replaced:
        // somebody has it open, or it is write-protected.
        ShareErrorKind::AccessDenied | ShareErrorKind::InUse => {
            Err(Fault::new(FaultCode::InUse, "The file is in use or write-protected"))
        }
        ShareErrorKind::PathNotFound => Err(parent_not_found()),
        _ => Err(fault(&error)),
    }
}

/// Whether what is there now may be replaced by a file under the request's conditions.
fn may_replace(there: Option<&Metadata>, head: &WriteHead) -> Result<(), Fault> {
    if there.is_some_and(Metadata::is_directory) {
        return Err(Fault::new(FaultCode::KindMismatch, "A directory of this name exists"));
    }
    let representation = there.map(|there| representation(there, ""));
    match plan_write(&head.conditions, representation.as_ref()) {
        WriteVerdict::Proceed => Ok(()),
        WriteVerdict::PreconditionFailed => Err(Fault::new(
            FaultCode::PreconditionFailed,
            "The file has changed or its existence is not as expected",
        )),
    }
}

/// The part of a form that is the content, and the form around it.
struct Part {
    form: Multipart<'static>,
    /// Gone once the part is complete: the form goes on only then.
    field: Option<multer::Field<'static>>,
}

/// The content of an upload, out of its wrapping.
enum Content {
    Raw(BodyDataStream),
    Part(Box<Part>),
}

impl Content {
    async fn begin(form: &BodyForm, content_type: Option<&str>, body: Body) -> Result<Self, Fault> {
        let BodyForm::Multipart { field: wanted } = form else {
            return Ok(Self::Raw(body.into_data_stream()));
        };
        let boundary = content_type
            .and_then(|value| multer::parse_boundary(value).ok())
            .ok_or_else(|| Fault::new(FaultCode::Invalid, "The request is no multipart form"))?;
        let mut form = Multipart::new(body.into_data_stream(), boundary);
        let mut skipped = 0;
        while let Some(mut field) = in_time(form.next_field()).await?.map_err(|error| malformed(&error))? {
            if field.name() == Some(wanted) {
                return Ok(Self::Part(Box::new(Part { form, field: Some(field) })));
            }
            skip(&mut field, &mut skipped).await?;
        }
        Err(Fault::new(FaultCode::PartMissing, format!("The form has no part named '{wanted}'")))
    }

    /// The next piece, or `None` when the content is complete. A body that breaks off is a fault, never an end.
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Raw(body) => match in_time(body.next()).await? {
                None => Ok(None),
                Some(Ok(piece)) => Ok(Some(piece)),
                Some(Err(error)) => {
                    tracing::debug!(%error, "the body of an upload broke off");
                    Err(incomplete("it broke off"))
                }
            },
            Self::Part(part) => {
                let Part { form, field } = part.as_mut();
                if let Some(content) = field {
                    if let Some(piece) = in_time(content.chunk()).await?.map_err(|error| malformed(&error))? {
                        return Ok(Some(piece));
                    }
                    *field = None;
                }
                // The part is complete; only the closing boundary tells that the body is.
                let mut skipped = 0;
                while let Some(mut other) =
                    in_time(form.next_field()).await?.map_err(|error| malformed(&error))?
                {
                    skip(&mut other, &mut skipped).await?;
                }
                Ok(None)
            }
        }
    }
}

async fn skip(field: &mut multer::Field<'static>, skipped: &mut usize) -> Result<(), Fault> {
    while let Some(piece) = in_time(field.chunk()).await?.map_err(|error| malformed(&error))? {
        *skipped += piece.len();
        if *skipped > MAX_OTHER_PARTS {
            return Err(Fault::new(FaultCode::TooLarge, "The form holds more than the file"));
        }
    }
    Ok(())
}

async fn in_time<T>(piece: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(PIECE_TIMEOUT, piece).await.map_err(|_| incomplete("nothing more arrived in time"))
}

fn malformed(error: &multer::Error) -> Fault {
    tracing::debug!(%error, "the form of an upload is malformed or broke off");
    incomplete("the form is malformed or broke off")
}

fn incomplete(how: &str) -> Fault {
    Fault::new(FaultCode::BodyIncomplete, format!("The body of the upload is incomplete: {how}"))
}
