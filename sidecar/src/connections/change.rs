//! Making, changing and deleting connections.

use std::sync::Arc;

use causeway_internal::accounts::Account;
use causeway_internal::connections::{
    ChangeConnection, Connection, CreateConnection, DeleteConnection, Scope,
};
use causeway_internal::{Fault, FaultCode};
use uuid::Uuid;

use super::draft::{check, concerns_server, differs_for_server, new_password, patched, target};
use super::known::{self, Known, PASSWORD_FIELD};
use super::rows::{self, Stored};
use super::slug::{free_slug, slug_of};
use super::{Connections, State, access, invalid, is_admin, not_permitted};
use crate::changes::Notice;
use crate::follower::{Follower, in_turn};
use crate::locks::{self, Owner};
use crate::secrets::SealError;
use crate::store::StoreError;
use crate::store::audit::{self, Event};

/// Most connections that are kept: all are in memory, some kilobytes each.
const MAX_CONNECTIONS: usize = 10_000;

impl Connections {
    /// Tries a draft, then stores it. What a caller who is no administrator wants shared becomes private. Faults:
    /// `RoleReadOnly`, `Invalid`, `Conflict`, `Busy`, and those of the server.
    pub(crate) async fn create(&self, caller: &Account, call: CreateConnection) -> Result<Connection, Fault> {
        access::require_role(caller)?;
        let draft = call.draft;
        check(&draft)?;
        if self.state.known.load().len() >= MAX_CONNECTIONS {
            return Err(Fault::new(FaultCode::Conflict, "There are too many connections"));
        }
        let target = target(&draft)?;
        self.state.try_out(&target).await?;

        let caller = caller.clone();
        in_turn(&self.state, move |state| async move {
            let id = Uuid::new_v4();
            let now = state.clock.now();
            let scope = if is_admin(&caller) { draft.scope } else { Scope::Private };
            let mut stored = Stored {
                id,
                slug: slug_of(&draft.name),
                name: draft.name,
                kind: draft.kind,
                host: draft.host,
                port: draft.port,
                share_name: Some(draft.share_name),
                username: draft.username,
                password_sealed: state.seal(id, &target.password)?,
                path_prefix: draft.path_prefix,
                scope,
                access_mode: draft.access_mode,
                owner: owner_of(scope, &caller),
                revision: 1,
                created_at: now,
                updated_at: now,
            };
            let mut change = state.store.begin().await?;
            stored.slug = free_slug(&stored.slug, &rows::slugs_like(&mut change, &stored.slug).await?);
            rows::insert(&mut change, &stored).await.map_err(insert_fault)?;
            audit::done(&mut change, now, Event::ConnectionCreated, &caller, (stored.id, &stored.name), "")
                .await?;
            change.commit().await.map_err(StoreError::from)?;
            let seen = access::as_seen(&caller, &stored);
            state.publish(stored);
            state.changes.tell(Notice::Connection(id));
            Ok(seen)
        })
        .await
    }

    /// Changes a connection, having tried it when anything that the server has a say in is among the changes. Faults:
    /// `RoleReadOnly`, `ConnectionNotFound`, `NotPermitted`, `Invalid`, `Conflict` (somebody else changed it meanwhile),
    /// `Busy`, and those of the server.
    pub(crate) async fn change(&self, caller: &Account, call: ChangeConnection) -> Result<Connection, Fault> {
        let known = self.state.manageable(caller, call.id)?;
        let patch = call.patch;
        refuse_foreign_scope(caller, &known.stored, patch.scope)?;
        let password = new_password(&patch)?;
        let tried = patched(&known.stored, &patch)?;
        let concerns_server = concerns_server(&patch);
        if concerns_server {
            self.state.try_out(&self.state.target(&tried, password.clone())?).await?;
        }

        let (caller, tried_revision) = (caller.clone(), tried.revision);
        in_turn(&self.state, move |state| async move {
            let known = state.manageable(&caller, call.id)?;
            let before = &known.stored;
            if concerns_server && before.revision != tried_revision {
                // What was tried is not what would be stored.
                return Err(Fault::new(
                    FaultCode::Conflict,
                    "The connection was changed by somebody else meanwhile",
                ));
            }
            refuse_foreign_scope(&caller, before, patch.scope)?;
            let now = state.clock.now();
            let mut after = patched(before, &patch)?;
            after.updated_at = now;
            if let Some(scope) = patch.scope.filter(|scope| *scope != before.scope) {
                after.scope = scope;
                after.owner = owner_of(scope, &caller);
            }
            if let Some(password) = &password {
                after.password_sealed = state.seal(after.id, password)?;
            }
            let sessions_end = password.is_some() || differs_for_server(before, &after);
            after.revision = before.revision + u64::from(sessions_end);

            let mut change = state.store.begin().await?;
            rows::update(&mut change, &after).await.map_err(insert_fault)?;
            let detail = changed_fields(before, &after, password.is_some());
            audit::done(
                &mut change,
                now,
                Event::ConnectionChanged,
                &caller,
                (after.id, &after.name),
                &detail,
            )
            .await?;
            change.commit().await.map_err(StoreError::from)?;
            let seen = access::as_seen(&caller, &after);
            state.publish(after);
            if sessions_end {
                state.shares.retire(call.id);
            }
            // After that, so that nobody who hears of it gets the old sessions.
            state.changes.tell(Notice::Connection(call.id));
            Ok(seen)
        })
        .await
    }

    /// Whether the caller may change and delete the connection. Faults: `RoleReadOnly`, `ConnectionNotFound`,
    /// `NotPermitted`.
    pub(crate) fn may_manage(&self, caller: &Account, id: Uuid) -> Result<(), Fault> {
        self.state.manageable(caller, id).map(drop)
    }

    /// Deletes a connection and closes its sessions. Faults: `RoleReadOnly`, `ConnectionNotFound`, `NotPermitted`.
    pub(crate) async fn delete(&self, caller: &Account, call: DeleteConnection) -> Result<(), Fault> {
        self.state.manageable(caller, call.id)?;
        let caller = caller.clone();
        in_turn(&self.state, move |state| async move {
            let known = state.manageable(&caller, call.id)?;
            let mut change = state.store.begin().await?;
            let now = state.clock.now();
            locks::record_ends(&mut change, Owner::Connection(call.id), now).await?;
            rows::delete(&mut change, call.id).await?;
            audit::done(
                &mut change,
                now,
                Event::ConnectionDeleted,
                &caller,
                (call.id, &known.stored.name),
                "",
            )
            .await?;
            change.commit().await.map_err(StoreError::from)?;
            state.withdraw(call.id);
            Ok(())
        })
        .await
    }

    /// The private connections of a user.
    pub(crate) fn owned_by(&self, user: Uuid) -> Vec<Uuid> {
        self.state.owned_by(user)
    }

    /// Lets go of the private connections of a user who has been deleted: the database has dropped them with him.
    pub(crate) async fn forget_owner(&self, user: Uuid) -> Result<(), Fault> {
        in_turn(&self.state, move |state| async move {
            for connection in state.owned_by(user) {
                state.withdraw(connection);
            }
            Ok(())
        })
        .await
    }
}

impl State {
    fn owned_by(&self, user: Uuid) -> Vec<Uuid> {
        let known = self.known.load();
        let stored = known.values().map(|known| &known.stored);
        stored.filter(|stored| stored.owner == Some(user)).map(|stored| stored.id).collect()
    }

    fn seal(&self, id: Uuid, password: &str) -> Result<String, Fault> {
        self.sealer.seal(id, PASSWORD_FIELD, password).map_err(|error: SealError| {
            tracing::error!(%error, "a password could not be encrypted");
            Fault::new(FaultCode::Internal, "Internal error")
        })
    }

    /// Shows a committed connection to everybody.
    fn publish(&self, stored: Stored) {
        let mut known = (**self.known.load()).clone();
        known.insert(stored.id, Arc::new(Known::new(stored, &self.sealer)));
        self.known.store(Arc::new(known));
    }

    /// Shows everybody that a connection is gone, and closes its sessions.
    fn withdraw(&self, id: Uuid) {
        let mut known = (**self.known.load()).clone();
        known.remove(&id);
        self.known.store(Arc::new(known));
        self.shares.retire(id);
        self.changes.tell(Notice::Connection(id));
    }
}

impl Follower for State {
    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }

    async fn reload(&self) {
        match known::all(&self.store, &self.sealer).await {
            Ok(known) => {
                self.known.store(Arc::new(known));
                self.changes.tell(Notice::Everything);
            }
            Err(error) => {
                tracing::error!(%error, "the connections could not be read again after a failed change");
            }
        }
    }
}

fn owner_of(scope: Scope, caller: &Account) -> Option<Uuid> {
    match scope {
        Scope::Shared => None,
        Scope::Private => Some(caller.id),
    }
}

/// Only an administrator makes a connection everybody's.
fn refuse_foreign_scope(caller: &Account, connection: &Stored, wanted: Option<Scope>) -> Result<(), Fault> {
    let publishes = connection.scope != Scope::Shared && wanted == Some(Scope::Shared);
    if publishes && !is_admin(caller) { Err(not_permitted()) } else { Ok(()) }
}

fn insert_fault(error: StoreError) -> Fault {
    if error.is_duplicate() {
        return invalid("Failed to create a unique connection slug");
    }
    if error.is_orphan() {
        // The owner was deleted a moment ago.
        return Fault::new(FaultCode::PrincipalRefused, "Could not validate credentials");
    }
    error.into()
}

/// The names of the fields that differ.
fn changed_fields(before: &Stored, after: &Stored, password: bool) -> String {
    let fields = [
        ("name", before.name != after.name),
        ("host", before.host != after.host),
        ("port", before.port != after.port),
        ("share_name", before.share_name != after.share_name),
        ("username", before.username != after.username),
        ("password", password),
        ("path_prefix", before.path_prefix != after.path_prefix),
        ("scope", before.scope != after.scope),
        ("access_mode", before.access_mode != after.access_mode),
    ];
    let changed: Vec<&str> = fields.iter().filter(|(_, differs)| *differs).map(|(field, _)| *field).collect();
    changed.join(" ")
}
