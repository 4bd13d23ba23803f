//! Contents: down into a file, up from a file.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use sha2::{Digest as _, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::{ApiError, RemoteFile, Saved, Server, in_edit};
use crate::session::{Content, Operation};
use crate::working_copy::hex;

/// How long a transfer may take besides its bytes (contract 9.8).
const TRANSFER_WITHIN: Duration = Duration::from_mins(5);

/// Bytes a second that a transfer has to reach on average, so that large files have longer: 64 KiB.
const SLOWEST: u64 = 64 * 1024;

/// How long nothing may come of a download.
const SILENT_FOR: Duration = Duration::from_mins(1);

/// Bytes read from disk at once.
const BUFFER: usize = 256 * 1024;

/// Where an upload goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// In the file's place, if nobody else changed it since we last looked; otherwise it is refused.
    File,
    /// Beside the file, whatever is there.
    Copy,
}

/// How long a transfer of that many bytes may take.
fn within(size: u64) -> Duration {
    TRANSFER_WITHIN + Duration::from_secs(size / SLOWEST)
}

impl Server {
    /// Downloads the file of an edit to a new file on disk, which is durable when this returns. It must have the length
    /// that the server told before.
    pub async fn download(
        &self,
        file: RemoteFile<'_>,
        edit: &Operation,
        size: u64,
        target: &Path,
        progress: impl Fn(u64),
    ) -> Result<Content, ApiError> {
        let request = self.about(Method::GET, file.connection, &["download"], &edit.token);
        let mut response = self.send(request.query(&in_edit(file, edit)).timeout(within(size))).await?;
        let mut written = create(target).await.map_err(|fault| on_disk(target, &fault))?;
        let mut hash = Sha256::new();
        let mut received = 0;
        loop {
            let piece = tokio::time::timeout(SILENT_FOR, response.chunk());
            let piece = match piece.await {
                Ok(piece) => piece.map_err(|fault| ApiError::unreachable(self.address(), fault))?,
                Err(_) => {
                    return Err(ApiError::Unreachable {
                        server: self.address().to_string(),
                        cause: "nothing comes any more".to_owned(),
                    });
                }
            };
            let Some(piece) = piece else { break };
            received += piece.len() as u64;
            if received > size {
                break;
            }
            hash.update(&piece);
            written.write_all(&piece).await.map_err(|fault| on_disk(target, &fault))?;
            progress(received);
        }
        if received != size {
            return Err(ApiError::WrongLength { expected: size, received });
        }
        // Dropping a file of tokio does not wait for its last write.
        written.flush().await.map_err(|fault| on_disk(target, &fault))?;
        written.sync_all().await.map_err(|fault| on_disk(target, &fault))?;
        Ok(Content { size, sha256: hex(&hash.finalize()) })
    }

    /// Uploads a file from disk as the content of the file of an edit.
    pub async fn upload(
        &self,
        connection: &str,
        edit: &Operation,
        source: &Path,
        size: u64,
        destination: Destination,
        progress: impl Fn(u64) + Send + 'static,
    ) -> Result<Saved, ApiError> {
        let read = File::open(source).await.map_err(|fault| on_disk(source, &fault))?;
        let mut sent = 0;
        let pieces = ReaderStream::with_capacity(read, BUFFER).inspect(move |piece| {
            sent += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            progress(sent);
        });
        // The server takes the name from the token; a part is a file only if it has one.
        let content = Part::stream_with_length(Body::wrap_stream(pieces), size).file_name("content");
        let form = Form::new()
            .text("operation_id", edit.operation_id.clone())
            .text("lock_id", edit.lock_id.clone())
            .text("lock_capability", edit.lock_capability.reveal().to_owned())
            .part("file", content);
        let mut request = self.about(Method::POST, connection, &["upload"], &edit.token);
        if destination == Destination::Copy {
            // The person has chosen it, perhaps after a look that made what is there now the server's base: then there is no
            // conflict in the server's eyes, and a copy is wanted all the same.
            request = request.query(&[("on_conflict", "copy_always")]);
        }
        let response = self.send(request.multipart(form).timeout(within(size))).await?;
        let saved: Saved = self.read_json(response).await?;
        if saved.size != size {
            return Err(ApiError::WrongLength { expected: size, received: saved.size });
        }
        Ok(saved)
    }
}

/// A file for the owner alone; what an earlier attempt left there goes.
async fn create(target: &Path) -> io::Result<File> {
    match tokio::fs::remove_file(target).await {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(target).await
}

fn on_disk(path: &Path, fault: &io::Error) -> ApiError {
    ApiError::Disk(format!("{} cannot be used: {fault}", path.display()))
}
