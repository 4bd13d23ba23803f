//! Indexes of several connections, what bounds them, and what becomes of those that nobody may have any more.

use causeway_internal::connections::AccessMode;
use causeway_samba::Samba;
use causeway_smb::{PoolLimits, SharePool, Target};
use zeroize::Zeroizing;

use super::news::News;
use super::*;
use crate::changes::{Change, Deed, ShareKey};
use crate::config::SecretOverrides;
use crate::secrets::Secrets;
use crate::store::Store;

/// Everything here takes milliseconds; a machine under load may take longer.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn idle_indexes_go_and_of_the_others_the_ones_used_longest_ago() {
    const HALF: usize = MAX_BYTES / 2;
    let start = Instant::now();
    let size = |number: u64, used_hours: u64, bytes| Size {
        used: start + Duration::from_hours(used_hours),
        id: Uuid::from_u128(u128::from(number)),
        bytes,
    };
    let gone = |sizes: &[Size], now_hours| -> Vec<u128> {
        let gone = surplus(sizes.to_vec(), start + Duration::from_hours(now_hours));
        gone.iter().map(|size| size.id.as_u128()).collect()
    };
    assert_eq!(gone(&[], 100), []);
    assert_eq!(gone(&[size(1, 0, 1)], 23), []);
    assert_eq!(gone(&[size(1, 0, 1)], 24), [1], "the last one too");
    assert_eq!(gone(&[size(1, 0, 2 * MAX_BYTES)], 1), [], "a single one has a bound of its own");
    assert_eq!(gone(&[size(1, 5, HALF), size(2, 1, HALF), size(3, 3, HALF)], 6), [2]);
    assert_eq!(gone(&[size(1, 5, HALF), size(2, 1, HALF), size(3, 3, 2 * HALF)], 6), [2, 3]);
    assert_eq!(gone(&[size(1, 30, HALF), size(2, 1, HALF), size(3, 29, HALF)], 31), [2], "room enough then");
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(SOON, waiting).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_for_a_connection_that_is_gone_goes_however_much_happens() -> anyhow::Result<()> {
    const EVERY: Duration = Duration::from_millis(200);
    let home = tempfile::tempdir()?;
    let samba = Samba::start()?;
    std::fs::create_dir(samba.share_dir("data").join("seen"))?;
    let secrets = Secrets::load_or_create(home.path(), &SecretOverrides::default())?;
    let store = Store::open(home.path()).await?;
    let (shares, changes) = (Arc::new(Shares::new()), Changes::new());
    let connections =
        Connections::open(store, secrets.sealer(), Arc::clone(&shares), changes.clone()).await?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let indexes = Indexes {
        inner: Arc::new(Inner {
            connections: Arc::new(connections),
            shares,
            changes: changes.clone(),
            shelf: Arc::new(Shelf::new(home.path())),
            rescan_every: Duration::from_hours(1),
            metrics: Arc::default(),
            entries: Mutex::default(),
            turns: Arc::new(Semaphore::new(SEARCHES_AT_ONCE)),
            tasks: tasks.clone(),
            stop: stop.clone(),
        }),
    };
    // Somebody found it before it was deleted, and asks for its index after that was told.
    let connection = Arc::new(ResolvedConnection {
        id: Uuid::from_u128(1),
        host: "127.0.0.1".to_owned(),
        port: samba.port(),
        share: "data".to_owned(),
        username: samba.user().to_owned(),
        password: Zeroizing::new(samba.password().to_owned()),
        prefix: SharePath::root(),
        access: AccessMode::ReadWrite,
        revision: 1,
    });
    let shared = indexes.index_of(&connection);
    eventually("the share is scanned", || shared.count() == 1).await;
    let pool = indexes.inner.shares.pool(&connection);

    tasks.spawn(indexes.clone().run(changes.listen(), EVERY));
    let happening = tokio::spawn(async move {
        let change = Change {
            connection: Uuid::nil(),
            share: ShareKey::new("elsewhere", 445, "data"),
            path: SharePath::root(),
            item: causeway_internal::files::ItemKind::Directory,
            deed: Deed::Created,
        };
        loop {
            changes.tell(Notice::Item(change.clone()));
            tokio::time::sleep(EVERY / 10).await;
        }
    });
    eventually("its index goes", || indexes.inner.entries().is_empty()).await;
    happening.abort();
    eventually("its sessions are closed", || pool.connections() == 0).await;
    stop.cancel();
    tasks.close();
    tokio::time::timeout(SOON, tasks.wait()).await?;
    assert!(indexes.inner.shelf.load(connection.id, 1).is_none(), "nothing of it is kept");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fates_of_a_tree_watch_are_told_and_counted() -> anyhow::Result<()> {
    let mut samba = Samba::start()?;
    let target = Target::new("127.0.0.1", samba.port(), "data", samba.user(), samba.password());
    let pool = SharePool::new(target, PoolLimits::default());
    let metrics = Arc::<Metrics>::default();
    let figure = |name: &str| {
        let text = metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("causeway_{name}_total ")));
        line.and_then(|value| value.parse::<u64>().ok())
    };
    let (words, mut told) = mpsc::channel(1);
    let watch = tree_watch::run(pool.clone(), SharePath::root(), words, Arc::clone(&metrics));
    let watch = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(watch));
    let mut next = async || tokio::time::timeout(SOON, told.recv()).await;
    assert!(matches!(next().await?, Some(Word::Watching)));
    while !matches!(next().await?, Some(Word::Settled)) {}

    // Nobody listens for a while.
    for number in 0..6_000 {
        std::fs::create_dir(samba.share_dir("data").join(number.to_string()))?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    while !matches!(next().await?, Some(Word::News(news)) if news.contains(&News::Missed)) {}
    assert!(figure("directory_watch_overflows").is_some_and(|overflows| overflows > 0));
    assert_eq!(figure("directory_watch_reconnects"), Some(0));

    samba.kill9();
    eventually("its end is seen", || pool.watches() == 0).await;
    samba.restart()?;
    while !matches!(next().await?, Some(Word::Watching)) {}
    assert_eq!(figure("directory_watch_reconnects"), Some(1));
    drop(watch);
    Ok(())
}
