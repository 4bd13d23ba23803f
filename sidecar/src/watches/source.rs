//! Where a watch gets its changes from: a share, or in tests whatever makes a case happen.

use async_trait::async_trait;
use causeway_paths::SharePath;
use causeway_smb::{
    Metadata, PoolLimits, ShareError, ShareErrorKind, SharePool, WATCHES_PER_CONNECTION, Watch, WatchEvent,
    WatchOptions,
};

/// Watches of a connection that those who look at directories leave free: one is the directory index's, and those who
/// come at the same moment do not count each other.
const LEFT_FREE: usize = 16;

/// A directory that can be watched.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// Begins to watch. Whatever changes after this has returned is reported.
    async fn arm(&self) -> Result<Armed, ShareError>;

    /// The directory itself, cheaply.
    async fn look(&self) -> Result<Metadata, ShareError>;

    /// Everything in it.
    async fn list(&self) -> Result<Vec<Metadata>, ShareError>;

    /// Whether the connection was changed or deleted since: nothing more will come from here.
    fn is_retired(&self) -> bool;
}

/// A watch in force.
pub(crate) struct Armed {
    /// What reports.
    pub(crate) reports: Box<dyn Reports>,
    /// The directory when the watch came into force.
    pub(crate) directory: Metadata,
}

/// What a server reports.
#[async_trait]
pub(crate) trait Reports: Send {
    /// The next report; an error is the last. May be dropped at any point without losing one.
    async fn next(&mut self) -> Result<WatchEvent, ShareError>;

    /// Ends it and waits for that.
    async fn close(self: Box<Self>);
}

/// A directory on a share.
pub(crate) struct ShareDirectory {
    pool: SharePool,
    path: SharePath,
}

impl ShareDirectory {
    /// `path` is below the root of the share.
    pub(crate) fn new(pool: SharePool, path: SharePath) -> Self {
        Self { pool, path }
    }
}

#[async_trait]
impl Source for ShareDirectory {
    async fn arm(&self) -> Result<Armed, ShareError> {
        let most = PoolLimits::default().watch_connections * WATCHES_PER_CONNECTION;
        if self.pool.watches() + LEFT_FREE >= most {
            return Err(ShareErrorKind::TooManyWatches.into());
        }
        let watch = self.pool.watch(&self.path, WatchOptions::default()).await?;
        let directory = watch.metadata().clone();
        Ok(Armed { reports: Box::new(watch), directory })
    }

    async fn look(&self) -> Result<Metadata, ShareError> {
        self.pool.stat(&self.path).await
    }

    async fn list(&self) -> Result<Vec<Metadata>, ShareError> {
        self.pool.list(&self.path).await
    }

    fn is_retired(&self) -> bool {
        self.pool.is_closed()
    }
}

#[async_trait]
impl Reports for Watch {
    async fn next(&mut self) -> Result<WatchEvent, ShareError> {
        Watch::next(self).await
    }

    async fn close(self: Box<Self>) {
        Watch::close(*self).await;
    }
}
