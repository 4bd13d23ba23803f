//! Connections: signing in, encryption, the server's death, cancelled calls, lanes.

#[path = "share/fixture.rs"]
mod fixture;

use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use causeway_smb::{PoolLimits, ReadAhead, ShareErrorKind, SharePool, Target};
use fixture::{Fixture, bytes_of, digest, path, read_all, refused};
use futures::StreamExt;

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_missing_shares_are_told_apart() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let port = fixture.samba.port();
    let pool = |share: &str, user: &str, password: &str| {
        SharePool::new(Target::new("127.0.0.1", port, share, user, password), PoolLimits::default())
    };
    let (user, password) = (fixture.samba.user(), fixture.samba.password());
    let root = SharePath::root();

    refused(pool("data", user, "wrong").stat(&root).await, ShareErrorKind::LogonRefused);
    refused(pool("data", "nobody-known", password).stat(&root).await, ShareErrorKind::LogonRefused);
    refused(pool("data", "", "").stat(&root).await, ShareErrorKind::LogonRefused);
    refused(pool("data", "Guest", "").stat(&root).await, ShareErrorKind::LogonRefused);
    refused(pool("no-such-share", user, password).stat(&root).await, ShareErrorKind::ShareNotFound);
    refused(pool("data", user, "wrong").test().await, ShareErrorKind::LogonRefused);
    refused(pool("no-such-share", user, password).test().await, ShareErrorKind::ShareNotFound);

    let good = pool("data", user, password);
    let identity = good.test().await?;
    assert_eq!(good.connections(), 0, "a test leaves no connection");
    assert_eq!(pool("DATA", user, password).server_identity().await?, identity);
    assert_ne!(pool("second", user, password).server_identity().await?, identity);
    assert!(pool("data", &format!("WORKGROUP\\{user}"), password).stat(&root).await.is_ok());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_fails_once_for_all_who_wait() -> anyhow::Result<()> {
    // Nobody listens here.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let pool = SharePool::new(Target::new("127.0.0.1", port, "data", "u", "p"), PoolLimits::default());
    refused(pool.stat(&SharePath::root()).await, ShareErrorKind::Unreachable);

    // Somebody listens and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let limits = PoolLimits { connect_timeout: Duration::from_millis(700), ..PoolLimits::default() };
    let pool =
        SharePool::new(Target::new("127.0.0.1", silent.local_addr()?.port(), "data", "u", "p"), limits);
    let begun = Instant::now();
    let calls = (0..50).map(|_| pool.stat(const { &SharePath::root() }));
    for outcome in futures::future::join_all(calls).await {
        refused(outcome, ShareErrorKind::Unreachable);
    }
    refused(pool.stat(&SharePath::root()).await, ShareErrorKind::Unreachable);
    assert!(begun.elapsed() < Duration::from_millis(1400), "one wait for all: {:?}", begun.elapsed());

    let pool =
        SharePool::new(Target::new("no-such-host.invalid", 445, "data", "u", "p"), PoolLimits::default());
    refused(pool.stat(&SharePath::root()).await, ShareErrorKind::Unreachable);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_demands_encryption_gets_it_and_others_do_not() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let (enc, data) = (fixture.pool("enc"), fixture.pool("data"));
    let content = bytes_of(5_000_001);
    for pool in [&enc, &data] {
        let mut writer = pool.create_for_write(&path("written")).await?;
        writer.write(content.clone().into()).await?;
        writer.finish().await?;
        assert_eq!(digest(&read_all(pool, &path("written")).await?), digest(&content));
        assert_eq!(pool.list(&SharePath::root()).await?.len(), 1);
        pool.stat(&path("written")).await?;
    }
    assert!(enc.is_encrypted().await?);
    assert!(!data.is_encrypted().await?);

    // What smbd itself says about the connections: service, then cipher, then signing.
    let status = fixture.samba.smbstatus(&["--shares"])?;
    let lines = |share: &str| -> Vec<String> {
        status.lines().filter(|line| line.starts_with(share)).map(str::to_owned).collect()
    };
    assert!(!lines("enc").is_empty() && !lines("data").is_empty(), "{status}");
    assert!(lines("enc").iter().all(|line| line.contains("AES-")), "{status}");
    let sessions = fixture.samba.smbstatus(&["--processes"])?;
    assert!(sessions.contains("AES-128-GMAC") || sessions.contains("AES-128-CMAC"), "signed: {sessions}");
    assert!(
        lines("data").iter().all(|line| !line.contains("GCM") && !line.contains("CCM")),
        "not encrypted: {status}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_encrypts_everything_is_spoken_to() -> anyhow::Result<()> {
    let samba = causeway_samba::Samba::builder().global("smb encrypt", "required").start()?;
    let target = Target::new("127.0.0.1", samba.port(), "data", samba.user(), samba.password());
    let pool = SharePool::new(target, PoolLimits::default());
    pool.create_file(&path("secret")).await?;
    assert!(pool.is_encrypted().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_cipher_cannot_serve_an_encrypted_share() -> anyhow::Result<()> {
    // SMB 2.1 knows no encryption.
    let samba = causeway_samba::Samba::builder().global("server max protocol", "SMB2_10").start()?;
    let pool = |share: &str| {
        let target = Target::new("127.0.0.1", samba.port(), share, samba.user(), samba.password());
        SharePool::new(target, PoolLimits::default())
    };
    refused(pool("enc").stat(&SharePath::root()).await, ShareErrorKind::EncryptionRequired);
    // The rest works on the old dialect too.
    let data = pool("data");
    let content = bytes_of(2_000_003);
    let mut writer = data.create_for_write(&path("written")).await?;
    writer.write(content.clone().into()).await?;
    writer.finish().await?;
    assert_eq!(digest(&read_all(&data, &path("written")).await?), digest(&content));
    assert_eq!(data.list(&SharePath::root()).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn smb_3_0_encrypts_too() -> anyhow::Result<()> {
    let samba = causeway_samba::Samba::builder().global("server max protocol", "SMB3_00").start()?;
    let target = Target::new("127.0.0.1", samba.port(), "enc", samba.user(), samba.password());
    let pool = SharePool::new(target, PoolLimits::default());
    pool.create_file(&path("x")).await?;
    assert!(pool.is_encrypted().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_calls_leave_nothing_behind() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let place = fixture.samba.share_dir("data").to_owned();
    for number in 0..3_000 {
        std::fs::write(place.join(format!("{number:04}")), "")?;
    }
    std::fs::write(place.join("large"), bytes_of(16 * 1024 * 1024))?;
    let pool = fixture.pool("data");
    pool.stat(&SharePath::root()).await?;

    let large = path("large");
    for attempt in 0..200_u64 {
        let patience = Duration::from_micros(attempt * 61 % 6_000);
        let _ = tokio::time::timeout(patience, pool.list(&SharePath::root())).await;
        let _ = tokio::time::timeout(patience, async {
            let mut batches = pool.list_batches(&SharePath::root()).await?;
            batches.next().await.transpose()
        })
        .await;
        let _ = tokio::time::timeout(patience, pool.stat(&large)).await;
        let _ = tokio::time::timeout(patience, async {
            let handle = pool.open_read(&large).await?;
            let mut stream = handle.stream(0..u64::MAX, ReadAhead::default());
            while let Some(piece) = stream.next().await {
                piece?;
            }
            Ok::<_, causeway_smb::ShareError>(())
        })
        .await;
        let name = path(&format!("written {attempt}"));
        let _ = tokio::time::timeout(patience, async {
            let mut writer = pool.create_for_write(&name).await?;
            for _ in 0..8 {
                writer.write(vec![1; 700_000].into()).await?;
            }
            writer.flush().await
        })
        .await;
        let _ = tokio::time::timeout(patience, pool.rename(&path("0000"), &path("0000"), false)).await;
    }
    fixture.nothing_open().await?;
    let left: Vec<_> = std::fs::read_dir(&place)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("written"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(pool.connections() <= 8);
    let begun = Instant::now();
    assert_eq!(pool.list(&SharePath::root()).await?.len(), 3_001);
    assert_eq!(digest(&read_all(&pool, &large).await?), digest(&bytes_of(16 * 1024 * 1024)));
    assert!(begun.elapsed() < Duration::from_secs(5));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_noticed_at_once_and_found_again() -> anyhow::Result<()> {
    let mut fixture = Fixture::start()?;
    let place = fixture.samba.share_dir("data").to_owned();
    let content = bytes_of(64 * 1024 * 1024);
    std::fs::write(place.join("large"), &content)?;
    let pool = fixture.pool("data");

    for _ in 0..3 {
        let handle = pool.open_read(&path("large")).await?;
        let mut stream = handle.stream(0..u64::MAX, ReadAhead::default());
        stream.next().await.expect("a piece")?;
        let mut writer = pool.create_for_write(&path(".upload")).await?;
        writer.write(bytes_of(3_000_000).into()).await?;
        let mut batches = pool.list_batches(&SharePath::root()).await?;
        batches.next().await.expect("a batch")?;

        fixture.samba.kill9();
        let begun = Instant::now();
        let failure = loop {
            match stream.next().await.expect("does not end as if complete") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(failure.kind(), ShareErrorKind::ConnectionLost, "{failure:?}");
        let written = async {
            loop {
                if let Err(error) = writer.write(vec![0; 1_000_000].into()).await {
                    break error;
                }
            }
        };
        assert_eq!(written.await.kind(), ShareErrorKind::ConnectionLost);
        refused(writer.finish().await, ShareErrorKind::ConnectionLost);
        let down = pool.stat(&path("large")).await.expect_err("nobody is there");
        assert!(
            matches!(down.kind(), ShareErrorKind::Unreachable | ShareErrorKind::ConnectionLost),
            "{down:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());

        fixture.samba.restart()?;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(pool.stat(&path("large")).await?.size, content.len() as u64);
        assert_eq!(digest(&read_all(&pool, &path("large")).await?), digest(&content));
        // A server that was killed could not clean up; the name is as free as ever after a deletion.
        if place.join(".upload").exists() {
            pool.delete_file(&path(".upload")).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_two_calls_is_not_seen() -> anyhow::Result<()> {
    let mut fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_file(&path("file")).await?;
    for _ in 0..3 {
        fixture.samba.restart()?;
        pool.stat(&path("file")).await?;
        assert_eq!(pool.list(&SharePath::root()).await?.len(), 1);
        fixture.samba.restart()?;
        pool.rename(&path("file"), &path("file 2"), false).await?;
        pool.rename(&path("file 2"), &path("file"), false).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_costs_a_deadline_and_no_more() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let pool = fixture.pool("data");
    pool.create_file(&path("file")).await?;
    fixture.samba.freeze();
    let begun = Instant::now();
    refused(pool.stat(&path("file")).await, ShareErrorKind::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert_eq!(pool.connections(), 0, "a silent session is not used again");
    fixture.samba.thaw();
    pool.stat(&path("file")).await?;
    fixture.nothing_open().await
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_and_closed_pools_stay_closed() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let limits = PoolLimits { idle_timeout: Duration::from_secs(1), ..PoolLimits::default() };
    let pool = SharePool::new(fixture.target("data"), limits);
    pool.stat(&SharePath::root()).await?;
    assert_eq!(pool.connections(), 1);
    let begun = Instant::now();
    while pool.connections() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(40), "the connection stays");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    pool.stat(&SharePath::root()).await?;
    pool.close();
    assert_eq!(pool.connections(), 0);
    refused(pool.stat(&SharePath::root()).await, ShareErrorKind::ConnectionLost);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_and_transfers_do_not_stand_before_an_info() -> anyhow::Result<()> {
    let fixture = Fixture::start()?;
    let place = fixture.samba.share_dir("data").join("many");
    std::fs::create_dir(&place)?;
    for number in 0..10_000 {
        std::fs::write(place.join(format!("{number:05}")), "")?;
    }
    let pool = fixture.pool("data");
    pool.stat(&path("many")).await?;
    let busy: Vec<_> = (0..32)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.list(&path("many")).await.map(|entries| entries.len()) })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    let mut looks = 0;
    while busy.iter().any(|task| !task.is_finished()) {
        let begun = Instant::now();
        pool.stat(&path("many/00001")).await?;
        slowest = slowest.max(begun.elapsed());
        looks += 1;
    }
    for task in busy {
        assert_eq!(task.await??, 10_000);
    }
    println!("{looks} infos during 32 listings, the slowest took {slowest:?}");
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    Ok(())
}
