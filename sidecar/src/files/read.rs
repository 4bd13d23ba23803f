//! Reading a file's content, whole or in parts.

use std::pin::Pin;

use bytes::Bytes;
use causeway_http_semantics::{ReadStatus, Representation, Segment, plan_read};
use causeway_internal::accounts::Account;
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
        let handle =
            twice(|| place.pool.open_read(&place.full)).await.map_err(|error| match error.kind() {
                ShareErrorKind::IsADirectory => is_a_directory(),
                _ => missing(&error),
            })?;
        let mut found = handle.metadata().clone();
        let plan = plan(&head, &found);
        if let (Some(lock), Some(edit), ReadStatus::Ok) = (&lock, &head.edit, plan.status) {
            // What the editor is given is what his save will be compared with.
            self.locks.see(lock.grant.id, edit, &mut found).await?;
        }
        let content = (!plan.segments.is_empty()).then(|| content(handle, plan.segments.clone()));
        let content = match (content, head.edit) {
            (Some(content), Some(edit)) => {
                let content = self.locks.living_stream(account, place.lock_key(), edit, content);
                Some(Box::pin(content) as Content)
            }
            (content, _) => content,
        };
        Ok((ReadAnswer { plan: plan.without_segments(), info: item(found) }, content))
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
