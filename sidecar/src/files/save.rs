//! Saving what was edited: in the file's place if the file is still what the edit last saw, else beside it.

use axum::body::Body;
use causeway_internal::accounts::Account;
use causeway_internal::files::ItemKind;
use causeway_internal::locks::{Edit, KeepCopy, PROOF_PARTS, SaveAnswer, SaveHead};
use causeway_internal::{Fault, FaultCode};
use causeway_locks::Reach;
use causeway_locks::copy_name::conflict_copy;
use causeway_smb::{Metadata, ShareError, ShareErrorKind, Unpublished, WriteHandle};
use causeway_versions::FileTime;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::already::Fingerprint;
use super::content::Content;
use super::publish::{self, Expected, NotPlaced, Placed, diverged, put_in_place};
use super::sibling::Sibling;
use super::write::give_up;
use super::{Files, Place, item, new_name, parent_not_found};
use crate::changes::Deed;
use crate::completion::to_its_end;
use crate::locks::base_of;
use crate::shares::fault;
use crate::store::audit::{Event, Outcome};

/// Names that are tried for a copy. More than one is needed only for what was saved within a second.
const COPY_NAMES: u32 = 20;

/// A save, from the moment when its content is complete.
struct Save {
    files: Files,
    account: Account,
    place: Place,
    edit: Edit,
    keep_copy: KeepCopy,
    replaces: bool,
    fingerprint: Fingerprint,
}

impl Files {
    /// Puts the content in the file's place under the edit's lock, after a last look whether the file is still what the
    /// edit last saw. Whatever goes wrong before the rename, the old content is untouched.
    pub(crate) async fn save(
        &self,
        account: &Account,
        head: SaveHead,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<SaveAnswer, Fault> {
        let SaveHead { connection, path, form, mut edit, proof_in_form, content_length, keep_copy } = head;
        // Before gigabytes are taken in vain. A lock that is lost is no reason to refuse what is to be kept anyway.
        match self.proven(account, connection, &path, &edit).await {
            Err(lost) if keep_copy == KeepCopy::Never || lost.code != FaultCode::LockLost => {
                if lost.code == FaultCode::LockLost
                    && let Ok(place) = self.writable(account, connection, path).await
                {
                    let (event, outcome) = (Event::EditConflict, Outcome::Failed);
                    self.locks.note(account, event, outcome, &place, &lost.message).await;
                }
                return Err(lost);
            }
            _ => {}
        }
        let place = self.writable(account, connection, path).await?;
        if place.path.is_root() {
            return Err(Fault::new(FaultCode::KindMismatch, "The path names a directory"));
        }
        let before = place.look().await?;
        if before.as_ref().is_some_and(Metadata::is_directory) {
            return Err(Fault::new(FaultCode::KindMismatch, "A directory of this name exists"));
        }
        if before.is_none() {
            new_name(&place)?;
        }
        let wanted: &'static [&'static str] = if proof_in_form { &PROOF_PARTS } else { &[] };
        let mut content = Content::begin(&form, content_type, body, wanted).await?;
        if proof_in_form && content.missing().is_empty() {
            compare(&mut edit, &content)?;
            if let Err(refusal) = self.proven(account, connection, &place.path, &edit).await
                && refusal.code != FaultCode::LockLost
            {
                return Err(refusal);
            }
        }
        let mut bytes = Sha256::new();
        let (sibling, file) = {
            let key = place.lock_key();
            let seen = |piece: &[u8]| bytes.update(piece);
            let received = self.receive(&place, &mut content, content_length, seen);
            self.locks.living(account, &key, &edit, received).await?
        };
        let proven = if proof_in_form { compare(&mut edit, &content) } else { Ok(()) };
        let admitted = match proven {
            Ok(()) => self.may_still_write(account, &place).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = admitted {
            give_up(&place, sibling, file).await;
            return Err(refusal);
        }
        let save = Save {
            files: self.clone(),
            account: account.clone(),
            place,
            edit,
            keep_copy,
            replaces: before.is_some(),
            fingerprint: Fingerprint::of(bytes),
        };
        to_its_end(async move { Box::pin(save.finish(sibling, file)).await }).await
    }
}

impl Save {
    async fn finish(&self, sibling: Sibling, file: WriteHandle) -> Result<SaveAnswer, Fault> {
        if self.keep_copy == KeepCopy::Always {
            return self.keep(sibling, publish::Content::Open(Box::new(file))).await;
        }
        // Flushing a large file to a slow disk may take longer than a lock lives without a sign of life.
        let (locks, key) = (&self.files.locks, self.place.lock_key());
        let put = locks.living(&self.account, &key, &self.edit, self.put(&sibling, file)).await;
        let NotPlaced { fault, content } = match put {
            Ok(placed) => {
                placed.settle(&self.place, sibling).await;
                let saved = placed.file.clone();
                // With it goes the turn: the record may take its time.
                drop(placed);
                self.note(Event::EditSaved, Outcome::Succeeded, &format!("{} bytes", saved.size)).await;
                return Ok(SaveAnswer { info: item(saved), copy: None });
            }
            Err(refused) => refused,
        };
        if matches!(fault.code, FaultCode::VersionConflict | FaultCode::LockLost) {
            self.note(Event::EditConflict, Outcome::Failed, &fault.message).await;
        }
        let keeps = self.keep_copy == KeepCopy::OnConflict
            && matches!(fault.code, FaultCode::VersionConflict | FaultCode::LockLost | FaultCode::InUse);
        match content {
            publish::Content::Open(_) | publish::Content::Finished if keeps => {
                self.keep(sibling, content).await
            }
            content => {
                content.discard(&self.place, sibling).await;
                Err(fault)
            }
        }
    }

    /// Puts the content in the file's place.
    async fn put(&self, sibling: &Sibling, file: WriteHandle) -> Result<Placed, NotPlaced> {
        let (locks, place) = (&self.files.locks, &self.place);
        let key = place.lock_key();
        let expected = async {
            let lock = locks.proven(self.account.id, &key, &self.edit)?;
            match locks.base(lock.grant.id, &self.edit).await? {
                Some(base) => Ok((lock, Expected::Base(base, self.fingerprint))),
                // Nobody knows any more what it began with: whatever is there is not to be lost.
                None => Err(diverged(None, place.look().await?.as_ref())),
            }
        };
        let (lock, expected) = match expected.await {
            Ok(expected) => expected,
            Err(fault) => {
                return Err(NotPlaced { fault, content: publish::Content::Open(Box::new(file)) });
            }
        };
        // Within the file's turn: nobody can take or force the lock between this and the end of the save.
        let admit = || {
            locks.proven(self.account.id, &key, &self.edit)?;
            locks.pass(self.account.id, place, Reach::Item)
        };
        let shared = (&*self.files.turns, &self.files.siblings);
        let placed = put_in_place(place, &expected, shared, admit, self.replaces, sibling, file).await?;
        let saved = &placed.file;
        // It is saved, whatever becomes of this: the lock may have ended meanwhile, which is for its next use to tell.
        if let Err(fault) = locks.set_base(lock.grant.id, &self.edit, Some(saved)).await {
            tracing::info!(%fault, "what was saved is not the base of another save");
        }
        if !placed.is_doubtful() {
            return Ok(placed);
        }
        // Somebody else may have replaced it since, past us. Then it is not saved, whatever the server said.
        let now = match place.look().await {
            Ok(now) => now,
            Err(fault) => {
                tracing::info!(%fault, "a file that was saved could not be looked at");
                return Ok(placed);
            }
        };
        if now.as_ref().is_none_or(|now| now.file_id != saved.file_id) {
            let fault = diverged(Some(base_of(saved)), now.as_ref());
            return Err(NotPlaced { fault, content: placed.content() });
        }
        Ok(placed)
    }

    /// Keeps the content beside the file.
    async fn keep(&self, sibling: Sibling, mut content: publish::Content) -> Result<SaveAnswer, Fault> {
        let time = FileTime::from_unix_micros(self.files.locks.now().0 / 1_000_000 * 1_000_000);
        // As people write it, without what a name cannot have.
        let time =
            time.to_rfc3339_z().unwrap_or_default().replace('T', " ").replace(':', ".").replace('Z', "");
        let mut outcome = Err(Fault::new(FaultCode::AlreadyExists, "There are too many copies of this file"));
        for attempt in 1..=COPY_NAMES {
            let copy = match self.copy_place(&time, attempt) {
                Ok(copy) => copy,
                Err(refusal) => {
                    outcome = Err(refusal);
                    break;
                }
            };
            let (named, rest) = name_it(&self.place, &sibling, content, &copy).await;
            content = rest;
            match named {
                Ok(kept) => {
                    sibling.settle().await;
                    copy.tell(ItemKind::File, Deed::Created);
                    self.note(Event::EditCopied, Outcome::Succeeded, copy.full.as_str()).await;
                    return Ok(SaveAnswer { info: item(kept), copy: Some(copy.path.clone()) });
                }
                Err(error) if error.kind() == ShareErrorKind::AlreadyExists => {}
                Err(error) => {
                    outcome = Err(match error.kind() {
                        ShareErrorKind::PathNotFound => parent_not_found(),
                        _ => fault(&error),
                    });
                    break;
                }
            }
        }
        content.discard(&self.place, sibling).await;
        outcome
    }

    fn copy_place(&self, time: &str, attempt: u32) -> Result<Place, Fault> {
        let invalid = || Fault::new(FaultCode::NameRefused, "The copy of the file cannot be named");
        let (parent, name) = self.place.path.parent().zip(self.place.path.name()).ok_or_else(invalid)?;
        let name = conflict_copy(name, &self.account.username, time, attempt).ok_or_else(invalid)?;
        let path = parent.join(&name).map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))?;
        let copy = self.place.at(path)?;
        self.files.locks.would_pass(self.account.id, &copy, Reach::Item)?;
        Ok(copy)
    }

    async fn note(&self, event: Event, outcome: Outcome, detail: &str) {
        self.files.locks.note(&self.account, event, outcome, &self.place, detail).await;
    }
}

/// Gives content its name, which must be free, and what is left of it when that is refused.
async fn name_it(
    place: &Place,
    sibling: &Sibling,
    content: publish::Content,
    copy: &Place,
) -> (Result<Metadata, ShareError>, publish::Content) {
    use publish::Content;
    match content {
        Content::Open(file) => match file.publish(&copy.full, false).await {
            Ok(kept) => (Ok(kept), Content::Gone),
            Err(Unpublished { error, file }) => (Err(error), file.map_or(Content::Gone, Content::Open)),
        },
        other => (place.pool.rename(&sibling.full, &copy.full, false).await, other),
    }
}

/// Compares what the form says of the lock with what the edit's token said, and takes the lock's secret from it.
fn compare(edit: &mut Edit, content: &Content) -> Result<(), Fault> {
    let missing = content.missing();
    if !missing.is_empty() {
        return Err(Fault::new(FaultCode::PartMissing, "The form lacks parts").lacking(missing));
    }
    let [operation, lock, capability] = PROOF_PARTS.map(|part| content.field(part).unwrap_or_default());
    if !bool::from(operation.as_bytes().ct_eq(edit.proof.operation_id.as_bytes())) {
        return Err(Fault::new(FaultCode::LockMismatch, "The form is of another edit"));
    }
    if lock.parse() != Ok(edit.proof.lock_id) {
        return Err(Fault::new(FaultCode::LockLost, "The form is of another lock"));
    }
    edit.proof.capability = Some(capability.to_owned());
    Ok(())
}
