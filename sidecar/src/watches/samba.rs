//! Watches and our own operations on a real smbd.

use std::fs;
use std::time::Duration;

use causeway_internal::accounts::Account;
use causeway_internal::connections::CreateConnection;
use causeway_internal::files::{
    CreateItem, DeleteItem, ItemKind, ListDirectory, RenameItem, TransferItem, TransferKind,
};
use causeway_internal::listing::FrameReader;
use causeway_paths::EntryName;
use causeway_samba::Samba;
use futures::StreamExt as _;
use tempfile::TempDir;

use super::tests::{Browser, Subscription, until};
use super::*;
use crate::changes::{Changes, Notice};
use crate::config::SecretOverrides;
use crate::connections::Connections;
use crate::files::{Files, Siblings};
use crate::fixture::{draft, first_admin};
use crate::index::Indexes;
use crate::locks::Locks;
use crate::secrets::Secrets;
use crate::shares::Shares;
use crate::store::Store;
use crate::turn::Turns;

struct Site {
    samba: Samba,
    admin: Account,
    connections: Arc<Connections>,
    shares: Arc<Shares>,
    files: Files,
    watches: Watches,
    metrics: Arc<Metrics>,
    connection: Uuid,
    _dir: TempDir,
}

impl Site {
    async fn open() -> Self {
        let samba = Samba::start().expect("smbd started");
        let dir = TempDir::new().expect("a directory");
        let secrets = Secrets::load_or_create(dir.path(), &SecretOverrides::default()).expect("secrets");
        let store = Store::open(dir.path()).await.expect("opened");
        let metrics = Arc::new(Metrics::default());
        let watches = Watches::new(Arc::clone(&metrics));
        let changes = Changes::new();
        let first = watches.clone();
        changes.hear_first(move |notice| {
            if let Notice::Item(change) = notice {
                first.note(change);
            }
        });
        let (accounts, admin) = first_admin(&store, changes.clone()).await;
        let accounts = Arc::new(accounts);
        let shares = Arc::new(Shares::new());
        let connections =
            Connections::open(store.clone(), secrets.sealer(), Arc::clone(&shares), changes.clone()).await;
        let connections = Arc::new(connections.expect("connections"));
        let siblings = Arc::new(Siblings::new(store.journal(), Arc::clone(&connections)));
        let indexes = Indexes::new(
            Arc::clone(&connections),
            Arc::clone(&shares),
            changes.clone(),
            dir.path(),
            Duration::from_hours(1),
            Arc::default(),
            (&TaskTracker::new(), &CancellationToken::new()),
        );
        let turns = Arc::<Turns>::default();
        let locks = Locks::open(
            store.clone(),
            Arc::clone(&connections),
            Arc::clone(&shares),
            Arc::clone(&turns),
            Duration::from_mins(2),
            (Arc::default(), Arc::clone(&accounts)),
        );
        let locks = locks.await.expect("locks");
        let files = Files::new(
            accounts,
            (Arc::clone(&connections), Arc::clone(&shares)),
            siblings,
            changes,
            watches.clone(),
            indexes,
            (locks, turns),
        );
        let draft = draft(&samba, "127.0.0.1", "data");
        let connection = connections.create(&admin, CreateConnection { draft }).await.expect("created").id;
        Self { samba, admin, connections, shares, files, watches, metrics, connection, _dir: dir }
    }

    fn make_directory(&self, path: &str) {
        fs::create_dir_all(self.samba.share_dir("data").join(path)).expect("made");
    }

    async fn subscribe(&self, path: &str) -> Subscription {
        let connection = self.connections.resolve(&self.admin, self.connection).await.expect("seen");
        let pool = self.shares.pool(&connection);
        let (told, receiver) = tokio::sync::mpsc::unbounded_channel();
        let subscriber: (u64, Arc<dyn Subscriber>) = (rand::random(), Arc::new(Browser { told }));
        let seat = self
            .watches
            .subscribe(&connection, &pool, share_path(path), ("c", path), subscriber, Welcome::Acknowledge)
            .expect("there is room");
        let mut subscription = Subscription { seat: Some(seat), told: receiver };
        subscription.is(Event::Subscribed).await;
        subscription
    }

    async fn delete(&self, path: &str) {
        let call = DeleteItem { connection: self.connection, path: share_path(path) };
        self.files.delete(&self.admin, call).await.expect("deleted");
    }

    async fn rename(&self, path: &str, name: &str) {
        let new_name = EntryName::parse(name).expect("a name");
        let call = RenameItem { connection: self.connection, path: share_path(path), new_name };
        let _ = self.files.rename(&self.admin, call).await.expect("renamed");
    }

    async fn create(&self, parent: &str, name: &str, kind: ItemKind) {
        let name = EntryName::parse(name).expect("a name");
        let call = CreateItem { connection: self.connection, parent: share_path(parent), name, kind };
        let _ = self.files.create(&self.admin, call).await.expect("created");
    }

    async fn list(&self, path: &str) -> Vec<(String, u64)> {
        let call = ListDirectory { connection: self.connection, path: share_path(path), page: None };
        let mut frames = self.files.list(&self.admin, call).await.expect("listed");
        let mut reader = FrameReader::default();
        while let Some(piece) = frames.next().await {
            reader.push(&piece.expect("a piece"));
        }
        let _ = reader.head().expect("a head");
        let mut items = Vec::new();
        while let Some(batch) = reader.batch().expect("a batch") {
            items.extend(batch.into_iter().map(|item| (item.name, item.size)));
        }
        items.sort();
        items
    }

    fn counted(&self, figure: &str) -> u64 {
        let text = self.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("causeway_{figure} ")));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {figure} in {text}"))
    }
}

fn share_path(text: &str) -> SharePath {
    SharePath::parse(text).expect("a path")
}

#[tokio::test]
async fn a_watched_tree_can_be_renamed_and_deleted_by_us() {
    let site = Site::open().await;
    site.make_directory("top/middle/bottom");
    let mut top = site.subscribe("top").await;
    let mut bottom = site.subscribe("top/middle/bottom").await;
    site.rename("top/middle", "centre").await;
    top.is(Event::Changed).await;
    bottom.is(Event::Changed).await;
    bottom.is(Event::Failed(Failure::Deleted)).await;
    site.rename("top", "other").await;
    let mut bottom = site.subscribe("other/centre/bottom").await;
    let mut centre = site.subscribe("other/centre").await;
    site.delete("other").await;
    for browser in [&mut bottom, &mut centre] {
        while browser.next().await != Event::Failed(Failure::Deleted) {}
    }
    assert!(site.list("").await.is_empty());
}

#[tokio::test]
async fn a_deleted_directory_is_found_again_when_it_is_made_anew() {
    let site = Site::open().await;
    site.make_directory("docs");
    let mut docs = site.subscribe("docs").await;
    site.delete("docs").await;
    docs.is(Event::Changed).await;
    docs.is(Event::Failed(Failure::Deleted)).await;
    site.create("", "docs", ItemKind::Directory).await;
    docs.is(Event::Changed).await;
    fs::write(site.samba.share_dir("data").join("docs/new.txt"), "new").expect("written");
    docs.is(Event::Changed).await;
}

#[tokio::test]
async fn what_we_change_is_in_the_next_listing_although_it_is_remembered() {
    let site = Site::open().await;
    site.make_directory("docs");
    let _docs = site.subscribe("docs").await;
    for number in 0..30_u64 {
        let _ = site.list("docs").await;
        site.create("docs", &format!("{number:02}.txt"), ItemKind::File).await;
        assert_eq!(site.list("docs").await.len() as u64, number + 1);
        site.rename(&format!("docs/{number:02}.txt"), &format!("renamed {number:02}.txt")).await;
        let names = site.list("docs").await;
        assert!(names.iter().any(|(name, _)| *name == format!("renamed {number:02}.txt")), "{names:?}");
    }
}

#[tokio::test]
async fn listings_of_a_watched_directory_are_shared() {
    let site = Site::open().await;
    site.make_directory("docs");
    for number in 0..500 {
        fs::write(site.samba.share_dir("data").join(format!("docs/{number}.txt")), "x").expect("written");
    }
    let mut docs = site.subscribe("docs").await;
    docs.is_quiet().await;
    let at_once = futures::future::join_all((0..20).map(|_| site.list("docs"))).await;
    assert!(at_once.iter().all(|listing| listing.len() == 500));
    assert!(site.counted("listings_remembered_total") >= 10, "{}", site.metrics.text());
    // Somebody else's new file is in a listing that is asked for after it was made, whatever has been reported.
    for number in 0..20 {
        let _ = site.list("docs").await;
        fs::write(site.samba.share_dir("data").join(format!("docs/more {number}.txt")), "x")
            .expect("written");
        assert_eq!(site.list("docs").await.len(), 501 + number);
    }
    drop(docs);
    until(|| site.metrics.handles.value() == 0).await;
    assert_eq!(site.metrics.listing_bytes.value(), 0);
}

#[tokio::test]
async fn a_server_that_is_killed_is_watched_again_when_it_is_back() {
    let mut site = Site::open().await;
    site.make_directory("docs");
    site.make_directory("more");
    let mut docs = site.subscribe("docs").await;
    let mut more = site.subscribe("more").await;
    site.samba.kill9();
    for browser in [&mut docs, &mut more] {
        browser.is(Event::Failed(Failure::Unreachable)).await;
    }
    fs::write(site.samba.share_dir("data").join("docs/meanwhile.txt"), "x").expect("written");
    site.samba.restart().expect("restarted");
    for browser in [&mut docs, &mut more] {
        browser.is(Event::Changed).await;
    }
    assert_eq!(site.list("docs").await.len(), 1);
    fs::write(site.samba.share_dir("data").join("more/later.txt"), "x").expect("written");
    while more.next().await != Event::Changed {}
    assert_eq!(site.counted("watch_reconnects_total"), 2);
}

#[tokio::test]
async fn a_local_write_below_a_subdirectory_is_found_in_the_end() {
    let site = Site::open().await;
    site.make_directory("docs/sub");
    let mut docs = site.subscribe("docs").await;
    // What is in the listing is what later looks are compared with.
    let _ = site.list("docs").await;
    fs::write(site.samba.share_dir("data").join("docs/sub/deep.txt"), "x").expect("written");
    docs.is(Event::Changed).await;
}

#[tokio::test]
async fn a_transfer_tells_its_destination_and_its_source() {
    let site = Site::open().await;
    site.make_directory("from");
    site.make_directory("to");
    fs::write(site.samba.share_dir("data").join("from/file.txt"), "x").expect("written");
    let (mut from, mut to) = (site.subscribe("from").await, site.subscribe("to").await);
    let call = TransferItem {
        kind: TransferKind::Move,
        source_connection: site.connection,
        source: share_path("from/file.txt"),
        dest_connection: site.connection,
        dest: share_path("to/file.txt"),
        overwrite: false,
    };
    site.files.transfer(&site.admin, call).await.expect("moved");
    from.is(Event::Changed).await;
    to.is(Event::Changed).await;
}
