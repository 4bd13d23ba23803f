//! What all measurements share: one world with the files to measure on.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causeway_samba::Samba;
use causeway_tests::{Folder, Process, Share, User, World, WorldOptions};

/// Length of the large file, in bytes.
pub(crate) const GIB: u64 = 1024 * 1024 * 1024;

/// Entries of the large directory.
pub(crate) const MANY: usize = 10_000;

/// Entries of the small directory.
pub(crate) const FEW: usize = 100;

/// Name of the large file.
pub(crate) const LARGE: &str = "large.bin";

/// A running product with something to look at.
pub(crate) struct Rig {
    world: World,
    folder: Folder,
}

impl Rig {
    pub(crate) async fn start() -> Result<Self> {
        let mut options = WorldOptions::default();
        // One user opens all of them.
        options.product.environment.push(("CAUSEWAY_MAX_SOCKETS_PER_USER".to_owned(), "15000".to_owned()));
        let world = World::start(options).await?;
        let folder = world.folder("bench");
        for (directory, count) in [("many", MANY), ("few", FEW)] {
            for number in 0..count {
                folder.write(&format!("{directory}/a file of usual length {number:05}.txt"), "");
            }
        }
        // A hole reads as zeros from memory: what is measured is the way, not the disk.
        let large = File::create(folder.on_disk(LARGE)).context("no large file")?;
        large.set_len(GIB).context("no large file")?;
        Ok(Self { world, folder })
    }

    pub(crate) fn share(&self) -> Share {
        self.world.editor().on(self.world.connection())
    }

    /// A connection whose root is one of the folder's directories.
    pub(crate) async fn share_below(&self, directory: &str) -> Share {
        let mut draft = self.world.draft(directory);
        draft["path_prefix"] = self.folder.at(directory).into();
        let user = self.world.editor();
        user.on(&self.world.connect(&user, draft).await)
    }

    pub(crate) fn user(&self) -> User {
        self.world.editor()
    }

    pub(crate) fn connection(&self) -> &str {
        self.world.connection()
    }

    pub(crate) fn samba(&self) -> &Samba {
        self.world.samba()
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The end of its log.
    pub(crate) fn last_log(&self) -> String {
        self.world.product().last_log()
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.world.product().processes()
    }

    /// How long `smbclient` takes for a command, from its start to its end: connecting is a part of it.
    pub(crate) fn smbclient(&self, command: &str) -> Result<Duration> {
        let start = Instant::now();
        let output = self.world.samba().smbclient("data", &["-c", command])?;
        let time = start.elapsed();
        ensure!(output.status.success(), "smbclient: {}", String::from_utf8_lossy(&output.stdout));
        Ok(time)
    }
}

/// The middle of several durations.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// That many per cent of the durations are not longer.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or_default()
}

/// What the figures were taken on.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores,{}; load average at the end {load}.\n", model.trim_start_matches(['\t', ' ', ':']))
}
