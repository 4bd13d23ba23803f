//! The long-lived native service behind the functions.
//!
//! It holds what must outlive a request: the sessions on SMB servers, the database with users and connections, and the
//! temporary items of running operations. Functions reach it by the internal API ([`Sidecar::router`]), in process or
//! over a socket; it knows nothing of the public API's shapes.

mod accounts;
mod changes;
mod completion;
pub mod config;
mod connections;
mod files;
#[cfg(test)]
mod fixture;
mod follower;
mod history;
mod index;
mod internal_api;
mod janitor;
mod locks;
mod metrics;
mod origin;
mod secrets;
mod shares;
mod sockets;
mod store;
mod turn;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use causeway_internal::Fault;
use causeway_internal::accounts::{Account, DeleteUser, LogSettings};
use causeway_internal::connections::DeleteConnection;
use causeway_tokens::TokenKey;
use futures::future::try_join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::accounts::Accounts;
use self::changes::{Changes, Notice};
use self::config::Config;
use self::connections::Connections;
use self::files::{Files, Siblings};
use self::history::Histories;
use self::index::Indexes;
use self::locks::Locks;
use self::metrics::Metrics;
use self::secrets::Secrets;
use self::shares::Shares;
use self::sockets::{Admission, Sockets};
use self::store::Store;
pub use self::store::{AuditRecord, audit_trail};
use self::turn::Turns;
use self::watches::Watches;

/// How long the upkeep may take to leave off when the program stops, and the database to be closed. What is left half done
/// on a server is in the journal, and an index that was not written down is made anew.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The format of `/metrics`.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The running service.
pub struct Sidecar {
    accounts: Arc<Accounts>,
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    siblings: Arc<Siblings>,
    files: Files,
    locks: Locks,
    histories: Histories,
    watches: Watches,
    sockets: Sockets,
    metrics: Arc<Metrics>,
    indexes: Indexes,
    store: Store,
    secrets: Secrets,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// The same for what only looks at servers, and need not wait for the end of requests.
    stop_looking: CancellationToken,
}

/// What a start has to tell.
pub struct Started {
    /// The service.
    pub sidecar: Arc<Sidecar>,
    /// The first administrator's password, when it was made up just now. It is kept nowhere: show it.
    pub generated_password: Option<String>,
}

impl Sidecar {
    /// Opens the database and the secrets (making them at the first start) and begins the upkeep.
    ///
    /// Errors are for the operator's eyes: a directory that cannot be used, a database of a newer version, secrets that
    /// others can read.
    pub async fn start(config: Config) -> anyhow::Result<Started> {
        let secrets = Secrets::load_or_create(&config.data_dir, &config.secrets).context("the secrets")?;
        let store = Store::open(&config.data_dir).await.context("the database")?;
        let shares = Arc::new(Shares::new());
        let changes = Changes::new();
        let metrics = Arc::new(Metrics::default());
        let watches = Watches::new(Arc::clone(&metrics));
        let first = watches.clone();
        changes.hear_first(move |notice| {
            if let Notice::Item(change) = notice {
                first.note(change);
            }
        });
        let accounts = Accounts::open(store.clone(), config.trusted_proxies.clone(), changes.clone())
            .await
            .context("the users")?;
        let accounts = Arc::new(accounts);
        let connections =
            Connections::open(store.clone(), secrets.sealer(), Arc::clone(&shares), changes.clone()).await;
        let connections = Arc::new(connections.context("the connections")?);
        let siblings = Arc::new(Siblings::new(store.journal(), Arc::clone(&connections)));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let stop_looking = stop.child_token();
        let indexes = Indexes::new(
            Arc::clone(&connections),
            Arc::clone(&shares),
            changes.clone(),
            &config.data_dir,
            config.directory_rescan,
            Arc::clone(&metrics),
            (&tasks, &stop_looking),
        );
        let turns = Arc::<Turns>::default();
        let locks = Locks::open(
            store.clone(),
            Arc::clone(&connections),
            Arc::clone(&shares),
            Arc::clone(&turns),
            config.lock_lifetime,
            (Arc::clone(&metrics), Arc::clone(&accounts)),
        )
        .await
        .context("the locks")?;
        let files = Files::new(
            Arc::clone(&accounts),
            (Arc::clone(&connections), Arc::clone(&shares)),
            Arc::clone(&siblings),
            changes.clone(),
            watches.clone(),
            indexes.clone(),
            (locks.clone(), turns),
        );
        let admission = Admission {
            key: TokenKey::new(secrets.token_secret()),
            public_url: config.public_url,
            most_of_user: config.max_sockets_per_user,
        };
        let sockets = Sockets::new(
            Arc::clone(&accounts),
            Arc::clone(&connections),
            Arc::clone(&shares),
            watches.clone(),
            Arc::clone(&metrics),
            admission,
        );
        let histories = Histories::new(store.clone(), Arc::clone(&connections), files.clone());
        // Last of what can fail, so that a password that was made up is shown.
        let generated_password = accounts
            .ensure_first_admin(&config.first_admin.username, config.first_admin.password.as_deref())
            .await
            .context("the first administrator")?;
        tasks.spawn(janitor::run(Arc::clone(&siblings), Arc::clone(&shares), locks.clone(), stop.clone()));
        tasks.spawn(locks.clone().run(stop.clone()));
        tasks.spawn(sockets.clone().run_pulse(changes.listen()));
        let sidecar = Arc::new(Self {
            accounts,
            connections,
            shares,
            siblings,
            files,
            locks,
            histories,
            watches,
            sockets,
            metrics,
            indexes,
            store,
            secrets,
            tasks,
            stop,
            stop_looking,
        });
        Ok(Started { sidecar, generated_password })
    }

    /// The internal API.
    pub fn router(self: &Arc<Self>) -> Router {
        internal_api::router(Arc::clone(self))
    }

    /// What browsers speak to directly: `/api/ws`.
    pub fn public_router(&self) -> Router {
        self.sockets.router()
    }

    /// `/metrics`: figures for Prometheus. They name nobody and nothing, but are for the operator alone.
    pub fn metrics_router(&self) -> Router {
        let metrics = Arc::clone(&self.metrics);
        let text = move || {
            let text = metrics.text();
            async move { ([(header::CONTENT_TYPE, METRICS_TYPE)], text) }
        };
        Router::new().route("/metrics", get(text))
    }

    /// What functions must prove themselves with.
    pub fn service_token(&self) -> &str {
        self.secrets.service_token()
    }

    /// The key of the browsers' access tokens, for the functions' variables.
    pub fn token_secret(&self) -> &str {
        self.secrets.token_secret()
    }

    /// Tells all clients on sockets that the program stops, and closes all watches. To be called as soon as that is known:
    /// while requests are still let end, which may take long, nobody needs to be told of changes.
    pub fn hang_up(&self) {
        self.sockets.hang_up();
        self.watches.let_go();
        self.stop_looking.cancel();
    }

    /// Ends the sockets, then the watches, then the upkeep, and closes the sessions on the servers. Requests should have
    /// ended before. It takes some seconds at most.
    pub async fn stop(&self) {
        self.hang_up();
        self.sockets.stop().await;
        self.watches.stop().await;
        self.stop.cancel();
        self.tasks.close();
        if timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "the upkeep did not end in time");
        }
        self.shares.close();
        if timeout(STOP_WITHIN, self.store.close()).await.is_err() {
            tracing::warn!("the database was still in use at the end");
        }
    }

    /// Deletes a user and what is his alone, having finished what was left half done through his connections.
    async fn delete_user(self: Arc<Self>, account: Arc<Account>, call: DeleteUser) -> Result<(), Fault> {
        let user = call.id;
        self.accounts.require_admin(&account)?;
        let owned = self.connections.owned_by(user).into_iter();
        try_join_all(owned.map(|connection| self.siblings.clear(connection, &self.shares, &self.locks)))
            .await?;
        completion::to_its_end(async move {
            self.accounts.delete_user(&account, call).await?;
            self.locks.forget_user(user).await;
            self.connections.forget_owner(user).await
        })
        .await
    }

    /// Deletes a connection, having finished what was left half done through it.
    async fn delete_connection(
        self: Arc<Self>,
        account: Arc<Account>,
        call: DeleteConnection,
    ) -> Result<(), Fault> {
        self.connections.may_manage(&account, call.id)?;
        self.siblings.clear(call.id, &self.shares, &self.locks).await?;
        let connection = call.id;
        completion::to_its_end(async move {
            self.connections.delete(&account, call).await?;
            self.locks.forget_connection(connection).await;
            Ok(())
        })
        .await
    }

    /// Browser logging is off: nothing collects its output yet.
    fn log_settings() -> LogSettings {
        LogSettings {
            logging_enabled: false,
            logging_level: "WARNING".to_owned(),
            tracing_enabled: false,
            tracing_level: "ERROR".to_owned(),
            tracing_components: Vec::new(),
        }
    }
}
