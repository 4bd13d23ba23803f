//! The same calls against the server that the demo carries inside.

#[path = "share/caching_client.rs"]
mod caching_client;
#[path = "share/fixture.rs"]
mod fixture;

use std::net::SocketAddr;
use std::time::Duration;

use caching_client::CachingClient;
use causeway_paths::SharePath;
use causeway_smb::{
    ItemChange, NewTimes, PoolLimits, ShareErrorKind, SharePool, Target, WATCHES_PER_CONNECTION, WatchEvent,
    WatchOptions,
};
use causeway_versions::FileTime;
use fixture::{bytes_of, digest, path, read_all, refused};
use futures::StreamExt;
use smb_server::{Access, LocalFsBackend, Share, SmbServer};

async fn serve(place: &std::path::Path) -> anyhow::Result<SocketAddr> {
    let server = SmbServer::builder()
        .listen("127.0.0.1:0".parse()?)
        .user("demo", "demo-password")
        .share(Share::new("demo", LocalFsBackend::new(place)?).user("demo", Access::ReadWrite))
        .build()?;
    let address = server.bind().await?;
    tokio::spawn(async move { server.serve().await });
    Ok(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_server_is_served_by_the_same_code() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let address = serve(place.path()).await?;
    let target = |password: &str| Target::new("127.0.0.1", address.port(), "demo", "demo", password);
    let pool = SharePool::new(target("demo-password"), PoolLimits::default());
    refused(
        SharePool::new(target("wrong"), PoolLimits::default()).test().await,
        ShareErrorKind::LogonRefused,
    );

    pool.test().await?;
    pool.create_dir(&path("dir")).await?;
    pool.create_file(&path("dir/empty")).await?;
    refused(pool.create_file(&path("dir/empty")).await, ShareErrorKind::AlreadyExists);
    refused(pool.stat(&path("none")).await, ShareErrorKind::NotFound);
    refused(pool.stat(&path("none/below")).await, ShareErrorKind::PathNotFound);
    refused(pool.delete_dir(&path("dir")).await, ShareErrorKind::DirectoryNotEmpty);
    refused(pool.delete_file(&path("dir")).await, ShareErrorKind::IsADirectory);
    refused(pool.list(&path("dir/empty")).await, ShareErrorKind::NotADirectory);
    refused(pool.open_read(&path("dir")).await, ShareErrorKind::IsADirectory);

    let content = bytes_of(20 * 1024 * 1024 + 17);
    let mut writer = pool.create_for_write(&path("dir/.temporary")).await?;
    for piece in content.chunks(77_777) {
        writer.write(bytes::Bytes::copy_from_slice(piece)).await?;
    }
    writer.flush().await?;
    let published = writer.publish(&path("dir/large"), true).await?;
    assert_eq!(published.size, content.len() as u64);
    assert_eq!(pool.stat(&path("dir/large")).await?.version(), published.version());
    assert_eq!(digest(&read_all(&pool, &path("dir/large")).await?), digest(&content));

    let mut second = pool.create_for_write(&path("dir/.temporary")).await?;
    second.write("short".into()).await?;
    second.publish(&path("dir/large"), true).await?;
    assert_eq!(read_all(&pool, &path("dir/large")).await?, b"short");

    let mut dropped = pool.create_for_write(&path("dir/dropped")).await?;
    dropped.write("short".into()).await?;
    dropped.abort().await;
    assert!(!place.path().join("dir/dropped").exists());

    refused(
        pool.server_copy(&path("dir/large"), &path("dir/copy"), |_| {}).await,
        ShareErrorKind::NotSupported,
    );
    assert!(!place.path().join("dir/copy").exists());

    let noon = FileTime::from_unix_seconds(1_600_000_000);
    let set =
        pool.set_times(&path("dir/large"), NewTimes { modified: Some(noon), ..NewTimes::default() }).await?;
    assert_eq!(set.modified, noon);

    pool.rename(&path("dir/large"), &path("moved"), false).await?;
    let mut names: Vec<_> =
        pool.list(&SharePath::root()).await?.into_iter().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(names, ["dir", "moved"]);

    for number in 0..2_500 {
        std::fs::write(place.path().join(format!("dir/e\u{301} 😀 {number}")), "")?;
    }
    assert_eq!(pool.list(&path("dir")).await?.len(), 2_501);
    let mut batches = pool.list_batches(&path("dir")).await?;
    let mut seen = 0;
    while let Some(batch) = batches.next().await {
        seen += batch?.len();
    }
    assert_eq!(seen, 2_501);
    pool.delete_file(&path("dir/e\u{301} 😀 7")).await?;
    assert!(!place.path().join("dir/e\u{301} 😀 7").exists());
    Ok(())
}

/// A desktop client that caches the handle of a file has to be asked before the file is replaced, which a server may not
/// be able to do in the middle of a chain of requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_handle_another_client_caches_is_replaced_once_it_lets_go() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let address = serve(place.path()).await?;
    let target = Target::new("127.0.0.1", address.port(), "demo", "demo", "demo-password");
    let pool = SharePool::new(target.clone(), PoolLimits::default());
    pool.create_file(&path("new")).await?;
    pool.create_file(&path("cached")).await?;

    let other = CachingClient::open(&target, "demo-password", "cached").await?;
    let renaming = tokio::spawn({
        let pool = pool.clone();
        async move { pool.rename(&path("new"), &path("cached"), true).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!renaming.is_finished(), "the server waits for the other client");
    other.close().await?;
    let renamed = tokio::time::timeout(Duration::from_secs(5), renaming).await???;
    assert_eq!(renamed.name, "cached");
    refused(pool.stat(&path("new")).await, ShareErrorKind::NotFound);
    Ok(())
}

/// The demo lives by what its own server reports.
#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_server_reports_changes() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let address = serve(place.path()).await?;
    let target = Target::new("127.0.0.1", address.port(), "demo", "demo", "demo-password");
    let pool = SharePool::new(target, PoolLimits::default());
    pool.create_dir(&path("dir")).await?;
    pool.create_dir(&path("dir/sub")).await?;
    let mut watch = pool.watch(&path("dir"), WatchOptions::default()).await?;
    let mut seen = Vec::new();
    pool.create_file(&path("dir/sub/by us")).await?;
    pool.rename(&path("dir/sub/by us"), &path("dir/moved"), false).await?;
    std::fs::write(place.path().join("dir/on disk"), "text")?;
    for name in ["sub/by us", "moved", "on disk"] {
        while !seen.iter().any(|change: &ItemChange| change.path == path(name)) {
            match tokio::time::timeout(Duration::from_secs(10), watch.next()).await?? {
                WatchEvent::Changed(changes) => seen.extend(changes),
                WatchEvent::Overflow => anyhow::bail!("nothing was too much, after {seen:?}"),
            }
        }
    }
    let tiny = WatchOptions { buffer: 16, ..WatchOptions::default() };
    let mut tiny = pool.watch(&path("dir"), tiny).await?;
    pool.create_file(&path("dir/a name too long for that")).await?;
    let event = tokio::time::timeout(Duration::from_secs(10), tiny.next()).await??;
    assert_eq!(event, WatchEvent::Overflow);
    tiny.close().await;

    pool.delete_dir(&path("dir/sub")).await?;
    for name in ["moved", "on disk", "a name too long for that"] {
        pool.delete_file(&path(&format!("dir/{name}"))).await?;
    }
    pool.delete_dir(&path("dir")).await?;
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let Err(error) = watch.next().await {
                return error.kind();
            }
        }
    });
    assert_eq!(ended.await?, ShareErrorKind::DeletePending);
    drop(watch);

    // Every request it holds is given back with the watch.
    for _ in 0..600 {
        pool.watch(&SharePath::root(), WatchOptions::default()).await?.close().await;
    }
    assert_eq!(pool.watches(), 0);
    let many = (0..WATCHES_PER_CONNECTION)
        .map(|_| pool.watch(const { &SharePath::root() }, WatchOptions::default()));
    let many = futures::future::try_join_all(many).await?;
    assert_eq!(many.len(), pool.watches());
    Ok(())
}
