//! One edit under way: a session on disk, its server, and whether the lock is still there.

use std::cell::{Ref, RefCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api::{ApiError, Destination, Lifecycle, RemoteFile, Saved, Server};
use crate::api::{FileInfo, Pulse};
use crate::person::Person;
use crate::progress;
use crate::session::{Content, Operation, Session};
use crate::store::{OpenSession, StoreError};

/// Why the right to edit is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The server's code.
    pub code: Lifecycle,
    /// The server's words.
    pub message: String,
}

/// One edit under way. Everything about it happens in one task, so that its parts are borrowed only for moments.
#[derive(Debug)]
pub struct Edit<'a> {
    server: Server,
    person: &'a Person,
    open: RefCell<OpenSession>,
    loss: RefCell<Option<Loss>>,
    was_left_behind: bool,
}

impl<'a> Edit<'a> {
    /// An edit that begins.
    pub fn new(server: Server, person: &'a Person, open: OpenSession) -> Self {
        Self { server, person, open: RefCell::new(open), loss: RefCell::new(None), was_left_behind: false }
    }

    /// An edit that another process began.
    pub fn left_behind(server: Server, person: &'a Person, open: OpenSession) -> Self {
        Self { was_left_behind: true, ..Self::new(server, person, open) }
    }

    /// Whether another process began it, and may have done more than it knew of.
    pub fn was_left_behind(&self) -> bool {
        self.was_left_behind
    }

    /// The person who edits.
    pub fn person(&self) -> &'a Person {
        self.person
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// What is known of it.
    pub fn session(&self) -> Ref<'_, Session> {
        Ref::map(self.open.borrow(), OpenSession::session)
    }

    /// Changes what is known of it, durably.
    pub fn update(&self, change: impl FnOnce(&mut Session)) -> Result<(), StoreError> {
        self.open.borrow_mut().update(change)
    }

    /// The file that the person edits.
    pub fn working_copy(&self) -> PathBuf {
        self.open.borrow().working_copy()
    }

    /// Where it is.
    pub fn work(&self) -> PathBuf {
        self.open.borrow().work()
    }

    /// What uploads are read from.
    pub fn outgoing(&self) -> PathBuf {
        self.open.borrow().outgoing()
    }

    /// What downloads are written to.
    pub fn incoming(&self) -> PathBuf {
        self.open.borrow().incoming()
    }

    /// Ends it; what is on disk stays.
    pub fn into_session(self) -> OpenSession {
        self.open.into_inner()
    }

    /// Ends it and removes everything of it.
    pub fn remove(self) -> Result<(), StoreError> {
        self.open.into_inner().remove()
    }

    /// Why the right to edit is gone, if it is.
    pub fn loss(&self) -> Option<Loss> {
        self.loss.borrow().clone()
    }

    /// The right to edit, if there is one to show.
    fn operation(&self) -> Result<Operation, ApiError> {
        let operation = self.open.borrow().session().operation.clone();
        operation.ok_or_else(|| ApiError::Lifecycle {
            code: Lifecycle::RecoveryRequired,
            message: "This edit has no lock any more".to_owned(),
        })
    }

    /// Does something with the right to edit; renews it first when the server wants that, and notes it when the server
    /// says that it is gone.
    async fn with_right<T>(
        &self,
        call: impl AsyncFn(&Server, &str, &Operation) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let connection = self.session().connection.clone();
        let mut result = call(&self.server, &connection, &self.operation()?).await;
        if result.as_ref().err().and_then(ApiError::lifecycle) == Some(Lifecycle::RenewalRequired) {
            self.renew().await?;
            result = call(&self.server, &connection, &self.operation()?).await;
        }
        if let Err(ApiError::Lifecycle { code, message }) = &result {
            self.lose(*code, message);
        }
        result
    }

    /// Gets a new token. It is on disk when this returns, or at least tried.
    pub async fn renew(&self) -> Result<(), ApiError> {
        let connection = self.session().connection.clone();
        let operation = self.operation()?;
        let renewed = self.server.renew(&connection, &operation).await.inspect_err(|fault| {
            if let ApiError::Lifecycle { code, message } = fault {
                self.lose(*code, message);
            }
        })?;
        tracing::debug!("the operation token is renewed");
        let written = self.update(|session| {
            session.operation = Some(Operation {
                token: renewed.token,
                received_at: crate::session::unix_now(),
                renew_after_seconds: renewed.renew_after_seconds,
                ..operation
            });
        });
        if let Err(fault) = written {
            // This process has it all the same; only a recovery would have to do without.
            tracing::warn!(%fault, "the new token is not on disk");
        }
        Ok(())
    }

    /// Notes that the right to edit is gone, and tells it once.
    fn lose(&self, code: Lifecycle, message: &str) {
        if self.loss.borrow().is_some() {
            return;
        }
        tracing::debug!(?code, "the lock is lost");
        *self.loss.borrow_mut() = Some(Loss { code, message: message.to_owned() });
        self.person.tell(format!(
            "Your lock on {} is gone: {message}\nYou can go on editing: your copy is safe on this computer. When you are done \
             you will be told how it can be saved.",
            self.session().path
        ));
    }

    /// Tells the server that the editing goes on.
    pub async fn heartbeat(&self) -> Result<Pulse, ApiError> {
        self.with_right(async |server, connection, operation| server.heartbeat(connection, operation).await)
            .await
    }

    /// Looks at the file on the server; what is seen becomes what the server compares the next save with.
    pub async fn look(&self) -> Result<FileInfo, ApiError> {
        let path = self.session().path.clone();
        self.with_right(async |server, connection, operation| {
            server.edit_info(RemoteFile { connection, path: &path }, operation).await
        })
        .await
    }

    /// Downloads the file, which has that many bytes, to a file of the session.
    pub async fn download(&self, size: u64) -> Result<Content, ApiError> {
        let path = self.session().path.clone();
        let target = self.incoming();
        let bar = progress::bar("Downloading", size);
        let content = self
            .with_right(async |server, connection, operation| {
                let file = RemoteFile { connection, path: &path };
                server.download(file, operation, size, &target, |received| bar.set_position(received)).await
            })
            .await;
        bar.finish_and_clear();
        content
    }

    /// Uploads what is in [`Self::outgoing`]. Besides, whether all of it went out, so that the server may have it whatever
    /// the answer is.
    pub async fn upload(
        &self,
        content: &Content,
        destination: Destination,
    ) -> (Result<Saved, ApiError>, bool) {
        let source = self.outgoing();
        let bar = progress::bar("Saving", content.size);
        let most = Arc::new(AtomicU64::new(0));
        let saved = self
            .with_right(async |server, connection, operation| {
                let (drawn, most) = (bar.clone(), Arc::clone(&most));
                most.store(0, Ordering::Relaxed);
                let progress = move |sent| {
                    most.store(sent, Ordering::Relaxed);
                    drawn.set_position(sent);
                };
                server.upload(connection, operation, &source, content.size, destination, progress).await
            })
            .await;
        bar.finish_and_clear();
        (saved, most.load(Ordering::Relaxed) >= content.size)
    }

    /// Gives the lock back, as well as it can: a lock that is not given back expires after two minutes.
    pub async fn release(&self) {
        if self.session().operation.is_none() || self.loss().is_some() {
            return;
        }
        let released = self
            .with_right(async |server, connection, operation| server.release(connection, operation).await)
            .await;
        match released {
            Ok(_) => tracing::debug!("the lock is released"),
            Err(fault) => tracing::debug!(%fault, "the lock is left to expire"),
        }
    }
}
