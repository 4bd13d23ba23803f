//! A Samba and pools on it.
#![expect(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use causeway_samba::{Samba, Share};
use causeway_smb::{PoolLimits, ReadAhead, ShareError, ShareErrorKind, SharePool, Target};
use futures::StreamExt;
use sha2::{Digest, Sha256};

pub(crate) struct Fixture {
    pub(crate) samba: Samba,
    mounted: Option<Mount>,
}

struct Mount(tempfile::TempDir);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

impl Fixture {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self { samba: Samba::start()?, mounted: None })
    }

    /// With a share `tiny` on a file system of its own; `None` where that cannot be mounted.
    pub(crate) fn with_tiny_share(bytes: u64) -> anyhow::Result<Option<Self>> {
        let place = tempfile::tempdir()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "causeway-test"])
            .arg(place.path())
            .output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            return Ok(None);
        }
        let path: PathBuf = place.path().to_owned();
        let mounted = Mount(place);
        let samba = Samba::builder().share(Share::new("tiny").at(&path)).start()?;
        Ok(Some(Self { samba, mounted: Some(mounted) }))
    }

    /// With named streams on the share `data`; `None` where smbd lacks the module for them.
    pub(crate) fn with_streams() -> anyhow::Result<Option<Self>> {
        let fixture = Self::start()?;
        let configuration = std::fs::read_to_string(fixture.samba.home().join("smb.conf"))?;
        Ok(configuration.contains("streams_xattr").then_some(fixture))
    }

    /// Lets smbclient run a command on the share `data`.
    pub(crate) fn smbclient(&self, command: &str) -> anyhow::Result<String> {
        let output = Command::new("smbclient")
            .arg("--configfile")
            .arg(self.samba.home().join("smb.conf"))
            .args(["--port", &self.samba.port().to_string()])
            .args(["--user", &format!("{}%{}", self.samba.user(), self.samba.password())])
            .args(["//127.0.0.1/data", "--command", command])
            .output()?;
        let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        anyhow::ensure!(output.status.success(), "{command}: {out}{err}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Who may do what with an item of the share `data`, and whose it is, as the server tells it. What it tells twice
    /// is here once.
    pub(crate) fn permissions(&self, name: &str) -> anyhow::Result<BTreeSet<String>> {
        let listed = self.smbclient(&format!("showacls; ls {name}"))?;
        let (mut found, mut permissions) = (BTreeSet::new(), "");
        for line in listed.lines().map(str::trim) {
            if line.starts_with("Permissions:") {
                permissions = line;
            } else if line.starts_with("SID:") {
                found.insert(format!("{permissions} {line}"));
            } else if line.starts_with("Owner") || line.starts_with("Group") {
                found.insert(line.to_owned());
            }
        }
        anyhow::ensure!(found.len() > 3, "{listed}");
        Ok(found)
    }

    pub(crate) fn target(&self, share: &str) -> Target {
        Target::new("127.0.0.1", self.samba.port(), share, self.samba.user(), self.samba.password())
    }

    pub(crate) fn pool(&self, share: &str) -> SharePool {
        SharePool::new(self.target(share), PoolLimits::default())
    }

    /// Waits for what happens in the background, ten seconds at most.
    pub(crate) async fn eventually(&self, mut condition: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it never happens");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The server holds no handle of ours any more.
    pub(crate) async fn nothing_open(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let open = self.samba.open_files()?;
            if open.is_empty() {
                return Ok(());
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{} still open: {:?}",
                open.len(),
                open.first()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(crate) fn path(text: &str) -> SharePath {
    SharePath::parse(text).expect("a valid path")
}

#[track_caller]
pub(crate) fn refused<T: Debug>(outcome: Result<T, ShareError>, kind: ShareErrorKind) {
    let error = outcome.expect_err("must be refused");
    assert_eq!(error.kind(), kind, "{error:?}");
}

/// Bytes without a pattern that a misplaced piece could hide in; the same for the same size.
pub(crate) fn bytes_of(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ size as u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) async fn read_all(pool: &SharePool, path: &SharePath) -> Result<Vec<u8>, ShareError> {
    let handle = pool.open_read(path).await?;
    let mut stream = handle.stream(0..u64::MAX, ReadAhead::default());
    let mut content = Vec::new();
    while let Some(bytes) = stream.next().await {
        content.extend_from_slice(&bytes?);
    }
    drop(stream);
    handle.close().await;
    Ok(content)
}
