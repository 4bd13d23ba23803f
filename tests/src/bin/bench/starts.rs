//! Starting, and doing nothing.

use std::time::Duration;

use anyhow::Result;
use causeway_tests::{Process, Product, ProductOptions};

use crate::rig::{Rig, median};
use crate::table::{Table, milliseconds};

/// The very first start may take this long.
const COLD_WITHIN: Duration = Duration::from_secs(5);

/// A later start may take this long.
const WARM_WITHIN: Duration = Duration::from_millis(100);

/// Later starts of which the middle one counts.
const STARTS: usize = 7;

/// What the idle product may occupy, in bytes.
const IDLE: u64 = 80_000_000;

/// How long it is left alone before its memory is looked at.
const LEFT_ALONE: Duration = Duration::from_secs(3);

/// From the start of the process to the first moment at which it answers.
pub(crate) fn cold_and_warm(table: &mut Table) -> Result<()> {
    let mut product = Product::start(ProductOptions { own_cache: true, ..ProductOptions::default() })?;
    let cold = product.started_in();
    table.add("very first start", milliseconds(cold), String::new(), "< 5 s", cold < COLD_WITHIN);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        product.stop()?;
        product.start_again()?;
        times.push(product.started_in());
    }
    let warm = median(times);
    table.add(
        "start with compiled components",
        milliseconds(warm),
        String::new(),
        "< 100 ms",
        warm < WARM_WITHIN,
    );
    Ok(())
}

/// After a sign-in, a listing and a download of a file.
pub(crate) async fn idle_memory(rig: &Rig, table: &mut Table) -> Result<()> {
    let share = rig.share();
    let _ = share.list(&rig.folder().at("few")).try_send().await?;
    let _ = share.download(&rig.folder().at("few/a file of usual length 00001.txt")).try_send().await?;
    tokio::time::sleep(LEFT_ALONE).await;
    let memory: u64 = rig.processes().map(Process::resident_memory).sum::<Result<u64>>()?;
    table.add("idle memory", format!("{} MB", memory / 1_000_000), String::new(), "< 80 MB", memory < IDLE);
    Ok(())
}
