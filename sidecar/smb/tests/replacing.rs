//! What a file that is replaced leaves to its successor, and links that the server follows, against a real smbd.

#[path = "share/fixture.rs"]
mod fixture;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use causeway_paths::SharePath;
use causeway_smb::{NewTimes, ShareErrorKind, SharePool, attributes};
use causeway_versions::FileTime;
use fixture::{Fixture, bytes_of, path, read_all};

async fn replace(pool: &SharePool, target: &SharePath, content: Vec<u8>) -> anyhow::Result<()> {
    let mut writer = pool.create_for_write(&path("~temporary")).await?;
    writer.write(content.into()).await?;
    writer.inherit(target).await?;
    writer.publish(target, true).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_keeps_birth_attributes_owner_and_permissions() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let (file, on_disk) = (path("kept.txt"), fixture.samba.share_dir("data").join("kept.txt"));
    std::fs::write(&on_disk, "old")?;
    std::fs::set_permissions(&on_disk, std::fs::Permissions::from_mode(0o640))?;
    let is_root = on_disk.metadata()?.uid() == 0;
    if is_root {
        std::os::unix::fs::chown(&on_disk, Some(1), Some(1))?;
    }
    let born = FileTime::from_unix_seconds(1_000_000_000);
    pool.set_times(&file, NewTimes { created: Some(born), ..NewTimes::default() }).await?;
    pool.set_attributes(&file, attributes::HIDDEN | attributes::ARCHIVE).await?;
    let before = pool.stat(&file).await?;
    assert_eq!(before.created, born, "the server keeps times of birth");
    let permissions = fixture.permissions("kept.txt")?;

    // Twice: what was inherited can be inherited.
    replace(&pool, &file, b"newer".to_vec()).await?;
    replace(&pool, &file, b"new".to_vec()).await?;
    let after = pool.stat(&file).await?;
    assert_eq!(std::fs::read(&on_disk)?, b"new");
    assert_ne!(after.version(), before.version());
    assert_eq!(after.created, born);
    assert_eq!(after.attributes, attributes::HIDDEN | attributes::ARCHIVE);
    // Samba writes them as an access control list, whose mask takes the place of the group's bits in the mode.
    assert_eq!(fixture.permissions("kept.txt")?, permissions);
    let unix = on_disk.metadata()?;
    assert_eq!(unix.permissions().mode() & 0o707, 0o600);
    if is_root {
        assert_eq!((unix.uid(), unix.gid()), (1, 1));
    }
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_keeps_its_named_streams() -> anyhow::Result<()> {
    let fixture = Fixture::with_streams()?;
    let Some(fixture) = fixture else {
        println!("skipped: smbd has no module for streams (Debian: samba-vfs-modules)");
        return Ok(());
    };
    let pool = fixture.pool("data");
    let stream = |name: &str| -> anyhow::Result<Vec<u8>> {
        let place = tempfile::tempdir()?;
        fixture.smbclient(&format!("get {name} {}/out", place.path().display()))?;
        Ok(std::fs::read(place.path().join("out"))?)
    };
    let local = tempfile::tempdir()?;
    // As much as the file systems that tests run on take for an extended attribute, where Samba keeps streams.
    let long = bytes_of(2_000);
    std::fs::write(local.path().join("long"), &long)?;
    std::fs::write(local.path().join("zone"), "[ZoneTransfer]")?;
    let base = path("file.txt");
    std::fs::write(fixture.samba.share_dir("data").join("file.txt"), "old")?;
    for (from, name) in [("zone", "Zone.Identifier"), ("long", "long")] {
        fixture.smbclient(&format!("put {}/{from} file.txt:{name}", local.path().display()))?;
    }

    replace(&pool, &base, b"new".to_vec()).await?;
    assert_eq!(read_all(&pool, &base).await?, b"new");
    assert_eq!(stream("file.txt:Zone.Identifier")?, b"[ZoneTransfer]");
    assert_eq!(stream("file.txt:long")?, long);

    pool.create_file(&path("copy.txt")).await?;
    pool.copy_streams(&base, &pool, &path("copy.txt")).await?;
    assert_eq!(stream("copy.txt:long")?, long);
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_behind_a_followed_link_is_told_by_its_parent() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, place) = (fixture.pool("data"), fixture.samba.share_dir("data").to_owned());
    std::fs::create_dir_all(place.join("tree/real"))?;
    std::fs::create_dir_all(place.join("elsewhere/kept"))?;
    std::fs::write(place.join("elsewhere/kept/file"), "precious")?;
    symlink("../elsewhere/kept", place.join("tree/link"))?;

    let root = pool.stat(&SharePath::root()).await?;
    let tree = pool.stat(&path("tree")).await?;
    let (entries, dots) = pool.list_with_dots(&path("tree")).await?;
    assert!(!dots.lead_elsewhere(tree.file_id, root.file_id), "{dots:?} {tree:?} {root:?}");
    for entry in entries {
        let (_, dots) = pool.list_with_dots(&path("tree").child(&entry.name)?).await?;
        assert_eq!(
            dots.lead_elsewhere(entry.file_id, tree.file_id),
            entry.name == "link",
            "{entry:?} {dots:?}"
        );
    }

    pool.delete_followed_link(&path("tree/link"), &path("tree/.temporary")).await?;
    assert!(place.join("tree/link").symlink_metadata().is_err());
    assert_eq!(std::fs::read(place.join("elsewhere/kept/file"))?, b"precious");

    let real = pool.delete_followed_link(&path("tree/real"), &path("tree/.temporary")).await;
    let refusal = real.expect_err("a directory is not replaced by a file").kind();
    assert!(matches!(refusal, ShareErrorKind::AccessDenied | ShareErrorKind::AlreadyExists), "{refusal:?}");
    assert!(place.join("tree/real").is_dir());
    assert_eq!(std::fs::read_dir(place.join("tree"))?.count(), 1, "no temporary file stays");
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_is_as_visible_as_the_one_before() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let file = path("plain.txt");
    std::fs::write(fixture.samba.share_dir("data").join("plain.txt"), "old")?;
    let before = pool.stat(&file).await?;
    for held in [false, true] {
        let hold = if held { Some(pool.hold(&file).await?) } else { None };
        replace(&pool, &file, b"new".to_vec()).await?;
        let after = pool.stat(&file).await?;
        assert!(!after.is_hidden(), "held {held}: {:x} -> {:x}", before.attributes, after.attributes);
        drop(hold);
    }
    fixture.nothing_open().await
}

/// Whoever puts a file somewhere has to look whether what is there is being deleted: the server refuses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_deleted_takes_along_what_was_renamed_over_it() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (reader, writer) = (fixture.pool("data"), fixture.pool("data"));
    let (file, on_disk) = (path("file.txt"), fixture.samba.share_dir("data").join("file.txt"));
    std::fs::write(&on_disk, "old")?;
    let open = reader.open_read(&file).await?;
    fixture.pool("data").delete_file(&file).await?;
    let looked = writer.stat(&file).await.expect_err("it is being deleted");
    assert_eq!(looked.kind(), ShareErrorKind::DeletePending);
    let mut new = writer.create_for_write(&path("~temporary")).await?;
    new.write(b"new".to_vec().into()).await?;
    new.publish(&file, true).await.map_err(|refused| refused.error)?;
    assert_eq!(std::fs::read(&on_disk)?, b"new");
    assert_eq!(writer.stat(&file).await?.size, 3);
    open.close().await;
    let gone = writer.stat(&file).await.expect_err("it was deleted with the old file");
    assert_eq!(gone.kind(), ShareErrorKind::NotFound);
    assert!(!on_disk.exists());
    fixture.nothing_open().await
}
