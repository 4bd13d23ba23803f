//! Stories of connections, with a real database and a real smbd.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use causeway_internal::accounts::{Account, DeleteUser, Role};
use causeway_internal::connections::{
    AccessMode, ChangeConnection, Connection, ConnectionDraft, ConnectionPatch, CreateConnection,
    DeleteConnection, Scope, TestConnection, TestDraft,
};
use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use causeway_samba::Samba;
use sqlx::Row as _;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Connections, ConnectionsError};
use crate::accounts::Accounts;
use crate::changes::Changes;
use crate::config::SecretOverrides;
use crate::fixture::{draft, first_admin, new_user};
use crate::secrets::Secrets;
use crate::shares::Shares;
use crate::store::Store;

struct Office {
    dir: TempDir,
    store: Store,
    accounts: Accounts,
    connections: Connections,
    samba: Samba,
    admin: Account,
}

impl Office {
    async fn open() -> Self {
        let samba = Samba::start().expect("smbd started");
        Self::open_in(TempDir::new().expect("a directory"), samba).await
    }

    async fn open_in(dir: TempDir, samba: Samba) -> Self {
        let secrets = Secrets::load_or_create(dir.path(), &SecretOverrides::default()).expect("secrets");
        let store = Store::open(dir.path()).await.expect("opened");
        let (accounts, admin) = first_admin(&store, Changes::new()).await;
        let shares = Arc::new(Shares::new());
        let connections = Connections::open(store.clone(), secrets.sealer(), shares, Changes::new())
            .await
            .expect("connections");
        Self { dir, store, accounts, connections, samba, admin }
    }

    async fn restart(self) -> Self {
        self.store.close().await;
        Self::open_in(self.dir, self.samba).await
    }

    async fn user(&self, username: &str, role: Role) -> Account {
        self.accounts.create_user(&self.admin, new_user(username, role)).await.expect("created").account
    }

    /// A draft that works: the share `data` of our smbd.
    fn draft(&self, name: &str, scope: Scope) -> ConnectionDraft {
        let draft = draft(&self.samba, "127.0.0.1", "data");
        ConnectionDraft { name: name.to_owned(), scope, ..draft }
    }

    async fn create(&self, caller: &Account, draft: ConnectionDraft) -> Result<Connection, Fault> {
        self.connections.create(caller, CreateConnection { draft }).await
    }

    async fn made(&self, caller: &Account, name: &str, scope: Scope) -> Connection {
        self.create(caller, self.draft(name, scope)).await.expect("created")
    }

    async fn change(&self, caller: &Account, id: Uuid, patch: ConnectionPatch) -> Result<Connection, Fault> {
        self.connections.change(caller, ChangeConnection { id, patch }).await
    }

    async fn names(&self, caller: &Account) -> Vec<String> {
        let listed = self.connections.list(caller).await.expect("listed");
        listed.into_iter().map(|connection| connection.name).collect()
    }
}

fn code<T>(outcome: Result<T, Fault>) -> Option<FaultCode> {
    outcome.err().map(|fault| fault.code)
}

#[tokio::test]
async fn a_connection_is_tried_and_kept() {
    let office = Office::open().await;
    fs::write(office.samba.share_dir("data").join("a.txt"), "a").expect("written");
    fs::create_dir(office.samba.share_dir("data").join("Büro")).expect("made");
    let made = office.made(&office.admin, "Büro Share", Scope::Shared).await;
    assert_eq!((made.slug.as_str(), made.kind.as_str(), made.can_manage), ("buro-share", "smb", true));
    assert_eq!(made.path_prefix.as_deref(), Some("/"), "as it was given");
    let test = TestConnection { id: made.id, patch: ConnectionPatch::default() };
    assert_eq!(office.connections.test_connection(&office.admin, test).await.expect("works").root_entries, 2);

    let office = office.restart().await;
    assert_eq!(office.connections.list(&office.admin).await, Ok(vec![made.clone()]));
    let resolved = office.connections.resolve(&office.admin, made.id).await.expect("resolved");
    assert_eq!(resolved.password.as_str(), office.samba.password());
    assert_eq!((resolved.share.as_str(), resolved.prefix.clone()), ("data", SharePath::root()));
    assert!(!format!("{resolved:?}").contains(office.samba.password()));

    // Not in the database, neither in the file nor in its log.
    office.store.close().await;
    for entry in fs::read_dir(office.dir.path()).expect("listed") {
        let content = fs::read(entry.expect("an entry").path()).expect("read");
        let found = content
            .windows(office.samba.password().len())
            .any(|window| window == office.samba.password().as_bytes());
        assert!(!found);
    }
}

#[tokio::test]
async fn what_does_not_work_is_not_kept() {
    let office = Office::open().await;
    let free_port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let draft = || office.draft("NAS", Scope::Private);
    for (draft, expected) in [
        (ConnectionDraft { password: "wrong".to_owned(), ..draft() }, FaultCode::LogonRefused),
        (ConnectionDraft { share_name: "missing".to_owned(), ..draft() }, FaultCode::ShareNotFound),
        (ConnectionDraft { path_prefix: Some("missing".to_owned()), ..draft() }, FaultCode::NotFound),
        (ConnectionDraft { port: free_port, ..draft() }, FaultCode::Unreachable),
        (ConnectionDraft { path_prefix: Some("a/../..".to_owned()), ..draft() }, FaultCode::Invalid),
        (ConnectionDraft { host: "smb://nas".to_owned(), ..draft() }, FaultCode::Invalid),
        (ConnectionDraft { name: "  ".to_owned(), ..draft() }, FaultCode::Invalid),
        (ConnectionDraft { kind: "ftp".to_owned(), ..draft() }, FaultCode::Invalid),
        (ConnectionDraft { port: 0, ..draft() }, FaultCode::Invalid),
    ] {
        let tested = office.connections.test_draft(&office.admin, TestDraft { draft: draft.clone() }).await;
        assert_eq!(code(tested), Some(expected), "{draft:?}");
        assert_eq!(code(office.create(&office.admin, draft).await), Some(expected));
    }
    assert_eq!(office.names(&office.admin).await, Vec::<String>::new());
}

#[tokio::test]
async fn twenty_connections_of_one_name_at_once_get_twenty_slugs() {
    let office = Arc::new(Office::open().await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let office = Arc::clone(&office);
        tasks.spawn(async move {
            loop {
                match office.create(&office.admin, office.draft("Photos", Scope::Shared)).await {
                    Err(fault) if fault.code == FaultCode::Busy => tokio::task::yield_now().await,
                    created => break created.expect("created").slug,
                }
            }
        });
    }
    let mut slugs = tasks.join_all().await;
    slugs.sort_by_key(|slug| (slug.len(), slug.clone()));
    let expected: Vec<String> = std::iter::once("photos".to_owned())
        .chain((2..=20).map(|number| format!("photos-{number}")))
        .collect();
    assert_eq!(slugs, expected);
}

#[tokio::test]
async fn everybody_sees_and_manages_his_own() {
    let office = Office::open().await;
    let (anna, viewer) = (office.user("anna", Role::Editor).await, office.user("viewer", Role::Viewer).await);
    let shared = office.made(&office.admin, "beta", Scope::Shared).await;
    office.made(&office.admin, "Alpha", Scope::Shared).await;
    let hers = office.made(&anna, "alpha of anna", Scope::Shared).await;
    assert_eq!(hers.scope, Scope::Private, "only administrators share");
    office.made(&office.admin, "Admin's", Scope::Private).await;

    assert_eq!(office.names(&office.admin).await, ["Alpha", "beta", "Admin's"]);
    assert_eq!(office.names(&anna).await, ["Alpha", "beta", "alpha of anna"]);
    assert_eq!(office.names(&viewer).await, ["Alpha", "beta"]);
    let manageable =
        |listed: Vec<Connection>| listed.iter().filter(|connection| connection.can_manage).count();
    assert_eq!(manageable(office.connections.list(&anna).await.expect("listed")), 1);
    assert_eq!(manageable(office.connections.list(&viewer).await.expect("listed")), 0);

    let patch = || ConnectionPatch { name: Some("mine".to_owned()), ..ConnectionPatch::default() };
    let test = |id| TestConnection { id, patch: ConnectionPatch::default() };
    for (caller, id, expected) in [
        (&anna, shared.id, FaultCode::NotPermitted),
        (&viewer, shared.id, FaultCode::RoleReadOnly),
        (&viewer, hers.id, FaultCode::RoleReadOnly),
        (&office.admin, hers.id, FaultCode::ConnectionNotFound),
        (&office.admin, Uuid::new_v4(), FaultCode::ConnectionNotFound),
    ] {
        assert_eq!(code(office.change(caller, id, patch()).await), Some(expected));
        assert_eq!(code(office.connections.delete(caller, DeleteConnection { id }).await), Some(expected));
        assert_eq!(code(office.connections.test_connection(caller, test(id)).await), Some(expected));
    }
    assert_eq!(
        code(office.connections.resolve(&office.admin, hers.id).await),
        Some(FaultCode::ConnectionNotFound)
    );
    assert_eq!(
        code(office.create(&viewer, office.draft("x", Scope::Private)).await),
        Some(FaultCode::RoleReadOnly)
    );
    let draft = office.draft("x", Scope::Private);
    assert_eq!(
        code(office.connections.test_draft(&viewer, TestDraft { draft }).await),
        Some(FaultCode::RoleReadOnly)
    );
}

#[tokio::test]
async fn writing_takes_a_role_and_a_connection_that_allow_it() {
    let office = Office::open().await;
    let (anna, viewer) = (office.user("anna", Role::Editor).await, office.user("viewer", Role::Viewer).await);
    let open = office.made(&office.admin, "open", Scope::Shared).await;
    let closed =
        ConnectionDraft { access_mode: AccessMode::ReadOnly, ..office.draft("closed", Scope::Shared) };
    let closed = office.create(&office.admin, closed).await.expect("created");
    for (caller, id, access, refusal) in [
        (&anna, open.id, AccessMode::ReadWrite, None),
        (&viewer, open.id, AccessMode::ReadOnly, Some(FaultCode::RoleReadOnly)),
        (&office.admin, closed.id, AccessMode::ReadOnly, Some(FaultCode::ConnectionReadOnly)),
        (&viewer, closed.id, AccessMode::ReadOnly, Some(FaultCode::RoleReadOnly)),
    ] {
        let resolved = office.connections.resolve(caller, id).await.expect("resolved");
        assert_eq!(resolved.access, access);
        assert_eq!(code(office.connections.require_write(caller, &resolved)), refusal);
        let listed = office.connections.list(caller).await.expect("listed");
        assert!(listed.iter().any(|connection| connection.id == id && connection.access_mode == access));
    }
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let office = Office::open().await;
    let admin = &office.admin;
    let made = office.made(admin, "NAS", Scope::Shared).await;
    let first = office.connections.resolve(admin, made.id).await.expect("resolved");

    let renamed = ConnectionPatch { name: Some("Archive".to_owned()), ..ConnectionPatch::default() };
    let renamed = office.change(admin, made.id, renamed).await.expect("changed");
    assert_eq!((renamed.name.as_str(), renamed.slug.as_str()), ("Archive", "nas"), "the slug stays");
    let resolved = office.connections.resolve(admin, made.id).await.expect("resolved");
    assert_eq!(resolved.revision, first.revision, "a name ends no session");

    let untouched = ConnectionPatch {
        host: Some(String::new()),
        port: Some(0),
        share_name: Some(String::new()),
        username: Some(String::new()),
        password: Some(String::new()),
        ..ConnectionPatch::default()
    };
    let untouched = office.change(admin, made.id, untouched).await.expect("changed");
    assert_eq!((untouched.host.as_str(), untouched.port), ("127.0.0.1", office.samba.port()));
    let resolved = office.connections.resolve(admin, made.id).await.expect("resolved");
    assert_eq!(resolved.password.as_str(), office.samba.password(), "a blank password keeps the stored one");

    let wrong = ConnectionPatch { password: Some("wrong".to_owned()), ..ConnectionPatch::default() };
    assert_eq!(code(office.change(admin, made.id, wrong).await), Some(FaultCode::LogonRefused));
    let blank = ConnectionPatch { name: Some(" ".to_owned()), ..ConnectionPatch::default() };
    assert_eq!(code(office.change(admin, made.id, blank).await), Some(FaultCode::Invalid));

    fs::create_dir(office.samba.share_dir("data").join("sub")).expect("made");
    let prefix = ConnectionPatch { path_prefix: Some(Some("/sub".to_owned())), ..ConnectionPatch::default() };
    office.change(admin, made.id, prefix).await.expect("changed");
    let moved = office.connections.resolve(admin, made.id).await.expect("resolved");
    assert_eq!(moved.prefix.as_str(), "sub");
    assert!(moved.revision > first.revision);
    let cleared = ConnectionPatch { path_prefix: Some(None), ..ConnectionPatch::default() };
    assert_eq!(office.change(admin, made.id, cleared).await.expect("changed").path_prefix, None);

    // With the server away: what does not concern it is changed all the same.
    let mut office = office;
    office.samba.kill9();
    let admin = &office.admin;
    let read_only = ConnectionPatch { access_mode: Some(AccessMode::ReadOnly), ..ConnectionPatch::default() };
    assert_eq!(
        office.change(admin, made.id, read_only).await.expect("changed").access_mode,
        AccessMode::ReadOnly
    );
    let share = ConnectionPatch { share_name: Some("second".to_owned()), ..ConnectionPatch::default() };
    assert_eq!(code(office.change(admin, made.id, share).await), Some(FaultCode::Unreachable));
    let office = office.restart().await;
    let resolved = office.connections.resolve(&office.admin, made.id).await.expect("resolved");
    assert_eq!((resolved.share.as_str(), resolved.access), ("data", AccessMode::ReadOnly));
}

#[tokio::test]
async fn a_connection_changes_hands_with_its_scope() {
    let office = Office::open().await;
    let anna = office.user("anna", Role::Editor).await;
    let scope = |scope| ConnectionPatch { scope: Some(scope), ..ConnectionPatch::default() };
    let hers = office.made(&anna, "hers", Scope::Private).await;
    assert_eq!(
        code(office.change(&anna, hers.id, scope(Scope::Shared)).await),
        Some(FaultCode::NotPermitted)
    );
    office.change(&anna, hers.id, scope(Scope::Private)).await.expect("nothing changed");

    let shared = office.made(&office.admin, "shared", Scope::Shared).await;
    office.connections.resolve(&anna, shared.id).await.expect("visible");
    let taken = office.change(&office.admin, shared.id, scope(Scope::Private)).await.expect("changed");
    assert_eq!((taken.scope, taken.can_manage), (Scope::Private, true));
    assert_eq!(code(office.connections.resolve(&anna, shared.id).await), Some(FaultCode::ConnectionNotFound));
    office.change(&office.admin, shared.id, scope(Scope::Shared)).await.expect("changed");
    office.connections.resolve(&anna, shared.id).await.expect("visible again");
}

#[tokio::test]
async fn what_a_deleted_user_owned_goes_with_him() {
    let office = Office::open().await;
    let anna = office.user("anna", Role::Admin).await;
    let hers = office.made(&anna, "hers", Scope::Private).await;
    let shared = office.made(&anna, "everybody's", Scope::Shared).await;
    office.accounts.delete_user(&office.admin, DeleteUser { id: anna.id }).await.expect("deleted");
    office.connections.forget_owner(anna.id).await.expect("forgotten");
    assert_eq!(code(office.connections.resolve(&anna, hers.id).await), Some(FaultCode::ConnectionNotFound));
    assert!(office.connections.for_upkeep(hers.id).await.expect("looked up").is_none());
    assert_eq!(
        code(office.create(&anna, office.draft("late", Scope::Private)).await),
        Some(FaultCode::PrincipalRefused)
    );
    let office = office.restart().await;
    assert_eq!(office.names(&office.admin).await, ["everybody's"]);
    office.connections.delete(&office.admin, DeleteConnection { id: shared.id }).await.expect("deleted");
    let office = office.restart().await;
    assert_eq!(office.names(&office.admin).await, Vec::<String>::new());
}

#[tokio::test]
async fn changes_are_recorded_without_secrets() {
    let office = Office::open().await;
    let made = office.made(&office.admin, "NAS", Scope::Shared).await;
    let patch = ConnectionPatch {
        name: Some("Archive".to_owned()),
        password: Some(office.samba.password().to_owned()),
        ..ConnectionPatch::default()
    };
    office.change(&office.admin, made.id, patch).await.expect("changed");
    office.connections.delete(&office.admin, DeleteConnection { id: made.id }).await.expect("deleted");
    let rows = sqlx::query(
        "SELECT event, subject_name, detail FROM audit WHERE event LIKE 'connection.%' ORDER BY id",
    )
    .fetch_all(office.store.readers())
    .await
    .expect("read");
    let record: Vec<String> = rows
        .iter()
        .map(|row| ["event", "subject_name", "detail"].map(|field| row.get::<String, _>(field)).join("|"))
        .collect();
    assert_eq!(
        record,
        [
            "connection.created|NAS|",
            "connection.changed|Archive|name password",
            "connection.deleted|Archive|"
        ]
    );
}

#[tokio::test]
async fn another_encryption_key_is_noticed_at_the_start() {
    let office = Office::open().await;
    office.made(&office.admin, "NAS", Scope::Shared).await;
    let Office { dir, store, .. } = office;
    store.close().await;
    let path = dir.path().join("secrets.toml");
    let backup = fs::read(&path).expect("read");
    fs::remove_file(&path).expect("removed");
    let open = async || {
        let secrets = Secrets::load_or_create(dir.path(), &SecretOverrides::default()).expect("secrets");
        let store = Store::open(dir.path()).await.expect("opened");
        let opened =
            Connections::open(store.clone(), secrets.sealer(), Arc::new(Shares::new()), Changes::new())
                .await
                .map(|_| ());
        store.close().await;
        opened
    };
    let refused = open().await.expect_err("another key");
    assert!(matches!(refused, ConnectionsError::WrongKey), "{refused}");
    assert!(refused.to_string().contains("secrets.toml"), "{refused}");
    fs::write(&path, backup).expect("written");
    open().await.expect("the right key");
}

#[tokio::test]
async fn a_password_moved_to_another_row_does_not_open() {
    let office = Office::open().await;
    let one = office.made(&office.admin, "one", Scope::Shared).await;
    let other = office.made(&office.admin, "other", Scope::Shared).await;
    let mut change = office.store.begin().await.expect("begun");
    sqlx::query(
        "UPDATE connections SET password_sealed = (SELECT password_sealed FROM connections WHERE id = ?)",
    )
    .bind(one.id.hyphenated())
    .execute(&mut *change)
    .await
    .expect("moved");
    change.commit().await.expect("committed");
    let office = office.restart().await;
    office.connections.resolve(&office.admin, one.id).await.expect("its own");
    let refused = office.connections.resolve(&office.admin, other.id).await.expect_err("another's");
    assert!(refused.code == FaultCode::Internal && refused.message.contains("enter it again"), "{refused}");
    let patch =
        ConnectionPatch { password: Some(office.samba.password().to_owned()), ..ConnectionPatch::default() };
    office.change(&office.admin, other.id, patch).await.expect("entered again");
    office.connections.resolve(&office.admin, other.id).await.expect("usable again");
}
