//! How long a listing takes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::rig::{FEW, MANY, Rig, median};
use crate::table::{Table, milliseconds};

/// Runs of which the middle one counts.
const RUNS: usize = 15;

/// Runs of the quick one.
const QUICK_RUNS: usize = 100;

/// A listing of 100 entries may take this long.
const FEW_WITHIN: Duration = Duration::from_millis(5);

async fn listings(rig: &Rig, directory: &str, entries: usize, runs: usize) -> Result<Duration> {
    let share = rig.share();
    let mut times = Vec::new();
    for run in 0..=runs {
        let start = Instant::now();
        let answer = share.list(&rig.folder().at(directory)).try_send().await?;
        let time = start.elapsed();
        let total = answer.json()["total"].as_u64();
        ensure!(total == Some(entries as u64), "{directory}: {total:?} entries");
        // The first one opens the session.
        if run > 0 {
            times.push(time);
        }
    }
    Ok(median(times))
}

pub(crate) async fn hundred(rig: &Rig, table: &mut Table) -> Result<()> {
    let ours = listings(rig, "few", FEW, QUICK_RUNS).await?;
    table.add("list of 100 entries", milliseconds(ours), String::new(), "< 5 ms", ours < FEW_WITHIN);
    Ok(())
}

pub(crate) async fn ten_thousand(rig: &Rig, table: &mut Table) -> Result<()> {
    let ours = listings(rig, "many", MANY, RUNS).await?;
    let command = format!("ls \\{}\\many\\*", rig.folder().path());
    let theirs = median((0..RUNS).map(|_| rig.smbclient(&command)).collect::<Result<_>>()?);
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let shown = format!("{} ({ratio:.2}x the time)", milliseconds(ours));
    table.add("list of 10,000 entries", shown, milliseconds(theirs), "<= 1.0x the time", ratio <= 1.0);
    Ok(())
}
