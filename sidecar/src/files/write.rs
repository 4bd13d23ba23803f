//! Uploads: content that becomes a file, beside it first, then in its place in one step.

use axum::body::Body;
use causeway_internal::accounts::Account;
use causeway_internal::transfer::{WriteAnswer, WriteHead};
use causeway_internal::{Fault, FaultCode, Principal};
use causeway_locks::Reach;
use causeway_smb::WriteHandle;

use super::content::{Content, incomplete};
use super::publish::{Expected, NotPlaced, put_in_place};
use super::sibling::Sibling;
use super::{Files, Place, item, making, new_name};
use crate::completion::to_its_end;
use crate::shares::fault;

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
        self.locks.would_pass(account.id, &place, Reach::Item)?;
        let before = place.look_to_replace().await?;
        let expected = Expected::Conditions(head.conditions);
        expected.permit(before.as_ref())?;
        if before.is_none() {
            new_name(&place)?;
        }
        let mut content = Content::begin(&head.form, content_type, body, &[]).await?;
        let (sibling, file) = self.receive(&place, &mut content, head.content_length, |_| {}).await?;
        // An upload can take hours: what its sender may do is asked again before anything changes.
        if let Err(refusal) = self.may_still_write(account, &place).await {
            give_up(&place, sibling, file).await;
            return Err(refusal);
        }
        let (files, user) = (self.clone(), account.id);
        to_its_end(async move {
            let admit = || files.locks.pass(user, &place, Reach::Item);
            let shared = (&*files.turns, &files.siblings);
            let replaces = before.is_some();
            match put_in_place(&place, &expected, shared, admit, replaces, &sibling, file).await {
                Ok(placed) => {
                    placed.settle(&place, sibling).await;
                    Ok(WriteAnswer { info: item(placed.file), created: placed.is_new })
                }
                Err(NotPlaced { fault, content }) => {
                    content.discard(&place, sibling).await;
                    Err(fault)
                }
            }
        })
        .await
    }

    /// Takes in content to its end, in a temporary sibling of `place`. With an announced length, content of another length
    /// is refused. `seen` is shown each piece.
    pub(super) async fn receive(
        &self,
        place: &Place,
        content: &mut Content,
        announced: Option<u64>,
        mut seen: impl FnMut(&[u8]),
    ) -> Result<(Sibling, WriteHandle), Fault> {
        let sibling = self.siblings.for_new(place).await?;
        let mut file = match place.pool.create_for_write(&sibling.full).await {
            Ok(file) => file,
            Err(error) => {
                sibling.discard(&place.pool).await;
                return Err(making(&error));
            }
        };
        let filled = async {
            while let Some(piece) = content.next().await? {
                seen(&piece);
                file.write(piece).await.map_err(|error| fault(&error))?;
            }
            match announced {
                Some(expected) if expected != file.written() => {
                    Err(incomplete("it is shorter or longer than announced"))
                }
                _ => Ok(()),
            }
        }
        .await;
        match filled {
            Ok(()) => Ok((sibling, file)),
            Err(refusal) => {
                give_up(place, sibling, file).await;
                Err(refusal)
            }
        }
    }

    /// Whether the user may write there as he is now.
    pub(super) async fn may_still_write(&self, account: &Account, place: &Place) -> Result<(), Fault> {
        let principal = Principal { user_id: account.id, token_version: account.token_version };
        self.still_writable(principal, place.connection.id).await
    }
}

/// Deletes content that nobody wants any more.
pub(super) async fn give_up(place: &Place, sibling: Sibling, file: WriteHandle) {
    file.abort().await;
    sibling.discard(&place.pool).await;
}
