//! What cases of the sidecar's insides begin with: a real database, a real smbd, and who and what is in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_internal::accounts::{Account, CreateUser, Role, SignIn};
use causeway_internal::connections::{AccessMode, ConnectionDraft, CreateConnection, Scope};
use causeway_paths::SharePath;
use causeway_samba::Samba;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::changes::Changes;
use crate::config::SecretOverrides;
use crate::connections::Connections;
use crate::files::{Place, Siblings};
use crate::locks::Locks;
use crate::secrets::Secrets;
use crate::shares::Shares;
use crate::store::Store;

/// How long locks live without a sign of life, unless a case says otherwise.
const LOCK_LIFETIME: Duration = Duration::from_mins(2);

/// How long something that happens in the background may take.
const IN_THE_BACKGROUND: Duration = Duration::from_secs(15);

/// Between two looks.
const POLL: Duration = Duration::from_millis(20);

/// A database, an smbd, and everything of the sidecar between them.
pub(crate) struct Fixture {
    dir: TempDir,
    pub(crate) samba: Samba,
    pub(crate) store: Store,
    pub(crate) shares: Arc<Shares>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) locks: Locks,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) siblings: Arc<Siblings>,
    pub(crate) admin: Account,
    pub(crate) connection: Uuid,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::on(Samba::start().expect("smbd started")).await
    }

    /// The same with a server of one's own.
    pub(crate) async fn on(samba: Samba) -> Self {
        let dir = TempDir::new().expect("a directory");
        let secrets = Secrets::load_or_create(dir.path(), &SecretOverrides::default()).expect("secrets");
        let store = Store::open(dir.path()).await.expect("opened");
        let (accounts, admin) = first_admin(&store, Changes::new()).await;
        let connections =
            Connections::open(store.clone(), secrets.sealer(), Arc::new(Shares::new()), Changes::new())
                .await
                .expect("connections");
        let draft = draft(&samba, "127.0.0.1", "data");
        let connection = connections.create(&admin, CreateConnection { draft }).await.expect("created").id;
        let (shares, connections, accounts) =
            (Arc::new(Shares::new()), Arc::new(connections), Arc::new(accounts));
        let siblings = Arc::new(Siblings::new(store.journal(), Arc::clone(&connections)));
        let locks = open_locks(&store, &connections, (&shares, &accounts), LOCK_LIFETIME).await;
        Self { dir, samba, store, shares, connections, locks, accounts, siblings, admin, connection }
    }

    /// What a new process knows: the journal and nothing else.
    pub(crate) fn crash(&mut self) {
        self.siblings = Arc::new(Siblings::new(self.store.journal(), Arc::clone(&self.connections)));
    }

    /// The same, with the locks that the database has.
    pub(crate) async fn crash_under_locks(&mut self) {
        self.restart_with_locks_of(LOCK_LIFETIME).await;
    }

    /// The same, with locks that live that long without a sign of life.
    pub(crate) async fn restart_with_locks_of(&mut self, lifetime: Duration) {
        self.crash();
        self.locks =
            open_locks(&self.store, &self.connections, (&self.shares, &self.accounts), lifetime).await;
    }

    /// Keeps locks as a running program does, until what is returned is cancelled, or the case ends.
    pub(crate) fn keep_locks(&self) -> CancellationToken {
        let stop = CancellationToken::new();
        tokio::spawn(self.locks.clone().run(stop.clone()));
        stop
    }

    /// Waits for something that happens in the background.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self).await {
            assert!(start.elapsed() < IN_THE_BACKGROUND, "not within {IN_THE_BACKGROUND:?}: {what}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Where the database is.
    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Somebody else who reads and writes.
    pub(crate) async fn editor(&self, name: &str) -> Account {
        self.accounts.create_user(&self.admin, new_user(name, Role::Editor)).await.expect("made").account
    }

    /// Another connection to the same server.
    pub(crate) async fn connect(&self, host: &str, share: &str) -> Uuid {
        self.connect_to(&self.samba, host, share).await
    }

    /// A connection to any server.
    pub(crate) async fn connect_to(&self, samba: &Samba, host: &str, share: &str) -> Uuid {
        let draft = draft(samba, host, share);
        self.connections.create(&self.admin, CreateConnection { draft }).await.expect("created").id
    }

    pub(crate) async fn place(&self, path: &str) -> Place {
        self.place_on(self.connection, path).await
    }

    pub(crate) async fn place_on(&self, connection: Uuid, path: &str) -> Place {
        let connection = self.connections.resolve(&self.admin, connection).await.expect("a connection");
        let pool = self.shares.pool(&connection);
        let path = SharePath::parse(path).expect("a path");
        Place { connection, pool, full: path.clone(), path, changes: Changes::new() }
    }

    pub(crate) fn on_disk(&self, path: &str) -> PathBuf {
        self.samba.share_dir("data").join(path)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.on_disk("")).expect("a share");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) async fn sweep(&self) -> usize {
        self.siblings.sweep(&self.shares, &self.locks).await.expect("swept")
    }
}

/// The users of a new database: an administrator, who has signed in.
pub(crate) async fn first_admin(store: &Store, changes: Changes) -> (Accounts, Account) {
    let accounts = Accounts::open(store.clone(), Vec::new(), changes).await.expect("users");
    accounts.ensure_first_admin("admin", Some("secret")).await.expect("made");
    let attempt = SignIn {
        username: "admin".to_owned(),
        password: "secret".to_owned(),
        peer: None,
        forwarded_for: None,
    };
    let admin = accounts.sign_in(attempt).await.expect("signed in");
    (accounts, admin)
}

/// A user to be made.
pub(crate) fn new_user(username: &str, role: Role) -> CreateUser {
    CreateUser {
        username: username.to_owned(),
        name: None,
        email: None,
        role,
        password: Some("secret".to_owned()),
        must_change_password: false,
        expires_at: None,
    }
}

/// A connection that works, to a share of that server.
pub(crate) fn draft(samba: &Samba, host: &str, share: &str) -> ConnectionDraft {
    ConnectionDraft {
        name: format!("{share} by {host}:{}", samba.port()),
        kind: "smb".to_owned(),
        host: host.to_owned(),
        port: samba.port(),
        share_name: share.to_owned(),
        username: samba.user().to_owned(),
        password: samba.password().to_owned(),
        path_prefix: Some("/".to_owned()),
        scope: Scope::Shared,
        access_mode: AccessMode::ReadWrite,
    }
}

async fn open_locks(
    store: &Store,
    connections: &Arc<Connections>,
    (shares, accounts): (&Arc<Shares>, &Arc<Accounts>),
    lifetime: Duration,
) -> Locks {
    let (connections, shares) = (Arc::clone(connections), Arc::clone(shares));
    let also = (Arc::default(), Arc::clone(accounts));
    Locks::open(store.clone(), connections, shares, Arc::default(), lifetime, also).await.expect("locks")
}
