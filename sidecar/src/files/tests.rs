//! Stories of what a crash leaves on a share, with a real database and a real smbd: between two steps of a replacement the
//! process ends, which is the same as dropping all of it here.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use causeway_internal::FaultCode;
use causeway_internal::accounts::{Account, SignIn};
use causeway_internal::connections::{AccessMode, ConnectionDraft, CreateConnection, Scope};
use causeway_locks::Reach;
use causeway_paths::SharePath;
use causeway_samba::Samba;
use causeway_smb::{PoolLimits, SharePool, Target};
use tempfile::TempDir;
use uuid::Uuid;

use super::sibling::Sibling;
use super::{Place, Siblings};
use crate::accounts::Accounts;
use crate::changes::Changes;
use crate::config::SecretOverrides;
use crate::connections::Connections;
use crate::locks::Locks;
use crate::secrets::Secrets;
use crate::shares::Shares;
use crate::store::Store;
use crate::store::audit::{Event, Outcome};

struct House {
    _dir: TempDir,
    samba: Samba,
    store: Store,
    shares: Arc<Shares>,
    connections: Arc<Connections>,
    locks: Locks,
    accounts: Arc<Accounts>,
    siblings: Arc<Siblings>,
    admin: Account,
    connection: Uuid,
}

impl House {
    async fn open() -> Self {
        let (dir, samba) = (TempDir::new().expect("a directory"), Samba::start().expect("smbd started"));
        let secrets = Secrets::load_or_create(dir.path(), &SecretOverrides::default()).expect("secrets");
        let store = Store::open(dir.path()).await.expect("opened");
        let accounts = Accounts::open(store.clone(), Vec::new(), Changes::new()).await.expect("users");
        accounts.ensure_first_admin("admin", Some("secret")).await.expect("made");
        let attempt = SignIn {
            username: "admin".to_owned(),
            password: "secret".to_owned(),
            peer: None,
            forwarded_for: None,
        };
        let admin = accounts.sign_in(attempt).await.expect("signed in");
        let connections =
            Connections::open(store.clone(), secrets.sealer(), Arc::new(Shares::new()), Changes::new())
                .await
                .expect("connections");
        let draft = ConnectionDraft {
            name: "NAS".to_owned(),
            kind: "smb".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: samba.port(),
            share_name: "data".to_owned(),
            username: samba.user().to_owned(),
            password: samba.password().to_owned(),
            path_prefix: Some("/".to_owned()),
            scope: Scope::Shared,
            access_mode: AccessMode::ReadWrite,
        };
        let connection = connections.create(&admin, CreateConnection { draft }).await.expect("created").id;
        let (shares, connections, accounts) =
            (Arc::new(Shares::new()), Arc::new(connections), Arc::new(accounts));
        let siblings = Arc::new(Siblings::new(store.journal(), Arc::clone(&connections)));
        let locks = open_locks(&store, &connections, &shares, &accounts).await;
        Self { _dir: dir, samba, store, shares, connections, locks, accounts, siblings, admin, connection }
    }

    /// What a new process knows: the journal and nothing else.
    fn crash(&mut self) {
        self.siblings = Arc::new(Siblings::new(self.store.journal(), Arc::clone(&self.connections)));
    }

    /// The same, with the locks that the database has.
    async fn crash_under_locks(&mut self) {
        self.crash();
        self.locks = open_locks(&self.store, &self.connections, &self.shares, &self.accounts).await;
    }

    async fn place(&self, path: &str) -> Place {
        let connection = self.connections.resolve(&self.admin, self.connection).await.expect("a connection");
        let pool = self.shares.pool(&connection);
        let path = SharePath::parse(path).expect("a path");
        Place { connection, pool, full: path.clone(), path, changes: Changes::new() }
    }

    fn on_disk(&self, path: &str) -> PathBuf {
        self.samba.share_dir("data").join(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.on_disk("")).expect("a share");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    async fn sweep(&self) -> usize {
        self.siblings.sweep(&self.shares, &self.locks).await.expect("swept")
    }

    /// The first half of the replacement of the directory `docs`: it is set aside.
    async fn set_aside(&self) -> Sibling {
        fs::create_dir(self.on_disk("docs")).expect("a directory");
        fs::write(self.on_disk("docs/kept.txt"), "kept").expect("a file");
        let docs = self.place("docs").await;
        let aside = self.siblings.for_old(&docs).await.expect("noted");
        docs.pool.rename(&docs.full, &aside.full, false).await.expect("set aside");
        assert!(!self.on_disk("docs").exists());
        aside
    }
}

async fn open_locks(
    store: &Store,
    connections: &Arc<Connections>,
    shares: &Arc<Shares>,
    accounts: &Arc<Accounts>,
) -> Locks {
    let (connections, shares) = (Arc::clone(connections), Arc::clone(shares));
    let also = (Arc::default(), Arc::clone(accounts));
    let lifetime = Duration::from_mins(2);
    Locks::open(store.clone(), connections, shares, Arc::default(), lifetime, also).await.expect("locks")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_two_renames_the_old_directory_comes_back() {
    let mut house = House::open().await;
    drop(house.set_aside().await);
    house.crash();
    assert_eq!(house.sweep().await, 0);
    assert_eq!(house.names(), ["docs"]);
    assert_eq!(fs::read(house.on_disk("docs/kept.txt")).expect("a file"), b"kept");
    assert!(house.store.journal().leftovers().await.expect("read").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_has_taken_the_name_the_old_directory_is_shown_beside() {
    let mut house = House::open().await;
    drop(house.set_aside().await);
    fs::create_dir(house.on_disk("docs")).expect("somebody else's");
    house.crash();
    let number = house.store.journal().leftovers().await.expect("read")[0].id;
    assert_eq!(house.sweep().await, 0);
    let recovered = format!("docs (recovered {number})");
    assert_eq!(house.names(), ["docs", &recovered]);
    assert_eq!(fs::read(house.on_disk(&recovered).join("kept.txt")).expect("a file"), b"kept");
    assert_eq!(house.sweep().await, 0);
    assert_eq!(house.names(), ["docs", &recovered], "it is nobody's rubbish");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_successor_is_in_place_the_old_directory_goes() {
    let mut house = House::open().await;
    let aside = house.set_aside().await;
    fs::create_dir(house.on_disk("docs")).expect("the successor");
    drop(aside.superseded(&house.place("docs").await).await.expect("noted"));
    house.crash();
    assert_eq!(house.sweep().await, 0);
    assert_eq!(house.names(), ["docs"]);
    assert!(fs::read_dir(house.on_disk("docs")).expect("a directory").next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_not_forgotten_while_a_directory_is_set_aside_through_it() {
    let mut house = House::open().await;
    let aside = house.set_aside().await;
    let clear = async |house: &House| house.siblings.clear(house.connection, &house.shares).await;
    let busy = clear(&house).await.expect_err("the replacement is under way");
    assert_eq!(busy.code, FaultCode::Busy);
    assert_eq!(house.names().len(), 1);

    drop(aside);
    house.crash();
    clear(&house).await.expect("cleared");
    assert_eq!(house.names(), ["docs"]);
    assert!(house.store.journal().leftovers().await.expect("read").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_the_making_are_swept_away_and_those_at_work_are_not() {
    let mut house = House::open().await;
    let file = house.place("new.txt").await;
    let (lost, at_work) = (
        house.siblings.for_new(&file).await.expect("noted"),
        house.siblings.for_new(&file).await.expect("noted"),
    );
    for sibling in [&lost, &at_work] {
        fs::write(house.on_disk(sibling.full.as_str()), "half").expect("a file");
    }
    drop(lost);
    assert_eq!(house.sweep().await, 0);
    assert_eq!(house.names(), [at_work.full.as_str()]);
    house.crash();
    assert_eq!(house.sweep().await, 0);
    assert!(house.names().is_empty(), "a new process has nothing at work");
}

impl House {
    /// A file that is being written over: its old content is kept, some of the new one is in its place.
    async fn write_half_over(&self, old: &str, new: &str, half: &str) -> (Place, Sibling, Sibling) {
        let file = self.place("plan.txt").await;
        fs::write(self.on_disk("plan.txt"), old).expect("a file");
        let content = self.siblings.for_new(&file).await.expect("noted");
        fs::write(self.on_disk(content.full.as_str()), new).expect("new content");
        let kept = self.siblings.for_new(&file).await.expect("noted");
        fs::write(self.on_disk(kept.full.as_str()), old).expect("kept");
        let kept = kept.keeps_old_content(&file, &content).await.expect("noted");
        fs::write(self.on_disk("plan.txt"), half).expect("torn");
        (file, content, kept)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.on_disk(name)).expect("a file")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_saves_while_an_earlier_save_may_still_take_the_place() {
    let mut house = House::open().await;
    fs::write(house.on_disk("plan.txt"), "old").expect("a file");
    let (file, other) = (house.place("Plan.txt").await, house.place("other.txt").await);
    let sibling = house.siblings.for_new(&file).await.expect("noted");
    // What a process that was killed has left in a server that has not noticed.
    let handle = file.pool.create_for_write(&sibling.full).await.expect("a file");
    house.siblings.may_be_saved(&file).await.expect("no rename was asked for");
    sibling.may_replace(&file).await;
    drop(sibling);
    house.siblings.may_be_saved(&file).await.expect_err("in doubt in the same process");
    house.crash();
    let busy = house.siblings.may_be_saved(&file).await.expect_err("in doubt after a restart");
    assert_eq!(busy.code, FaultCode::Busy);
    house.siblings.may_be_read(&file).await.expect("a whole file, whichever it is");
    house.siblings.may_be_saved(&other).await.expect("of another file");
    assert_eq!(house.sweep().await, 1);
    house.siblings.may_be_saved(&file).await.expect_err("the sibling is open still");
    handle.abort().await;
    assert_eq!(house.sweep().await, 0);
    house.siblings.may_be_saved(&file).await.expect("nothing can take its place any more");
    assert_eq!(house.names(), ["plan.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_file_is_written_over_its_old_content_comes_back() {
    let mut house = House::open().await;
    let (file, content, kept) =
        house.write_half_over("the old content, longer", "THE NEW ONE", "THE NEW content, longer").await;
    let born = fs::metadata(house.on_disk("plan.txt")).expect("a file").ino();
    drop((content, kept));
    // Its editor still has the lock, and with it the file, when the next process begins.
    let lock = house.locks.acquire(&house.admin, file.clone()).await.expect("locked");
    house.crash_under_locks().await;
    let busy = house.siblings.may_be_saved(&file).await.expect_err("nobody saves over it");
    assert_eq!(busy.code, FaultCode::Busy);
    house.siblings.may_be_read(&file).await.expect_err("nobody is given half of two contents");
    assert_eq!(house.sweep().await, 0);
    house.siblings.may_be_read(&file).await.expect("whole again");
    assert_eq!(house.read("plan.txt"), "the old content, longer");
    assert_eq!(fs::metadata(house.on_disk("plan.txt")).expect("a file").ino(), born, "the same file");
    assert_eq!(house.names(), ["plan.txt"]);
    house.siblings.may_be_saved(&file).await.expect("to be saved over again");
    assert_eq!(house.locks.acquire(&house.admin, file).await.expect("his").lock_id, lock.lock_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_written_since_is_left_and_the_old_content_shown_beside() {
    let mut house = House::open().await;
    let (_, content, kept) = house.write_half_over("old", "NEW", "NEd, and more by somebody else").await;
    drop((content, kept));
    house.crash();
    assert_eq!(house.sweep().await, 0);
    assert_eq!(house.read("plan.txt"), "NEd, and more by somebody else");
    let names = house.names();
    assert_eq!(names.len(), 2, "{names:?}");
    let recovered = names.iter().find(|name| name.starts_with("plan.txt (recovered ")).expect("shown");
    assert_eq!(house.read(recovered), "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_a_file_is_written_over_the_new_content_stays() {
    let mut house = House::open().await;
    let (file, content, kept) = house.write_half_over("old", "new", "new").await;
    drop(kept.no_longer_needed(&file).await.expect("noted"));
    drop(content);
    house.crash();
    house.siblings.may_be_read(&file).await.expect("whole");
    assert_eq!(house.sweep().await, 0);
    house.siblings.may_be_saved(&file).await.expect("nothing of it is left");
    assert_eq!(house.read("plan.txt"), "new");
    assert_eq!(house.names(), ["plan.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_has_one_lock_by_whatever_address_and_share_it_is_reached() {
    let house = House::open().await;
    fs::write(house.on_disk("plan.txt"), "content").expect("a file");
    let file = house.place("plan.txt").await;
    let other = Account { id: Uuid::new_v4(), username: "other".to_owned(), ..house.admin.clone() };
    let grant = house.locks.acquire(&house.admin, file.clone()).await.expect("locked");
    for (host, share) in [("localhost", "data"), ("127.0.0.1", "again"), ("localhost", "again")] {
        let (user, password) = (house.samba.user(), house.samba.password());
        let target = Target::new(host, house.samba.port(), share, user, password);
        let pool = SharePool::new(target, PoolLimits::default());
        let alias = Place { pool, ..file.clone() };
        let refused = house.locks.acquire(&other, alias.clone()).await.expect_err("one file");
        assert_eq!(refused.code, FaultCode::Locked, "{host} {share}");
        // Nor is it replaced that way.
        let pass = house.locks.pass(other.id, &alias, Reach::Item).expect("nothing known of that path");
        let there = alias.look().await.expect("looked");
        assert_eq!(pass.covers(&alias, there.as_ref()).await.expect_err("held").code, FaultCode::Locked);
        let own = house.locks.pass(house.admin.id, &alias, Reach::Item).expect("free");
        own.covers(&alias, there.as_ref()).await.expect("his own");
    }
    let again = house.locks.acquire(&house.admin, file).await.expect("his");
    assert_eq!(again.lock_id, grant.lock_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_locked_and_unlocked_what_from_where_is_on_the_record() {
    let house = House::open().await;
    fs::write(house.on_disk("plan.txt"), "content").expect("a file");
    let file = house.place("plan.txt").await;
    let deeds = async {
        let grant = house.locks.acquire(&house.admin, file.clone()).await.expect("locked");
        let again = house.locks.acquire(&house.admin, file.clone()).await.expect("his own");
        assert_eq!((again.lock_id, again.fence), (grant.lock_id, grant.fence));
        house.locks.force(&house.admin, file.clone()).await.expect("unlocked");
        let next = house.locks.acquire(&house.admin, file.clone()).await.expect("locked again");
        assert!(next.fence > grant.fence);
        house.locks.note(&house.admin, Event::EditSaved, Outcome::Succeeded, &file, "7 bytes").await;
    };
    Box::pin(crate::origin::within(Some("192.0.2.7".to_owned()), deeds)).await;
    let written: Vec<(String, String, String, String)> =
        sqlx::query_as("SELECT event, actor_name, origin, detail FROM audit WHERE event LIKE 'lock.%' OR event LIKE 'edit.%' ORDER BY id")
            .fetch_all(house.store.readers())
            .await
            .expect("read");
    let events: Vec<&str> = written.iter().map(|(event, ..)| event.as_str()).collect();
    assert_eq!(events, ["lock.acquired", "lock.forced", "lock.acquired", "edit.saved"]);
    for (_, actor, origin, detail) in &written {
        assert_eq!((actor.as_str(), origin.as_str()), ("admin", "192.0.2.7"));
        assert!(detail.starts_with("plan.txt: "), "{detail}");
    }
}
