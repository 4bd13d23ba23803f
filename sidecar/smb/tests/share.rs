//! The pool against a real smbd: every call, every refusal that can be provoked.

#[path = "share/fixture.rs"]
mod fixture;

use causeway_paths::SharePath;
use causeway_smb::{EntryKind, NewTimes, ReadAhead, ShareErrorKind, attributes};
use causeway_versions::FileTime;
use fixture::{Fixture, bytes_of, digest, path, read_all, refused};
use futures::StreamExt;

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_looked_at_made_renamed_and_deleted() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");

    let root = pool.stat(&SharePath::root()).await?;
    assert_eq!((root.kind, root.name.as_str()), (EntryKind::Directory, ""));

    let made = pool.create_dir(&path("docs")).await?;
    assert_eq!(made.kind, EntryKind::Directory);
    let file = pool.create_file(&path("docs/empty.txt")).await?;
    assert_eq!((file.size, file.name.as_str()), (0, "empty.txt"));
    assert_ne!(file.file_id, 0);
    assert!(file.changed.is_known());

    let seen = pool.stat(&path("docs/empty.txt")).await?;
    assert_eq!(seen, file);
    let listed = pool.list(&path("docs")).await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, "empty.txt");
    assert_eq!(listed[0].version(), seen.version(), "listing and stat agree on the version");

    let moved = pool.rename(&path("docs/empty.txt"), &path("docs/full.txt"), false).await?;
    assert_eq!((moved.name.as_str(), moved.file_id), ("full.txt", file.file_id));
    assert_eq!(pool.stat(&path("docs/full.txt")).await?, moved, "the metadata are those after the rename");
    refused(pool.stat(&path("docs/empty.txt")).await, ShareErrorKind::NotFound);

    pool.delete_file(&path("docs/full.txt")).await?;
    pool.delete_dir(&path("docs")).await?;
    refused(pool.stat(&path("docs")).await, ShareErrorKind::NotFound);
    assert!(!fixture.samba.share_dir("data").join("docs").exists());
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_kind() -> anyhow::Result<()> {
    use ShareErrorKind as Kind;
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_dir(&path("dir")).await?;
    pool.create_file(&path("dir/file")).await?;
    pool.create_file(&path("other")).await?;

    refused(pool.stat(&path("none")).await, Kind::NotFound);
    refused(pool.stat(&path("none/below")).await, Kind::PathNotFound);
    refused(pool.create_file(&path("none/below")).await, Kind::PathNotFound);
    refused(pool.create_dir(&path("none/below")).await, Kind::PathNotFound);
    refused(pool.create_file(&path("other")).await, Kind::AlreadyExists);
    refused(pool.create_dir(&path("dir")).await, Kind::AlreadyExists);
    refused(pool.create_dir(&path("other")).await, Kind::AlreadyExists);
    refused(pool.create_for_write(&path("other")).await, Kind::AlreadyExists);
    refused(pool.list(&path("none")).await, Kind::NotFound);
    refused(pool.list(&path("other")).await, Kind::NotADirectory);
    refused(pool.open_read(&path("none")).await, Kind::NotFound);
    refused(pool.open_read(&path("dir")).await, Kind::IsADirectory);
    refused(pool.delete_file(&path("none")).await, Kind::NotFound);
    refused(pool.delete_file(&path("dir")).await, Kind::IsADirectory);
    refused(pool.delete_dir(&path("other")).await, Kind::NotADirectory);
    refused(pool.delete_dir(&path("dir")).await, Kind::DirectoryNotEmpty);
    assert!(fixture.samba.share_dir("data").join("dir/file").exists());
    refused(pool.delete_dir(&SharePath::root()).await, Kind::AccessDenied);
    refused(pool.rename(&path("none"), &path("x"), false).await, Kind::NotFound);
    refused(pool.rename(&path("other"), &path("none/x"), false).await, Kind::PathNotFound);
    refused(pool.rename(&path("other"), &path("dir"), false).await, Kind::AlreadyExists);
    refused(pool.rename(&path("other"), &path("dir/file"), false).await, Kind::AlreadyExists);
    let onto_directory = pool.rename(&path("other"), &path("dir"), true).await.expect_err("must not replace");
    assert!(matches!(onto_directory.kind(), Kind::AlreadyExists | Kind::AccessDenied), "{onto_directory:?}");
    assert!(fixture.samba.share_dir("data").join("dir/file").exists());

    // 200 characters and 600 bytes: more than Linux takes for a name.
    let long = path(&"日".repeat(200));
    let too_long = pool.create_file(&long).await.expect_err("no file system here takes that");
    assert!(matches!(too_long.kind(), Kind::NameInvalid | Kind::NotFound), "{too_long:?}");

    let readonly = fixture.pool("readonly");
    std::fs::write(fixture.samba.share_dir("readonly").join("fixed"), "x")?;
    refused(readonly.create_file(&path("x")).await, Kind::AccessDenied);
    let deleted = readonly.delete_file(&path("fixed")).await.expect_err("read-only share");
    assert!(matches!(deleted.kind(), Kind::AccessDenied | Kind::ReadOnly), "{deleted:?}");
    assert_eq!(read_all(&readonly, &path("fixed")).await?, b"x");
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_use_and_files_marked_read_only_are_left_alone() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, other) = (fixture.pool("data"), fixture.pool("data"));

    pool.create_file(&path("marked")).await?;
    let marked = pool.set_attributes(&path("marked"), attributes::READ_ONLY).await?;
    assert!(marked.is_read_only());
    refused(other.delete_file(&path("marked")).await, ShareErrorKind::ReadOnly);
    pool.set_attributes(&path("marked"), attributes::HIDDEN).await?;
    assert!(pool.stat(&path("marked")).await?.is_hidden());
    other.delete_file(&path("marked")).await?;

    // A handle that is being written excludes everybody, and the file is going to vanish.
    let mut writer = pool.create_for_write(&path("growing")).await?;
    writer.write("some".into()).await?;
    let deleted = other.delete_file(&path("growing")).await.expect_err("in use");
    assert!(matches!(deleted.kind(), ShareErrorKind::DeletePending | ShareErrorKind::InUse), "{deleted:?}");
    let read = other.open_read(&path("growing")).await.expect_err("in use");
    assert!(matches!(read.kind(), ShareErrorKind::DeletePending | ShareErrorKind::InUse), "{read:?}");
    writer.finish().await?;
    assert_eq!(read_all(&other, &path("growing")).await?, b"some");
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_of_the_file_system_count() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::start()?;
    if !fixture.samba.has_share("limited") {
        println!("skipped: only root can act as somebody else");
        return Ok(());
    }
    let (pool, place) = (fixture.pool("limited"), fixture.samba.share_dir("limited").to_owned());
    std::fs::write(place.join("secret"), "s")?;
    std::fs::set_permissions(place.join("secret"), std::fs::Permissions::from_mode(0o600))?;
    std::fs::create_dir(place.join("closed"))?;
    std::fs::set_permissions(place.join("closed"), std::fs::Permissions::from_mode(0o700))?;

    refused(pool.open_read(&path("secret")).await, ShareErrorKind::AccessDenied);
    refused(pool.list(&path("closed")).await, ShareErrorKind::AccessDenied);
    refused(pool.create_file(&path("closed/x")).await, ShareErrorKind::AccessDenied);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_entries_come_complete_whole_and_in_batches() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let place = fixture.samba.share_dir("data").join("many");
    std::fs::create_dir(&place)?;
    for number in 0..10_000 {
        std::fs::write(place.join(format!("file number {number:05}.txt")), "")?;
    }
    let pool = fixture.pool("data");
    let names = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let whole = pool.list(&path("many")).await?;
    let whole = names(whole.into_iter().map(|entry| entry.name).collect());
    assert_eq!(whole.len(), 10_000);
    assert_eq!(whole[9_999], "file number 09999.txt");

    let mut batches = pool.list_batches(&path("many")).await?;
    let (mut count, mut seen) = (0, Vec::new());
    while let Some(batch) = batches.next().await {
        count += 1;
        seen.extend(batch?.into_iter().map(|entry| entry.name));
    }
    assert!(count > 3, "{count} batches");
    assert_eq!(names(seen), whole);

    std::fs::create_dir(fixture.samba.share_dir("data").join("empty"))?;
    assert!(pool.list(&path("empty")).await?.is_empty());
    assert!(pool.list_batches(&path("empty")).await?.next().await.is_none());
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn content_survives_the_round_trip() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    for size in [0, 1, 65_535, 65_536, 1_048_576, 1_048_577, 64 * 1024 * 1024 + 12_345] {
        let content = bytes_of(size);
        let name = path(&format!("round trip {size}.bin"));
        let mut writer = pool.create_for_write(&name).await?;
        // In pieces as a browser sends them, of no helpful size.
        for piece in content.chunks(49_999) {
            writer.write(bytes::Bytes::copy_from_slice(piece)).await?;
        }
        assert_eq!(writer.written(), size as u64);
        writer.flush().await?;
        let written = writer.finish().await?;
        assert_eq!(written.size, size as u64);
        assert_eq!(pool.stat(&name).await?.version(), written.version(), "{size}");

        let on_disk = std::fs::read(fixture.samba.share_dir("data").join(name.as_str()))?;
        assert_eq!(digest(&on_disk), digest(&content), "written {size}");
        let read = read_all(&pool, &name).await?;
        assert_eq!(digest(&read), digest(&content), "read {size}");
    }
    fixture.nothing_open().await
}

/// A handle of ours that lingered would keep the name taken.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_listed_and_read_can_be_deleted_and_made_again_at_once() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    for _ in 0..50 {
        pool.create_dir(&path("again")).await?;
        pool.create_file(&path("again/file")).await?;
        assert_eq!(pool.list(&path("again")).await?.len(), 1);
        let mut stream = pool.open_read(&path("again/file")).await?.stream(0..u64::MAX, ReadAhead::default());
        assert!(stream.next().await.is_none());
        pool.delete_file(&path("again/file")).await?;
        refused(pool.stat(&path("again/file")).await, ShareErrorKind::NotFound);
        assert!(pool.list(&path("again")).await?.is_empty());
        pool.delete_dir(&path("again")).await?;
        refused(pool.stat(&path("again")).await, ShareErrorKind::NotFound);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_exact() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let content = bytes_of(5 * 1024 * 1024 + 7);
    std::fs::write(fixture.samba.share_dir("data").join("ranged"), &content)?;
    let pool = fixture.pool("data");
    let handle = pool.open_read(&path("ranged")).await?;
    assert_eq!(handle.metadata().size, content.len() as u64);
    let end = content.len() as u64;
    for range in [
        0..0,
        0..1,
        1..2,
        5..5,
        end - 1..end,
        end..end,
        end + 5..end + 9,
        0..end,
        100..end + 100,
        1_048_575..3_145_729,
    ] {
        for ahead in [
            ReadAhead::default(),
            ReadAhead { chunk: 100_000, requests: 1 },
            ReadAhead { chunk: 70_000, requests: 9 },
        ] {
            let mut stream = handle.stream(range.clone(), ahead);
            let mut read = Vec::new();
            while let Some(bytes) = stream.next().await {
                read.extend_from_slice(&bytes?);
            }
            let clamp = |at: u64| usize::try_from(at.min(end)).expect("fits");
            assert_eq!(
                digest(&read),
                digest(&content[clamp(range.start)..clamp(range.end)]),
                "{range:?} {ahead:?}"
            );
        }
    }
    assert_eq!(handle.read_at(10, 20).await?, content[10..30]);
    assert_eq!(handle.read_at(end - 3, 20).await?, content[content.len() - 3..]);
    assert!(handle.read_at(end + 3, 20).await?.is_empty());
    handle.close().await;
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_shrinks_under_its_reader_is_noticed() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let place = fixture.samba.share_dir("data").join("shrinking");
    std::fs::write(&place, bytes_of(8 * 1024 * 1024))?;
    let pool = fixture.pool("data");
    let handle = pool.open_read(&path("shrinking")).await?;
    std::fs::OpenOptions::new().write(true).open(&place)?.set_len(3_000_000)?;
    let mut stream = handle.stream(0..u64::MAX, ReadAhead::default());
    let mut read = 0;
    let error = loop {
        match stream.next().await.expect("does not end as if complete") {
            Ok(bytes) => read += bytes.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ShareErrorKind::Changed);
    assert!(read <= 3_000_000);
    assert!(stream.next().await.is_none(), "after an error there is nothing more");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_all_kinds_come_back_as_they_are() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, place) = (fixture.pool("data"), fixture.samba.share_dir("data").to_owned());
    let long = "ä".repeat(127);
    let deep = (0..40).map(|depth| format!("level {depth:02}")).collect::<Vec<_>>();
    for name in [
        "cafe\u{301} NFD",
        "café NFC",
        "😀👩‍👩‍👧 emoji",
        "日本語",
        "trailing dot.",
        "trailing space ",
        " leading",
        "private \u{f022}\u{f029} use",
        "\u{f028}",
        "#%&+=;,'!~`@$^(){}[]",
        "tilde~1.txt",
        "CON",
        "a",
        &long,
    ] {
        // Straight on the server's disk, then through SMB and back.
        std::fs::write(place.join(name), name)?;
        let listed = pool.list(&SharePath::root()).await?;
        assert!(listed.iter().any(|entry| entry.name == name), "{name:?} is listed");
        let item = SharePath::root().child(name)?;
        assert_eq!(pool.stat(&item).await?.size, name.len() as u64, "{name:?}");
        assert_eq!(read_all(&pool, &item).await?, name.as_bytes());
        pool.delete_file(&item).await?;
        assert!(!place.join(name).exists(), "{name:?}");

        pool.create_file(&item).await?;
        assert!(place.join(name).exists(), "{name:?} is created as it is");
        pool.delete_file(&item).await?;
    }
    let mut whole = SharePath::root();
    for name in &deep {
        whole = whole.child(name)?;
        pool.create_dir(&whole).await?;
    }
    let file = whole.child("at the bottom")?;
    pool.create_file(&file).await?;
    assert_eq!(pool.stat(&file).await?.size, 0);
    assert!(place.join(deep.join("/")).join("at the bottom").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn case_only_renames_work() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_file(&path("readme.txt")).await?;
    pool.create_dir(&path("folder")).await?;
    pool.rename(&path("readme.txt"), &path("README.txt"), false).await?;
    pool.rename(&path("folder"), &path("Folder"), false).await?;
    let mut names: Vec<_> =
        pool.list(&SharePath::root()).await?.into_iter().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(names, ["Folder", "README.txt"]);
    // The server's rule: any spelling finds it.
    assert_eq!(pool.stat(&path("readme.TXT")).await?.name, "readme.TXT");
    Ok(())
}

/// Why `docs/known-limits.md` says that nothing can be done: stand-ins lead to such a file no more than its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_smb_cannot_carry_is_seen_and_leads_nowhere() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    std::fs::write(fixture.samba.share_dir("data").join("a:b?.txt"), "x")?;
    let names: Vec<_> = pool.list(&SharePath::root()).await?.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a:b?.txt"]);
    assert!(SharePath::parse("a:b?.txt").is_err());
    refused(pool.stat(&path("a\u{f022}b\u{f025}.txt")).await, ShareErrorKind::NotFound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_under_its_reader() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    let (old, new) = (bytes_of(3_000_000), bytes_of(2_000_001));
    std::fs::write(fixture.samba.share_dir("data").join("target"), &old)?;

    for publish in [false, true] {
        let reader = pool.open_read(&path("target")).await?;
        let before = reader.metadata().clone();
        let mut writer = pool.create_for_write(&path(".temporary")).await?;
        writer.write(new.clone().into()).await?;
        let after = if publish {
            writer.publish(&path("target"), true).await?
        } else {
            writer.finish().await?;
            pool.rename(&path(".temporary"), &path("target"), true).await?
        };
        assert_eq!((after.size, after.name.as_str()), (new.len() as u64, "target"));
        assert_eq!(pool.stat(&path("target")).await?, after);
        assert_ne!(after.version(), before.version());
        // The reader still has the old file, whole.
        let mut stream = reader.stream(0..u64::MAX, ReadAhead::default());
        let mut read = Vec::new();
        while let Some(bytes) = stream.next().await {
            read.extend_from_slice(&bytes?);
        }
        assert_eq!(digest(&read), digest(if publish { &new } else { &old }));
        assert_eq!(digest(&read_all(&pool, &path("target")).await?), digest(&new));
        refused(pool.stat(&path(".temporary")).await, ShareErrorKind::NotFound);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_finished_leaves_nothing() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, place) = (fixture.pool("data"), fixture.samba.share_dir("data").to_owned());
    std::fs::write(place.join("taken"), "old")?;
    std::fs::create_dir(place.join("directory"))?;

    let mut aborted = pool.create_for_write(&path("aborted")).await?;
    aborted.write(bytes_of(3_000_000).into()).await?;
    aborted.abort().await;
    assert!(!place.join("aborted").exists(), "it is gone when abort returns");

    let mut refused_publish = pool.create_for_write(&path("unpublished")).await?;
    refused_publish.write("new".into()).await?;
    let refusal = refused_publish.publish(&path("taken"), false).await.expect_err("taken");
    assert_eq!(refusal.error.kind(), ShareErrorKind::AlreadyExists);
    // It could still get another name.
    refusal.file.expect("the file").abort().await;
    assert!(!place.join("unpublished").exists());
    assert_eq!(std::fs::read(place.join("taken"))?, b"old");

    let mut onto_directory = pool.create_for_write(&path("unpublished")).await?;
    onto_directory.write("new".into()).await?;
    assert!(onto_directory.publish(&path("directory"), true).await.is_err());
    fixture.eventually(|| !place.join("unpublished").exists()).await;

    let mut dropped = pool.create_for_write(&path("dropped")).await?;
    dropped.write(bytes_of(3_000_000).into()).await?;
    drop(dropped);
    fixture.eventually(|| !place.join("dropped").exists()).await;

    // The connection is cut: the server cleans up, without us.
    let mut cut = pool.create_for_write(&path("cut")).await?;
    cut.write(bytes_of(3_000_000).into()).await?;
    pool.close();
    fixture.eventually(|| !place.join("cut").exists()).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_creates_a_file() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    for round in 0..10 {
        let name = path(&format!("race {round}"));
        let racers = (0..16).map(|_| pool.create_file(&name));
        let outcomes = futures::future::join_all(racers).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            let kind = outcome.expect_err("filtered").kind();
            assert!(matches!(kind, ShareErrorKind::AlreadyExists | ShareErrorKind::InUse), "{kind:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_set_and_kept() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_file(&path("timed")).await?;
    let noon = FileTime::from_unix_seconds(1_600_000_000);
    let set =
        pool.set_times(&path("timed"), NewTimes { modified: Some(noon), ..NewTimes::default() }).await?;
    assert_eq!(set.modified, noon);
    let seen = pool.stat(&path("timed")).await?;
    assert_eq!(seen.modified, noon);
    assert_eq!(pool.list(&SharePath::root()).await?[0].modified, noon);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_copies_by_itself() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, place) = (fixture.pool("data"), fixture.samba.share_dir("data").to_owned());
    let content = bytes_of(50 * 1024 * 1024 + 77);
    std::fs::write(place.join("source"), &content)?;
    let mut steps = Vec::new();
    let copied = pool.server_copy(&path("source"), &path("copy"), |bytes| steps.push(bytes)).await?;
    assert_eq!(copied.size, content.len() as u64);
    assert_eq!(digest(&std::fs::read(place.join("copy"))?), digest(&content));
    assert!(steps.is_sorted() && steps.last() == Some(&(content.len() as u64)), "{steps:?}");
    refused(pool.server_copy(&path("source"), &path("copy"), |_| {}).await, ShareErrorKind::AlreadyExists);
    refused(pool.server_copy(&path("none"), &path("copy 2"), |_| {}).await, ShareErrorKind::NotFound);

    std::fs::write(place.join("empty"), "")?;
    assert_eq!(pool.server_copy(&path("empty"), &path("empty copy"), |_| {}).await?.size, 0);

    // Given up at any point, it leaves nothing, or all of it when it was as good as done.
    for (round, patience) in [1_u64, 3, 5, 8, 12, 15, 20, 30].into_iter().enumerate() {
        let (source, copy) = (path("source"), path(&format!("given up {round}")));
        let copying = pool.server_copy(&source, &copy, |_| {});
        let _ = tokio::time::timeout(std::time::Duration::from_millis(patience), copying).await;
    }
    fixture.nothing_open().await?;
    for round in 0..8 {
        if let Ok(left) = std::fs::read(place.join(format!("given up {round}"))) {
            assert!(digest(&left) == digest(&content), "{} bytes of round {round} were left", left.len());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_told_apart_and_deleted_alone() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (pool, place) = (fixture.pool("data"), fixture.samba.share_dir("data").to_owned());
    std::fs::write(place.join("file"), "content")?;
    std::os::unix::fs::symlink("file", place.join("link"))?;
    // Samba follows links within the share unseen: what it shows is the file.
    assert_eq!(pool.stat(&path("link")).await?.size, 7);
    pool.delete_link(&path("link")).await?;
    assert!(place.join("file").exists());
    assert!(std::fs::symlink_metadata(place.join("link")).is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_and_leaves_no_rubbish() -> anyhow::Result<()> {
    let Some(fixture) = Fixture::with_tiny_share(8 * 1024 * 1024)? else {
        println!("skipped: cannot mount a tmpfs here");
        return Ok(());
    };
    let pool = fixture.pool("tiny");
    let mut writer = pool.create_for_write(&path("too big")).await?;
    let piece = bytes::Bytes::from(vec![7; 1024 * 1024]);
    let mut outcome = Ok(());
    for _ in 0..32 {
        outcome = writer.write(piece.clone()).await;
        if outcome.is_err() {
            break;
        }
    }
    refused(outcome, ShareErrorKind::DiskFull);
    refused(writer.finish().await, ShareErrorKind::DiskFull);
    let place = fixture.samba.share_dir("tiny").to_owned();
    fixture.eventually(|| !place.join("too big").exists()).await;
    Ok(())
}
