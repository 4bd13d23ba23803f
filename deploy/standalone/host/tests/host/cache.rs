//! The cache of compiled components.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causeway_host::{Host, HostConfig, SidecarRoute};
use http::StatusCode;

use crate::harness::{app, config, get};

async fn start(dir: &Path) -> (Host, Duration) {
    let app = app();
    let started = Instant::now();
    let config = HostConfig { cache_dir: Some(dir.to_owned()), ..config() };
    let host = Host::start(app, config, SidecarRoute::Network).await.expect("it starts");
    assert_eq!(get(&host, "/probe/seen").await.0, StatusCode::OK);
    (host, started.elapsed())
}

fn artifacts(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "cwasm"))
        .collect();
    found.sort();
    found
}

/// Puts other bytes in the place of a file. Running hosts have the old one mapped.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).expect("removed");
    fs::write(path, bytes).expect("written");
}

#[tokio::test]
async fn a_second_start_does_not_compile_and_a_spoilt_file_is_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = dir.path().join("made/on/demand");
    let (_first, cold) = start(&cache).await;
    let files = artifacts(&cache);
    assert_eq!(files.len(), 1, "two components with the same bytes share one file");
    let written = fs::metadata(&files[0]).expect("there").len();

    let (_second, warm) = start(&cache).await;
    assert!(warm < cold / 2, "cold {cold:?}, warm {warm:?}");
    println!("start to first answer: cold {cold:?}, warm {warm:?}");

    for spoil in [&b""[..], b"not native code", &vec![0; usize::try_from(written).expect("small")]] {
        replace(&files[0], spoil);
        let (_host, _) = start(&cache).await;
        assert_eq!(fs::metadata(&files[0]).expect("there").len(), written, "it was made anew");
    }
    // Cut in the middle, digest and all the rest as it was.
    let bytes = fs::read(&files[0]).expect("there");
    replace(&files[0], &bytes[..bytes.len() / 2]);
    let (_host, _) = start(&cache).await;
    assert_eq!(fs::metadata(&files[0]).expect("there").len(), written);
}

#[cfg(unix)]
#[tokio::test]
async fn the_directory_is_private_to_the_user() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a directory");
    let cache = dir.path().join("cache");
    fs::create_dir(&cache).expect("made");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).expect("set");
    let (_host, _) = start(&cache).await;
    assert_eq!(fs::metadata(&cache).expect("there").permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn without_a_usable_directory_the_host_still_starts() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "in the way").expect("written");
    let (_host, _) = start(&file).await;
}
