//! How quickly content flows.

use std::io::ErrorKind;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causeway_tests::{Pattern, drain};
use futures::StreamExt as _;

use crate::rig::{GIB, LARGE, Rig, median};
use crate::table::{Table, milliseconds};

/// Runs of which the middle one counts, ours and theirs in turn so that both meet the same weather.
const RUNS: usize = 5;

/// Ranges asked for.
const RANGES: u64 = 50;

/// The first byte of a range may take this long.
const FIRST_BYTE_WITHIN: Duration = Duration::from_millis(10);

/// Our rate must be at least this much of theirs.
const RATIO: f64 = 0.8;

/// Names of what is uploaded.
const OURS: &str = "ours.bin";
const THEIRS: &str = "theirs.bin";

fn rate(time: Duration) -> String {
    // 2^30 bytes a run; exact enough for a figure with three digits.
    format!("{:.0} MB/s", 1_073.741_824 / time.as_secs_f64())
}

fn compare(table: &mut Table, what: &str, ours: Duration, theirs: Duration) {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let shown = format!("{} ({ratio:.2}x the rate)", rate(ours));
    table.add(what, shown, rate(theirs), ">= 0.8x the rate", ratio >= RATIO);
}

pub(crate) async fn first_byte_of_a_range(rig: &Rig, table: &mut Table) -> Result<()> {
    let share = rig.share();
    let mut times = Vec::new();
    for number in 0..RANGES {
        // Another place each time, so that nobody has read it before.
        let offset = GIB / 2 + number * 4_000_037;
        let range = format!("bytes={offset}-{}", offset + 65_535);
        let start = Instant::now();
        let response = share.download(&rig.folder().at(LARGE)).header("range", &range).stream().await?;
        ensure!(response.status() == 206, "a range answered {}", response.status());
        let mut body = response.bytes_stream();
        body.next().await.context("no byte")?.context("no byte")?;
        times.push(start.elapsed());
        while let Some(chunk) = body.next().await {
            chunk.context("the range ended too early")?;
        }
    }
    let ours = median(times);
    let what = "first byte of a range 512 MiB into a file";
    table.add(what, milliseconds(ours), String::new(), "< 10 ms", ours < FIRST_BYTE_WITHIN);
    Ok(())
}

pub(crate) async fn download(rig: &Rig, table: &mut Table) -> Result<()> {
    let share = rig.share();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let command = format!("get \\{}\\{LARGE} /dev/null", rig.folder().path());
    for _ in 0..RUNS {
        let start = Instant::now();
        let length = drain(share.download(&rig.folder().at(LARGE)).stream().await?).await?;
        ours.push(start.elapsed());
        ensure!(length == GIB, "{length} bytes came");
        theirs.push(rig.smbclient(&command)?);
    }
    compare(table, "download of 1 GiB", median(ours), median(theirs));
    Ok(())
}

/// What an upload finds in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    AnotherFile,
}

/// The time, once nothing written before waits for the disk: `smbclient` does not have its file flushed and we do, and an
/// upload of ours shall not pay for the flushing of theirs.
fn settled(rig: &Rig, before: Before) -> Result<Instant> {
    if before == Before::Nothing {
        for name in [OURS, THEIRS] {
            match std::fs::remove_file(rig.folder().on_disk(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context(name),
                _ => {}
            }
        }
    }
    ensure!(Command::new("sync").status().context("no sync")?.success(), "sync failed");
    Ok(Instant::now())
}

pub(crate) async fn upload(rig: &Rig, table: &mut Table) -> Result<()> {
    upload_over(rig, table, Before::Nothing, "upload of 1 GiB").await?;
    upload_over(rig, table, Before::AnotherFile, "replacing 1 GiB").await
}

async fn upload_over(rig: &Rig, table: &mut Table, before: Before, what: &str) -> Result<()> {
    let share = rig.share();
    let pattern = Pattern::new(1);
    let source = tempfile::NamedTempFile::new().context("no temporary file")?;
    source.as_file().set_len(GIB).context("no temporary file")?;
    let command = format!("put {} \\{}\\{THEIRS}", source.path().display(), rig.folder().path());
    let path = rig.folder().at(OURS);
    let created = if before == Before::Nothing { 201 } else { 200 };
    let (mut raw, mut form, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..3 * RUNS {
        // Each comes first in turn.
        match (run + run / 3) % 3 {
            0 => {
                let start = settled(rig, before)?;
                let answer = share.put(&path, pattern.reader(GIB)).try_send().await?;
                raw.push(start.elapsed());
                ensure!(answer.status() == created, "the upload answered {}", answer.status());
            }
            1 => {
                let start = settled(rig, before)?;
                let answer = share.upload(&path, pattern.reader(GIB)).try_send().await?;
                form.push(start.elapsed());
                ensure!(answer.status() == 200, "the upload answered {}", answer.status());
            }
            _ => {
                settled(rig, before)?;
                theirs.push(rig.smbclient(&command)?);
            }
        }
    }
    let theirs = median(theirs);
    compare(table, &format!("{what}, raw"), median(raw), theirs);
    compare(table, &format!("{what}, form"), median(form), theirs);
    Ok(())
}
