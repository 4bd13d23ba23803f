//! The server starts fast, several at once, and survives its own death.

use std::time::{Duration, Instant};

use causeway_samba::{Samba, Share};

#[test]
fn it_serves_its_shares_and_comes_back_after_a_kill() -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut samba = Samba::start()?;
    println!("started in {:?}", begun.elapsed());
    std::fs::write(samba.share_dir("data").join("here.txt"), "x")?;

    let listed = samba.smbclient("data", &["-c", "ls"])?;
    assert!(listed.status.success(), "{listed:?}");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("here.txt"));
    assert!(samba.smbclient("readonly", &["-c", "ls"])?.status.success());
    assert!(!samba.smbclient("readonly", &["-c", "mkdir x"])?.stdout.is_empty());
    assert!(samba.smbclient("enc", &["--client-protection=encrypt", "-c", "ls"])?.status.success());

    let port = samba.port();
    samba.kill9();
    assert!(!samba.smbclient("data", &["-c", "ls"])?.status.success());
    samba.restart()?;
    assert_eq!(samba.port(), port);
    assert!(samba.smbclient("data", &["-c", "ls"])?.status.success());
    Ok(())
}

#[test]
fn several_run_side_by_side() -> anyhow::Result<()> {
    let all = (0..4).map(|_| Samba::start()).collect::<anyhow::Result<Vec<_>>>()?;
    for (number, samba) in all.iter().enumerate() {
        std::fs::write(samba.share_dir("second").join(format!("file-{number}")), "")?;
    }
    for (number, samba) in all.iter().enumerate() {
        let listed = samba.smbclient("second", &["-c", "ls"])?;
        assert!(String::from_utf8_lossy(&listed.stdout).contains(&format!("file-{number}")), "{listed:?}");
    }
    Ok(())
}

#[test]
fn further_shares_have_their_own_place_and_settings() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let samba =
        Samba::builder().share(Share::new("more").at(place.path()).option("read only", "yes")).start()?;
    std::fs::write(place.path().join("inside"), "")?;
    let listed = samba.smbclient("more", &["-c", "ls"])?;
    assert!(String::from_utf8_lossy(&listed.stdout).contains("inside"), "{listed:?}");
    Ok(())
}

#[test]
fn nothing_runs_on_after_the_owner() -> anyhow::Result<()> {
    let samba = Samba::start()?;
    let address = samba.addr();
    drop(samba);
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(5), "smbd still answers");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
