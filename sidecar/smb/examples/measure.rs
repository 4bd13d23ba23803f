//! Measures the pool against `smbclient` on the same smbd, in the same run.
//!
//! `cargo run --release -p causeway-smb --example measure [WHAT…]`, where WHAT is any of `read`, `write`, `list`, `stat`,
//! `mixed`, `memory`, `encrypted`; all of them without. `MIB` sets the size of the large file (1024), `CHUNK` (KiB) and
//! `REQUESTS` the read-ahead.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use causeway_samba::Samba;
use causeway_smb::{PoolLimits, ReadAhead, ShareError, SharePool, Target};
use futures::StreamExt;

/// Each figure is the median of so many runs.
const RUNS: usize = 3;
const ENTRIES: usize = 10_000;
/// What an HTTP body comes in.
const UPLOAD_PIECE: usize = 64 * 1024;

struct Bench {
    samba: Samba,
    mebibytes: u64,
    ahead: ReadAhead,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |what: &str| wanted.is_empty() || wanted.iter().any(|word| word == what);
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let default = ReadAhead::default();
    let bench = Bench {
        samba: Samba::start()?,
        mebibytes: number("MIB", 1024),
        ahead: ReadAhead {
            chunk: u32::try_from(number("CHUNK", u64::from(default.chunk) / 1024) * 1024)?,
            requests: usize::try_from(number("REQUESTS", default.requests as u64))?,
        },
    };
    bench.prepare()?;
    if wants("list") {
        bench.list().await?;
    }
    if wants("stat") {
        bench.stat().await?;
    }
    if wants("mixed") {
        bench.mixed().await?;
    }
    if wants("read") {
        bench.read("data").await?;
    }
    if wants("write") {
        bench.write("data").await?;
    }
    if wants("encrypted") {
        bench.read("enc").await?;
        bench.write("enc").await?;
    }
    if wants("memory") {
        bench.memory().await?;
    }
    Ok(())
}

impl Bench {
    fn prepare(&self) -> anyhow::Result<()> {
        let block = vec![0x5a_u8; 1024 * 1024];
        for share in ["data", "enc"] {
            let mut file = std::fs::File::create(self.samba.share_dir(share).join("large"))?;
            for _ in 0..self.mebibytes {
                std::io::Write::write_all(&mut file, &block)?;
            }
        }
        let many = self.samba.share_dir("data").join("many");
        std::fs::create_dir(&many)?;
        for number in 0..ENTRIES {
            std::fs::write(many.join(format!("some file {number:05}.txt")), "")?;
        }
        Ok(())
    }

    fn pool(&self, share: &str) -> SharePool {
        let target =
            Target::new("127.0.0.1", self.samba.port(), share, self.samba.user(), self.samba.password());
        SharePool::new(target, PoolLimits::default())
    }

    fn smbclient(&self, share: &str, commands: &str) -> anyhow::Result<Duration> {
        median(|| {
            let begun = Instant::now();
            let output = self.samba.smbclient(share, &["-c", commands])?;
            anyhow::ensure!(output.status.success(), "smbclient: {output:?}");
            Ok(begun.elapsed())
        })
    }

    fn rate(&self, time: Duration) -> f64 {
        self.mebibytes as f64 * 1.048_576 / time.as_secs_f64()
    }

    async fn read(&self, share: &str) -> anyhow::Result<()> {
        let cpu_before = cpu_seconds()?;
        let theirs = self.smbclient(share, "get large /dev/null")?;
        let pool = self.pool(share);
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            let bytes = download(&pool, self.ahead).await?;
            times.push(begun.elapsed());
            assert_eq!(bytes, self.mebibytes * 1024 * 1024);
        }
        self.report(&format!("read {share}"), times, theirs);
        report_cpu(cpu_before)?;
        Ok(())
    }

    async fn write(&self, share: &str) -> anyhow::Result<()> {
        let local = self.samba.share_dir(share).join("large");
        let cpu_before = cpu_seconds()?;
        let theirs = self.smbclient(share, &format!("put {} theirs", local.display()))?;
        let pool = self.pool(share);
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            upload(&pool, "ours", self.mebibytes).await?;
            times.push(begun.elapsed());
            pool.delete_file(&path("ours")).await?;
        }
        self.report(&format!("write {share}"), times, theirs);
        report_cpu(cpu_before)?;
        Ok(())
    }

    fn report(&self, what: &str, mut times: Vec<Duration>, theirs: Duration) {
        times.sort();
        let ours = times[times.len() / 2];
        println!(
            "{what:12} {:7.0} MB/s   smbclient {:7.0} MB/s   ratio {:.2}",
            self.rate(ours),
            self.rate(theirs),
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }

    async fn list(&self) -> anyhow::Result<()> {
        let theirs = self.smbclient("data", "ls many/*")?;
        let mut cold = Vec::new();
        let mut warm = Vec::new();
        for _ in 0..RUNS {
            let pool = self.pool("data");
            let begun = Instant::now();
            assert_eq!(pool.list(&path("many")).await?.len(), ENTRIES);
            cold.push(begun.elapsed());
            let begun = Instant::now();
            assert_eq!(pool.list(&path("many")).await?.len(), ENTRIES);
            warm.push(begun.elapsed());
        }
        cold.sort();
        warm.sort();
        println!(
            "list {ENTRIES}   {:?} with connect, {:?} without   smbclient {:?}   ratio {:.2}",
            cold[1],
            warm[1],
            theirs,
            theirs.as_secs_f64() / cold[1].as_secs_f64()
        );
        Ok(())
    }

    async fn stat(&self) -> anyhow::Result<()> {
        let pool = self.pool("data");
        let (mut times, elapsed) = stats(&pool, 32, Duration::from_secs(3)).await?;
        println!("stat x32     {:.0}/s   {}", times.len() as f64 / elapsed.as_secs_f64(), spread(&mut times));
        let (mut times, elapsed) = stats(&pool, 1, Duration::from_secs(1)).await?;
        println!("stat x1      {:.0}/s   {}", times.len() as f64 / elapsed.as_secs_f64(), spread(&mut times));
        Ok(())
    }

    /// One after the other, infos while 32 listings run all the time.
    async fn mixed(&self) -> anyhow::Result<()> {
        let pool = self.pool("data");
        let stop = Instant::now() + Duration::from_secs(5);
        let listings: Vec<_> = (0..32)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    let mut count = 0;
                    while Instant::now() < stop {
                        assert_eq!(pool.list(&path("many")).await?.len(), ENTRIES);
                        count += 1;
                    }
                    Ok::<_, ShareError>(count)
                })
            })
            .collect();
        let (mut times, _) = stats(&pool, 1, Duration::from_secs(5)).await?;
        let mut count = 0;
        for listing in listings {
            count += listing.await??;
        }
        println!("stat beside {count} listings   {} infos   {}", times.len(), spread(&mut times));
        Ok(())
    }

    /// Four downloads and two uploads at once.
    async fn memory(&self) -> anyhow::Result<()> {
        let before = status("VmRSS")?;
        let pool = self.pool("data");
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let (pool, ahead) = (pool.clone(), self.ahead);
            tasks.push(tokio::spawn(async move { download(&pool, ahead).await.map(drop) }));
        }
        for number in 0..2 {
            let (pool, mebibytes) = (pool.clone(), self.mebibytes);
            tasks.push(tokio::spawn(async move { upload(&pool, &format!("up {number}"), mebibytes).await }));
        }
        for task in tasks {
            task.await??;
        }
        println!(
            "memory       4 downloads + 2 uploads: {} kB before, {} kB at most since start, {:.0} MB/s together",
            before,
            status("VmHWM")?,
            self.rate(begun.elapsed()) * 6.0
        );
        Ok(())
    }
}

async fn download(pool: &SharePool, ahead: ReadAhead) -> Result<u64, ShareError> {
    let handle = pool.open_read(&path("large")).await?;
    let mut stream = handle.stream(0..u64::MAX, ahead);
    let mut bytes = 0;
    while let Some(piece) = stream.next().await {
        bytes += piece?.len() as u64;
    }
    Ok(bytes)
}

async fn upload(pool: &SharePool, name: &str, mebibytes: u64) -> Result<(), ShareError> {
    let piece = bytes::Bytes::from(vec![0x5a_u8; UPLOAD_PIECE]);
    let mut writer = pool.create_for_write(&path(name)).await?;
    for _ in 0..mebibytes * 1024 * 1024 / UPLOAD_PIECE as u64 {
        writer.write(piece.clone()).await?;
    }
    writer.finish().await.map(drop)
}

async fn stats(
    pool: &SharePool,
    at_once: usize,
    span: Duration,
) -> anyhow::Result<(Vec<Duration>, Duration)> {
    pool.stat(&SharePath::root()).await?;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..at_once)
        .map(|task| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                let mut number = task;
                while begun.elapsed() < span {
                    number = (number + 37) % ENTRIES;
                    let one = Instant::now();
                    pool.stat(&path(&format!("many/some file {number:05}.txt"))).await?;
                    times.push(one.elapsed());
                }
                Ok::<_, ShareError>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok((times, begun.elapsed()))
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!("p50 {:?}  p99 {:?}  max {:?}", at(0.5), at(0.99), at(1.0))
}

fn median(mut run: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    let mut times = (0..RUNS).map(|_| run()).collect::<anyhow::Result<Vec<_>>>()?;
    times.sort();
    Ok(times[RUNS / 2])
}

/// Processor time of this process and of its children that have ended, in seconds.
fn cpu_seconds() -> anyhow::Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
        .unwrap_or_default();
    // utime, stime, cutime, cstime in hundredths; the first field after the name is the third.
    let at = |number: usize| fields.get(number - 3).copied().unwrap_or(0.0) / 100.0;
    Ok((at(14) + at(15), at(16) + at(17)))
}

fn report_cpu(before: (f64, f64)) -> anyhow::Result<()> {
    let after = cpu_seconds()?;
    let runs = RUNS as f64;
    println!(
        "             processor time a run: {:.2} s, smbclient {:.2} s",
        (after.0 - before.0) / runs,
        (after.1 - before.1) / runs
    );
    Ok(())
}

fn status(field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    Ok(line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0))
}

fn path(text: &str) -> SharePath {
    SharePath::parse(text).unwrap_or_default()
}
