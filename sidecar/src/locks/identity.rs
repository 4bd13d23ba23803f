//! Which file it is that is locked, whatever name it goes by.

use causeway_smb::{Hold, Metadata, ServerIdentity, ShareError, SharePool};

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
    /// What a hold shows.
    pub(super) fn of(hold: &Hold) -> Self {
        let server = guid(hold.server());
        Self { server, identity: FileIdentity::on(server, hold.metadata()) }
    }

    /// What is known of a file that is not there.
    pub(super) async fn of_server(pool: &SharePool) -> Self {
        let server = pool.server_identity().await.ok().as_ref().and_then(guid);
        Self { server, identity: None }
    }
}

impl FileIdentity {
    /// `None` where the server does not tell.
    pub(super) async fn of(pool: &SharePool, metadata: &Metadata) -> Result<Option<Self>, ShareError> {
        Ok(Self::on(guid(&pool.server_identity().await?), metadata))
    }

    fn on(server: Option<ServerGuid>, metadata: &Metadata) -> Option<Self> {
        let (server, volume, file) = (server?, metadata.volume_id?, metadata.file_id);
        (file != 0).then_some(Self { server, volume, file })
    }
}

fn guid(server: &ServerIdentity) -> Option<ServerGuid> {
    Some(server.server_guid).filter(|guid| *guid != [0; 16])
}
