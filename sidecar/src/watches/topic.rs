//! What a client calls a directory.

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;

/// A directory by exactly the strings that a client sent, in which it is told of it. Clients that sent the same share
/// one, and with it the one copy of the message that most of them wait for.
#[derive(Debug)]
pub(crate) struct Topic {
    connection_id: Box<str>,
    path: Box<str>,
    changed: Utf8Bytes,
}

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    connection_id: &'a str,
    path: &'a str,
}

/// How far a transfer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Name of the item at the destination.
    pub(crate) item_name: String,
    /// Bytes of the current file; -1 when all is done.
    pub(crate) bytes_transferred: i64,
    /// Size of the current file, when it is known; -1 when all is done.
    pub(crate) total_bytes: Option<i64>,
}

#[derive(Serialize)]
struct ProgressMessage<'a> {
    r#type: &'a str,
    connection_id: &'a str,
    path: &'a str,
    bytes_transferred: i64,
    total_bytes: Option<i64>,
    item_name: &'a str,
}

impl Topic {
    pub(crate) fn new(connection_id: &str, path: &str) -> Self {
        let changed = written(&Message { r#type: "directory_changed", connection_id, path });
        Self { connection_id: connection_id.into(), path: path.into(), changed }
    }

    pub(crate) fn connection_id(&self) -> &str {
        &self.connection_id
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether a client calls it so.
    pub(crate) fn is(&self, connection_id: &str, path: &str) -> bool {
        *self.path == *path && *self.connection_id == *connection_id
    }

    /// The message that something changed.
    pub(crate) fn changed(&self) -> Utf8Bytes {
        self.changed.clone()
    }

    /// A message of another type.
    pub(crate) fn message(&self, r#type: &str) -> Utf8Bytes {
        written(&Message { r#type, connection_id: &self.connection_id, path: &self.path })
    }

    /// The message of how far a transfer into the directory is.
    pub(crate) fn progress(&self, progress: &Progress) -> Utf8Bytes {
        written(&ProgressMessage {
            r#type: "transfer_progress",
            connection_id: &self.connection_id,
            path: &self.path,
            bytes_transferred: progress.bytes_transferred,
            total_bytes: progress.total_bytes,
            item_name: &progress.item_name,
        })
    }
}

/// As JSON. Strings and numbers always can be.
fn written(message: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(message).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_contract() {
        let topic = Topic::new("0A-b", "docs/\"quoted\"");
        assert_eq!(
            topic.changed().as_str(),
            r#"{"type":"directory_changed","connection_id":"0A-b","path":"docs/\"quoted\""}"#
        );
        assert_eq!(
            topic.message("subscribed").as_str(),
            r#"{"type":"subscribed","connection_id":"0A-b","path":"docs/\"quoted\""}"#
        );
        let progress = Progress { item_name: "film.mkv".to_owned(), bytes_transferred: 7, total_bytes: None };
        assert_eq!(
            Topic::new("c", "").progress(&progress).as_str(),
            r#"{"type":"transfer_progress","connection_id":"c","path":"","bytes_transferred":7,"total_bytes":null,"item_name":"film.mkv"}"#
        );
    }
}
