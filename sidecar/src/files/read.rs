//! Reading a file's content, whole or in parts.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use causeway_http_semantics::{ReadStatus, Representation, Segment, plan_read};
use causeway_internal::accounts::Account;
use causeway_internal::locks::Edit;
use causeway_internal::transfer::{ReadAnswer, ReadHead};
use causeway_internal::{Fault, FaultCode};
use causeway_smb::{Metadata, ReadAhead, ReadHandle, ShareError, ShareErrorKind};
use futures::{Stream, StreamExt};
use uuid::Uuid;

use super::{Files, item, missing, twice};

/// The content of an answer, as planned.
pub(crate) type Content = Pin<Box<dyn Stream<Item = Result<Bytes, ShareError>> + Send>>;

impl Files {
    /// Opens a file and answers what the request's ranges and conditions ask for. Without content (`HEAD`, or a
    /// condition that answers with a status alone) nothing is streamed.
    pub(crate) async fn read(
        &self,
        account: &Account,
        head: ReadHead,
    ) -> Result<(ReadAnswer, Option<Content>), Fault> {
        let lock = match &head.edit {
            Some(edit) => Some(self.proven(account, head.connection, &head.path, edit).await?),
            None => None,
        };
        let place = self.readable(account, head.connection, head.path.clone()).await?;
        if !head.with_content {
            let found = place.stat().await?;
            if found.is_directory() {
                return Err(is_a_directory());
            }
            let plan = plan(&head, &found);
            return Ok((ReadAnswer { plan, info: item(found) }, None));
        }
        self.siblings.may_be_read(&place.lock_key()).await?;
        let handle =
            twice(|| place.pool.open_read(&place.full)).await.map_err(|error| match error.kind() {
                ShareErrorKind::IsADirectory => is_a_directory(),
                _ => missing(&error),
            })?;
        let mut found = handle.metadata().clone();
        let plan = plan(&head, &found);
        let content = (!plan.segments.is_empty()).then(|| content(handle, plan.segments.clone()));
        let content = match (content, lock, head.edit) {
            (content, Some(lock), Some(edit)) => {
                // What the editor is given, all of it, is what his save will be compared with.
                let is_whole = plan.status == ReadStatus::Ok;
                if is_whole {
                    self.locks.see(lock.grant.id, &edit, &mut found).await?;
                }
                match content {
                    Some(content) => {
                        let key = place.lock_key();
                        let content = self.locks.living_stream(account, key, edit.clone(), content);
                        let seen = is_whole.then(|| found.clone());
                        Some(self.seen_at_its_end(content, plan.content_length, (lock.grant.id, edit, seen)))
                    }
                    None if is_whole => {
                        self.locks.set_base(lock.grant.id, &edit, Some(&found)).await?;
                        None
                    }
                    None => None,
                }
            }
            (content, _, _) => content,
        };
        Ok((ReadAnswer { plan: plan.without_segments(), info: item(found) }, content))
    }
}

impl Files {
    /// The same content; what was `seen` becomes the base of the edit just before the last piece is given out. A download
    /// that is given up shows nobody what the file holds.
    fn seen_at_its_end(
        &self,
        content: impl Stream<Item = Result<Bytes, ShareError>> + Send + 'static,
        length: u64,
        (lock, edit, seen): (Uuid, Edit, Option<Metadata>),
    ) -> Content {
        let locks = self.locks.clone();
        let base = Arc::new((lock, edit, seen));
        let mut given = 0;
        Box::pin(content.then(move |piece| {
            given += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            let (locks, base, is_last) = (locks.clone(), Arc::clone(&base), given >= length);
            async move {
                let (lock, edit, seen) = &*base;
                if let (true, Ok(_), Some(seen)) = (is_last, &piece, seen)
                    && let Err(fault) = locks.set_base(*lock, edit, Some(seen)).await
                {
                    // The next save is compared with what was seen before, which loses nothing.
                    tracing::info!(%fault, "what was downloaded is not the base of a save");
                }
                piece
            }
        }))
    }
}

fn plan(head: &ReadHead, found: &Metadata) -> causeway_http_semantics::ReadPlan {
    // The boundary must not occur in the content; a random one of 122 bits does not.
    let boundary = Uuid::new_v4().simple().to_string();
    plan_read(&head.conditions, &representation(found, &head.content_type), &boundary)
}

/// The file as HTTP sees it.
pub(super) fn representation(found: &Metadata, content_type: &str) -> Representation {
    Representation {
        size: found.size,
        etag: found.version().etag(),
        last_modified: found.modified.to_unix_seconds(),
        content_type: content_type.to_owned(),
    }
}

/// The planned segments, one after the other. The handle goes with the stream.
fn content(handle: ReadHandle, segments: Vec<Segment>) -> Content {
    Box::pin(futures::stream::iter(segments).flat_map(move |segment| -> Content {
        match segment {
            Segment::Literal(bytes) => Box::pin(futures::stream::once(async move { Ok(Bytes::from(bytes)) })),
            Segment::File(range) => Box::pin(handle.stream(range, ReadAhead::default())),
        }
    }))
}

fn is_a_directory() -> Fault {
    Fault::new(FaultCode::IsADirectory, "The item is a directory")
}
