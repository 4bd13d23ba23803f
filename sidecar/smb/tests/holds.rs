//! Files that are held open: what others on the server can do with them, and what we can.

#[path = "share/fixture.rs"]
mod fixture;

use causeway_smb::ShareErrorKind;
use fixture::{Fixture, path, read_all, refused};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_writes_deletes_or_renames_a_held_file() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, other) = (fixture.pool("data"), fixture.pool("data"));
    let place = fixture.samba.share_dir("data").to_owned();
    std::fs::write(place.join("plan.txt"), "old")?;
    std::fs::write(fixture.samba.home().join("new.txt"), "new")?;
    let put = format!("put {} plan.txt", fixture.samba.home().join("new.txt").display());

    let hold = pool.hold(&path("plan.txt")).await?;
    assert_eq!(hold.metadata().size, 3);
    assert!(fixture.smbclient(&put).is_err());
    // smbclient's `del` and `rename` tell of a failure on their output only.
    let _ = fixture.smbclient("del plan.txt");
    let _ = fixture.smbclient("rename plan.txt other.txt");
    assert_eq!(std::fs::read(place.join("plan.txt"))?, b"old");
    refused(other.delete_file(&path("plan.txt")).await, ShareErrorKind::InUse);
    refused(other.rename(&path("plan.txt"), &path("moved.txt"), false).await, ShareErrorKind::InUse);
    // Reading is for everybody, and whoever holds a file may be two.
    assert_eq!(read_all(&other, &path("plan.txt")).await?, b"old");
    other.hold(&path("plan.txt")).await?.release().await;

    hold.release().await;
    fixture.smbclient(&put)?;
    assert_eq!(std::fs::read(place.join("plan.txt"))?, b"new");
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_writes_cannot_be_held() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, other) = (fixture.pool("data"), fixture.pool("data"));
    let mut writer = other.create_for_write(&path("growing")).await?;
    writer.write("some".into()).await?;
    let held = pool.hold(&path("growing")).await.expect_err("somebody writes it");
    assert!(matches!(held.kind(), ShareErrorKind::InUse | ShareErrorKind::DeletePending), "{held:?}");
    writer.finish().await?;
    pool.hold(&path("growing")).await?.release().await;
    refused(pool.hold(&path("none")).await, ShareErrorKind::NotFound);
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_file_is_replaced_by_another_connection_of_ours() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    std::fs::write(fixture.samba.share_dir("data").join("plan.txt"), "old")?;
    let hold = pool.hold(&path("plan.txt")).await?;
    let mut writer = pool.create_for_write(&path("sibling")).await?;
    writer.write("new".into()).await?;
    let published = writer.publish(&path("plan.txt"), true).await.expect("replaced under the hold");
    assert_ne!(published.file_id, hold.metadata().file_id);
    assert_eq!(read_all(&pool, &path("plan.txt")).await?, b"new");
    let again = pool.hold(&path("plan.txt")).await?;
    assert_eq!(again.metadata().file_id, published.file_id);
    drop((hold, again));
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_directory_stays_where_it_is_and_can_be_worked_in() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, other) = (fixture.pool("data"), fixture.pool("data"));
    pool.create_dir(&path("dir")).await?;
    let hold = pool.hold(&path("dir")).await?;
    other.create_file(&path("dir/file")).await?;
    other.delete_file(&path("dir/file")).await?;
    assert!(other.rename(&path("dir"), &path("elsewhere"), false).await.is_err());
    refused(other.delete_dir(&path("dir")).await, ShareErrorKind::InUse);
    hold.release().await;
    other.delete_dir(&path("dir")).await?;
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_knows_that_its_server_has_gone() -> anyhow::Result<()> {
    let mut fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    std::fs::write(fixture.samba.share_dir("data").join("plan.txt"), "old")?;
    let hold = pool.hold(&path("plan.txt")).await?;
    assert!(hold.probe().await);
    fixture.samba.kill9();
    assert!(!hold.probe().await && !hold.is_alive());
    fixture.samba.restart()?;
    let again = pool.hold(&path("plan.txt")).await?;
    assert!(again.is_alive());
    again.release().await;
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_may_replace_is_written_over_when_nobody_else_has_it_open() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, other) = (fixture.pool("data"), fixture.pool("data"));
    let place = fixture.samba.share_dir("data").to_owned();
    for (from, to) in [("short", "a much longer content"), ("a much longer content", "short"), ("", "x")] {
        std::fs::write(place.join("from"), from)?;
        std::fs::write(place.join("to"), to)?;
        let before = pool.stat(&path("to")).await?;
        let written = pool.overwrite(&path("from"), &path("to"), Some(before.version())).await?;
        assert_eq!((written.file_id, written.size), (before.file_id, from.len() as u64));
        assert_eq!(std::fs::read(place.join("to"))?, from.as_bytes());
        assert_eq!(written.version(), pool.stat(&path("to")).await?.version());
    }
    pool.flush(&path("to")).await?;

    let stale = pool.stat(&path("to")).await?.version();
    std::fs::write(place.join("to"), "somebody else's")?;
    let overwrite = async |to: &str, expected| {
        let outcome = pool.overwrite(&path("from"), &path(to), expected).await;
        outcome.map_err(|refusal| {
            assert!(!refusal.touched, "{refusal:?}");
            refusal.error
        })
    };
    refused(overwrite("to", Some(stale)).await, ShareErrorKind::Changed);
    let reader = other.open_read(&path("to")).await?;
    refused(overwrite("to", None).await, ShareErrorKind::InUse);
    reader.close().await;
    let hold = other.hold(&path("to")).await?;
    refused(overwrite("to", None).await, ShareErrorKind::InUse);
    hold.release().await;
    refused(overwrite("none", None).await, ShareErrorKind::NotFound);
    assert_eq!(std::fs::read(place.join("to"))?, b"somebody else's");
    fixture.nothing_open().await
}
