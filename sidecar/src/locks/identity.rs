//! Which file it is that is locked, whatever name it goes by.

use causeway_smb::{Metadata, SharePool};

/// By what a server is known, whatever its addresses.
pub(super) type ServerGuid = [u8; 16];

/// A file by its server's own numbers: the same by whatever address, share or path one comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileIdentity {
    pub(super) server: ServerGuid,
    pub(super) volume: u64,
    pub(super) file: u64,
}

/// What is known of the file of a lock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) server: Option<ServerGuid>,
    /// `None` where there is no file, too.
    pub(super) identity: Option<FileIdentity>,
}

impl Known {
    /// What is known of the file that `metadata` is about, or of one that is not there.
    pub(super) async fn of(pool: &SharePool, metadata: Option<&Metadata>) -> Self {
        let server = pool.server_identity().await.ok().map(|identity| identity.server_guid);
        let server = server.filter(|server| *server != [0; 16]);
        let identity = server.zip(metadata).and_then(|(server, metadata)| FileIdentity::on(server, metadata));
        Self { server, identity }
    }
}

impl FileIdentity {
    /// `None` where the server does not tell.
    pub(super) async fn of(pool: &SharePool, metadata: &Metadata) -> Option<Self> {
        Known::of(pool, Some(metadata)).await.identity
    }

    fn on(server: ServerGuid, metadata: &Metadata) -> Option<Self> {
        let (volume, file) = (metadata.volume_id?, metadata.file_id);
        (file != 0).then_some(Self { server, volume, file })
    }
}
