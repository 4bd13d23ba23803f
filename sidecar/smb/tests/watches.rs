//! Watched directories: what is reported, what ends a watch, and that nothing stays behind.

#[path = "share/fixture.rs"]
mod fixture;

use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use causeway_samba::Samba;
use causeway_smb::{
    ChangeAction, ItemChange, PoolLimits, ShareErrorKind, SharePool, WATCHES_PER_CONNECTION, Watch,
    WatchEvent, WatchFilter, WatchOptions,
};
use fixture::{Fixture, path, refused};
use futures::FutureExt;

/// A change arrives within a few milliseconds; a machine under load may take longer.
const SOON: Duration = Duration::from_secs(15);

/// Nothing has come for so long: the server has told all that it had to tell.
const QUIET: Duration = Duration::from_secs(3);

/// Long enough for a change to arrive that should not.
const NEVER: Duration = Duration::from_millis(400);

fn change(action: ChangeAction, text: &str) -> ItemChange {
    ItemChange { action, path: path(text) }
}

async fn next(watch: &mut Watch) -> anyhow::Result<WatchEvent> {
    Ok(tokio::time::timeout(SOON, watch.next()).await??)
}

/// Reads until this change has come; an overflow tells nothing of it.
async fn until(watch: &mut Watch, wanted: ItemChange) -> anyhow::Result<Vec<ItemChange>> {
    let mut seen = Vec::new();
    loop {
        match next(watch).await {
            Ok(WatchEvent::Changed(changes)) => seen.extend(changes),
            Ok(WatchEvent::Overflow) => anyhow::bail!("overflow after {seen:?}"),
            Err(error) => anyhow::bail!("{wanted:?} never came, but {seen:?}: {error:?}"),
        }
        if seen.contains(&wanted) {
            return Ok(seen);
        }
    }
}

/// What ends the watch, whatever comes before.
async fn end_of(watch: &mut Watch) -> ShareErrorKind {
    let read_out = async {
        loop {
            if let Err(error) = watch.next().await {
                return error.kind();
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(4), read_out).await.expect("the watch ends")
}

async fn all_closed(fixture: &Fixture, pool: &SharePool) -> anyhow::Result<()> {
    fixture.eventually(|| pool.watches() == 0).await;
    fixture.nothing_open().await
}

/// Makes files in the root of the watch, which is `at` on the share, until one is reported: Samba has its ear at the
/// kernel by then, see [`SharePool::watch`].
async fn settle(pool: &SharePool, watch: &mut Watch, at: &str) -> anyhow::Result<()> {
    for round in 0..100 {
        let name = format!("settling {round}");
        pool.create_file(&path(&format!("{at}/{name}"))).await?;
        let reported = until(watch, change(ChangeAction::Added, &name));
        if tokio::time::timeout(NEVER, reported).await.is_ok_and(|seen| seen.is_ok()) {
            return Ok(());
        }
    }
    anyhow::bail!("nothing is reported")
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_by_this_pool_by_another_client_and_on_the_disk_are_reported() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_dir(&path("dir")).await?;
    pool.create_dir(&path("dir/sub")).await?;
    pool.create_dir(&path("beside")).await?;
    let before = pool.stat(&path("dir")).await?;
    let mut watch = pool.watch(&path("dir"), WatchOptions::default()).await?;
    assert_eq!((watch.metadata().file_id, watch.metadata().changed), (before.file_id, before.changed));
    assert_eq!(pool.watches(), 1);
    settle(&pool, &mut watch, "dir").await?;

    pool.create_file(&path("dir/ours")).await?;
    until(&mut watch, change(ChangeAction::Added, "ours")).await?;
    pool.rename(&path("dir/ours"), &path("dir/sub/theirs"), false).await?;
    until(&mut watch, change(ChangeAction::Added, "sub/theirs")).await?;
    pool.rename(&path("dir/sub/theirs"), &path("dir/sub/again"), false).await?;
    let seen = until(&mut watch, change(ChangeAction::RenamedTo, "sub/again")).await?;
    let to = seen.iter().position(|seen| seen.action == ChangeAction::RenamedTo).expect("there");
    assert!(
        to > 0 && seen[to - 1] == change(ChangeAction::RenamedFrom, "sub/theirs"),
        "halves in order: {seen:?}"
    );
    pool.delete_file(&path("dir/sub/again")).await?;
    until(&mut watch, change(ChangeAction::Removed, "sub/again")).await?;

    fixture.samba.smbclient("data", &["-c", "mkdir dir\\made"])?;
    until(&mut watch, change(ChangeAction::Added, "made")).await?;

    let disk = fixture.samba.share_dir("data").join("dir");
    std::fs::write(disk.join("on disk e\u{301} 😀"), "text")?;
    until(&mut watch, change(ChangeAction::Added, "on disk e\u{301} 😀")).await?;
    std::fs::write(disk.join("on disk e\u{301} 😀"), "longer text")?;
    until(&mut watch, change(ChangeAction::Modified, "on disk e\u{301} 😀")).await?;

    while watch.next().now_or_never().is_some() {}
    pool.create_file(&path("beside/unseen")).await?;
    let quiet = tokio::time::timeout(NEVER, async {
        loop {
            match watch.next().await {
                // The write above may be reported in several steps.
                Ok(WatchEvent::Changed(changes)) if changes.iter().all(|change| change.path.depth() == 1) => {
                }
                other => return other,
            }
        }
    });
    assert!(quiet.await.is_err(), "the neighbour is not watched");
    watch.close().await;
    assert_eq!(pool.watches(), 0, "closed when close returns");
    all_closed(&fixture, &pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_happens_after_opening_goes_without_a_trace() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let other = fixture.pool("data");
    pool.create_dir(&path("dir")).await?;
    for round in 0..200 {
        let mut watch = pool.watch(&path("dir"), WatchOptions::default()).await?;
        let name = format!("file {round}");
        other.create_file(&path(&format!("dir/{name}"))).await?;
        let reported = until(&mut watch, change(ChangeAction::Added, &name));
        if tokio::time::timeout(NEVER, reported).await.is_err() {
            // Samba was not there yet (see `SharePool::watch`); then the comparison that its documentation asks for shows it.
            let now = pool.stat(&path("dir")).await?;
            assert_ne!(now.changed, watch.metadata().changed, "round {round}");
        }
    }
    all_closed(&fixture, &pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_given_up_a_hundred_times_loses_no_change() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let mut watch = pool.watch(&SharePath::root(), WatchOptions::default()).await?;
    for round in 0..100 {
        // What still comes of the last file, a new time for example, may come here.
        let _ = tokio::time::timeout(Duration::from_micros(300), watch.next()).await;
        if round % 5 == 0 {
            let name = format!("file {round}");
            pool.create_file(&path(&name)).await?;
            until(&mut watch, change(ChangeAction::Added, &name)).await?;
        }
    }
    drop(watch);
    all_closed(&fixture, &pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_and_the_depth_are_kept_to() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_dir(&path("sub")).await?;
    let names = WatchOptions { filter: WatchFilter::DirectoryNames, ..WatchOptions::default() };
    let mut directories = pool.watch(&SharePath::root(), names).await?;
    let flat = WatchOptions { recursive: false, ..WatchOptions::default() };
    let mut flat = pool.watch(&SharePath::root(), flat).await?;

    pool.create_file(&path("a file")).await?;
    pool.create_dir(&path("sub/deep")).await?;
    pool.create_dir(&path("last")).await?;
    let seen = until(&mut directories, change(ChangeAction::Added, "last")).await?;
    assert_eq!(seen, [change(ChangeAction::Added, "sub/deep"), change(ChangeAction::Added, "last")]);
    let seen = until(&mut flat, change(ChangeAction::Added, "last")).await?;
    assert!(seen.iter().all(|change| change.path.depth() == 1), "{seen:?}");
    assert!(seen.contains(&change(ChangeAction::Added, "a file")), "{seen:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_changes_are_an_overflow_and_the_watch_goes_on() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let tiny = WatchOptions { buffer: 16, ..WatchOptions::default() };
    let mut watch = pool.watch(&SharePath::root(), tiny).await?;
    for round in 0..3 {
        // Its name alone does not fit.
        pool.create_file(&path(&format!("a name too long for the buffer {round}"))).await?;
        assert_eq!(next(&mut watch).await?, WatchEvent::Overflow);
    }
    let disk = fixture.samba.share_dir("data").to_owned();
    for number in 0..1_000 {
        std::fs::write(disk.join(format!("{number}")), "")?;
    }
    // Names of one or two digits fit when each comes alone; three digits never do.
    while next(&mut watch).await? != WatchEvent::Overflow {}

    // A reader that is far behind a server with a large buffer gets one as well, and what comes after it.
    let mut watch = pool.watch(&SharePath::root(), WatchOptions::default()).await?;
    for number in 1_000..7_000 {
        std::fs::write(disk.join(format!("{number}")), "")?;
    }
    let mut overflows = 0;
    // Samba hears of its disk from the kernel and is some changes behind. A file made over SMB right now may be reported
    // before them, and so be among those that an overflow stands for.
    while let Ok(event) = tokio::time::timeout(QUIET, watch.next()).await {
        overflows += usize::from(event? == WatchEvent::Overflow);
    }
    assert!(overflows >= 1);
    pool.create_file(&path("the last one")).await?;
    until(&mut watch, change(ChangeAction::Added, "the last one")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_directory_ends_its_watch() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_dir(&path("dir")).await?;
    let first = pool.watch(&path("dir"), WatchOptions::default()).await?;
    let mut watch = pool.watch(&path("dir"), WatchOptions::default()).await?;
    pool.delete_dir(&path("dir")).await?;
    assert_eq!(end_of(&mut watch).await, ShareErrorKind::DeletePending);
    refused(watch.next().await, ShareErrorKind::DeletePending);
    drop((first, watch));
    all_closed(&fixture, &pool).await?;

    pool.create_dir(&path("dir")).await?;
    let mut watch = pool.watch(&path("dir"), WatchOptions::default()).await?;
    pool.create_file(&path("dir/new")).await?;
    until(&mut watch, change(ChangeAction::Added, "new")).await?;
    drop(watch);
    all_closed(&fixture, &pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_watched_is_said_in_a_word() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_file(&path("file")).await?;
    let watch = |text: &str| {
        let (pool, path) = (pool.clone(), path(text));
        async move { pool.watch(&path, WatchOptions::default()).await }
    };
    refused(watch("none").await, ShareErrorKind::NotFound);
    refused(watch("none/below").await, ShareErrorKind::PathNotFound);
    refused(watch("file").await, ShareErrorKind::NotADirectory);
    assert_eq!(pool.watches(), 0);

    let deaf = Samba::builder().global("change notify", "no").start()?;
    let target = causeway_smb::Target::new("127.0.0.1", deaf.port(), "data", deaf.user(), deaf.password());
    let pool = SharePool::new(target, PoolLimits::default());
    refused(pool.watch(&SharePath::root(), WatchOptions::default()).await, ShareErrorKind::WatchUnsupported);
    fixture.eventually(|| deaf.open_files().is_ok_and(|open| open.is_empty())).await;
    assert_eq!(pool.watches(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_ends_watches_at_once_and_a_new_one_works() -> anyhow::Result<()> {
    let mut fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let mut watches = Vec::new();
    for number in 0..20 {
        let dir = path(&format!("dir {number}"));
        pool.create_dir(&dir).await?;
        watches.push(pool.watch(&dir, WatchOptions::default()).await?);
    }
    fixture.samba.kill9();
    for watch in &mut watches {
        assert_eq!(end_of(watch).await, ShareErrorKind::ConnectionLost);
    }
    refused(pool.watch(&path("dir 1"), WatchOptions::default()).await, ShareErrorKind::Unreachable);
    fixture.eventually(|| pool.watches() == 0).await;
    fixture.samba.restart()?;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut watch = pool.watch(&path("dir 1"), WatchOptions::default()).await?;
    pool.create_file(&path("dir 1/new")).await?;
    until(&mut watch, change(ChangeAction::Added, "new")).await?;
    pool.close();
    assert_eq!(end_of(&mut watch).await, ShareErrorKind::ConnectionLost);
    refused(pool.watch(&SharePath::root(), WatchOptions::default()).await, ShareErrorKind::ConnectionLost);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_found_although_nothing_is_asked_of_it() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let mut watch = pool.watch(&SharePath::root(), WatchOptions::default()).await?;
    fixture.samba.freeze();
    assert_eq!(end_of(&mut watch).await, ShareErrorKind::ConnectionLost);
    fixture.eventually(|| pool.connections() == 0 && pool.watches() == 0).await;
    fixture.samba.thaw();
    let mut watch = pool.watch(&SharePath::root(), WatchOptions::default()).await?;
    pool.create_file(&path("new")).await?;
    until(&mut watch, change(ChangeAction::Added, "new")).await?;
    drop(watch);
    all_closed(&fixture, &pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_directories_are_watched_on_few_connections_and_calls_stay_fast() -> anyhow::Result<()> {
    const DIRECTORIES: usize = 500;
    let fixture = Fixture::start()?;
    let disk = fixture.samba.share_dir("data").to_owned();
    for number in 0..DIRECTORIES {
        std::fs::create_dir(disk.join(format!("{number}")))?;
    }
    let pool = fixture.pool("data");
    let begun = Instant::now();
    let opening = (0..DIRECTORIES).map(|number| {
        let pool = pool.clone();
        async move { pool.watch(&path(&format!("{number}")), WatchOptions::default()).await }
    });
    let mut watches = futures::future::try_join_all(opening).await?;
    println!("{DIRECTORIES} watches opened in {:?}", begun.elapsed());
    assert_eq!(pool.watches(), DIRECTORIES);
    assert_eq!(pool.connections(), DIRECTORIES.div_ceil(WATCHES_PER_CONNECTION));

    let begun = Instant::now();
    pool.stat(&SharePath::root()).await?;
    println!("a look meanwhile took {:?}", begun.elapsed());
    for number in 0..DIRECTORIES {
        std::fs::write(disk.join(format!("{number}/file")), "")?;
    }
    for watch in &mut watches {
        until(watch, change(ChangeAction::Added, "file")).await?;
    }
    let begun = Instant::now();
    drop(watches);
    all_closed(&fixture, &pool).await?;
    println!("closed in {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_bound_and_room_comes_back() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let limits = PoolLimits { watch_connections: 1, ..PoolLimits::default() };
    let pool = SharePool::new(fixture.target("data"), limits);
    let opening = (0..WATCHES_PER_CONNECTION)
        .map(|_| pool.watch(const { &SharePath::root() }, WatchOptions::default()));
    let mut watches = futures::future::try_join_all(opening).await?;
    refused(pool.watch(&SharePath::root(), WatchOptions::default()).await, ShareErrorKind::TooManyWatches);
    let Some(last) = watches.pop() else { anyhow::bail!("there are some") };
    last.close().await;
    watches.push(pool.watch(&SharePath::root(), WatchOptions::default()).await?);
    pool.create_file(&path("new")).await?;
    for watch in &mut watches {
        until(watch, change(ChangeAction::Added, "new")).await?;
    }
    assert_eq!(pool.connections(), 2, "one for the watches, one for the call");
    drop(watches);
    all_closed(&fixture, &pool).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_watches_given_up_at_any_point_leave_nothing_behind() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_dir(&path("dir")).await?;
    // Kept through all of it, so that the connection is the same one.
    let mut kept = pool.watch(&path("dir"), WatchOptions::default()).await?;
    let mut opened = 0;
    for cycle in 0..1_000_u64 {
        let patience = Duration::from_micros(cycle * 37 % 6_000);
        let path = path("dir");
        let opening = pool.watch(&path, WatchOptions::default());
        match tokio::time::timeout(patience, opening).await {
            Ok(Ok(mut watch)) => {
                opened += 1;
                if cycle % 3 == 0 {
                    let _ = tokio::time::timeout(patience, watch.next()).await;
                }
                if cycle % 5 == 0 {
                    watch.close().await;
                }
            }
            Ok(Err(error)) if error.kind() == ShareErrorKind::TooManyWatches => {
                anyhow::bail!("places leak: {} in cycle {cycle}", pool.watches());
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    println!("{opened} of 1000 came to be");
    assert!(opened > 100 && opened < 1_000, "both ways are taken: {opened}");
    fixture.eventually(|| pool.watches() == 1).await;
    fixture.eventually(|| fixture.samba.open_files().is_ok_and(|open| open.len() == 1)).await;
    // No request and no credit was left behind: there is room for a full load on this very connection.
    let opening = (1..WATCHES_PER_CONNECTION)
        .map(|_| pool.watch(const { &SharePath::root() }, WatchOptions::default()));
    let watches = futures::future::try_join_all(opening).await?;
    pool.create_file(&path("dir/new")).await?;
    until(&mut kept, change(ChangeAction::Added, "new")).await?;
    assert_eq!(pool.connections(), 2, "one for the watches, one for the call");
    drop((watches, kept));
    all_closed(&fixture, &pool).await
}
