//! [`Hold`]: an item kept open so that nobody else on the server can write, rename or delete it.

use causeway_paths::SharePath;

use crate::create::{Open, SHARE_READ, SHARE_READ_WRITE, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::OpenHandle;
use crate::limits::deadline;
use crate::metadata::Metadata;
use crate::pool::{SharePool, Work};
use crate::session::ServerIdentity;

impl SharePool {
    /// Opens an item for reading and lets others read only, until the [`Hold`] is released, dropped, or its connection
    /// is lost (share modes: MS-FSA 2.1.5.1.2.2). What is in a held directory can be written still; the directory itself
    /// stays where it is.
    ///
    /// [`InUse`](ShareErrorKind::InUse): somebody has it open for writing, or so that nobody else may read it.
    ///
    /// Samba 4.17 does not let a hold stand in the way of a rename that replaces the file, if that comes by another
    /// connection (seen with every share mode): whoever saves under a hold looks first at what he replaces.
    pub async fn hold(&self, path: &SharePath) -> Result<Hold, ShareError> {
        let held = self.open_held(path, SHARE_READ, option::NON_DIRECTORY).await;
        let (handle, metadata) = match held {
            Err(error) if error.kind() == ShareErrorKind::IsADirectory => {
                self.open_held(path, SHARE_READ_WRITE, option::DIRECTORY).await?
            }
            outcome => outcome?,
        };
        Ok(Hold { handle, metadata })
    }

    async fn open_held(
        &self,
        path: &SharePath,
        sharing: u32,
        options: u32,
    ) -> Result<(OpenHandle, Metadata), ShareError> {
        // Opened twice by a repeated call, the first handle goes with the connection that was lost under it.
        self.look(Work::Hold, deadline::OPEN, |lease| {
            let path = path.clone();
            async move {
                let open = Open { sharing, ..Open::existing(access::READ, options) };
                OpenHandle::open(lease, &path, &open).await
            }
        })
        .await
    }
}

/// An item that nobody else may write, rename or delete. Released on drop, in the background.
pub struct Hold {
    handle: OpenHandle,
    metadata: Metadata,
}

impl Hold {
    /// The item, as it was when it was opened.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The server on which it is held.
    pub fn server(&self) -> &ServerIdentity {
        self.handle.lease().identity()
    }

    /// Whether its connection still stands, as far as is known without asking the server.
    pub fn is_alive(&self) -> bool {
        self.handle.lease().is_alive()
    }

    /// Asks the server for a sign of life; without one the connection, and the hold with it, is given up.
    pub fn probe(&self) -> impl Future<Output = bool> + use<> {
        let lease = self.handle.lease().clone();
        async move { lease.is_alive() && lease.probe().await }
    }

    /// Closes the item and waits for it.
    pub async fn release(self) {
        self.handle.close().await;
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hold").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}
