//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causeway_tests::Share;

use crate::rig::{MANY, Rig, percentile};
use crate::table::{Table, milliseconds};

/// Clients at the same time.
const CLIENTS: usize = 32;

/// How long `info` is asked for.
const FOR: Duration = Duration::from_secs(8);

/// Left out at the beginning, while connections are made.
const WARM_UP: Duration = Duration::from_secs(1);

/// Requests a second to reach.
const RATE: f64 = 2000.0;

/// `info` beside large listings may take this long in 99 of 100 cases.
const BESIDE_LISTINGS: Duration = Duration::from_millis(50);

/// Listings of each of the clients.
const LISTINGS_EACH: usize = 4;

/// Asks for `info` until told to stop; the times of the requests after the warm-up.
async fn ask_until(share: Share, path: String, stop: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let begin = Instant::now();
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let answer = share.info(&path).try_send().await?;
        ensure!(answer.status() == 200, "info answered {}", answer.status());
        if begin.elapsed() > WARM_UP {
            times.push(start.elapsed());
        }
    }
    Ok(times)
}

pub(crate) async fn info(rig: &Rig, table: &mut Table) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let path = rig.folder().at("few/a file of usual length 00042.txt");
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(ask_until(rig.share(), path.clone(), Arc::clone(&stop)))).collect();
    tokio::time::sleep(WARM_UP + FOR).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.context("a client died")??);
    }
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let rate = f64::from(count) / FOR.as_secs_f64();
    let (half, most) = (percentile(&mut times, 50), percentile(&mut times, 99));
    let shown = format!("{rate:.0}/s, p50 {}, p99 {}", milliseconds(half), milliseconds(most));
    table.add("info, 32 clients", shown, String::new(), ">= 2,000/s", rate >= RATE);
    Ok(())
}

pub(crate) async fn listings_beside_info(rig: &Rig, table: &mut Table) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let path = rig.folder().at("few/a file of usual length 00042.txt");
    let beside = tokio::spawn(ask_until(rig.share(), path, Arc::clone(&stop)));
    tokio::time::sleep(WARM_UP + Duration::from_millis(200)).await;
    let start = Instant::now();
    let directory = rig.folder().at("many");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (share, directory) = (rig.share(), directory.clone());
            tokio::spawn(async move {
                for _ in 0..LISTINGS_EACH {
                    let answer = share.list(&directory).try_send().await?;
                    ensure!(answer.status() == 200, "a listing answered {}", answer.status());
                    // Parsing the JSON would be the client's work, not the product's.
                    let ending = format!("\"total\":{MANY}");
                    ensure!(answer.text().contains(&ending), "a listing is not whole");
                }
                Ok(())
            })
        })
        .collect();
    let mut errors = 0;
    for client in clients {
        if let Err(fault) = client.await.context("a client died")? {
            println!("   {fault:#}");
            errors += 1;
        }
    }
    let took = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut times = beside.await.context("the client beside died")??;
    let most = percentile(&mut times, 99);
    let shown = format!(
        "{errors} errors, {} listings in {:.1} s, info p99 {} ({} requests)",
        CLIENTS * LISTINGS_EACH,
        took.as_secs_f64(),
        milliseconds(most),
        times.len()
    );
    let reached = errors == 0 && most <= BESIDE_LISTINGS;
    table.add(
        "32 listings of 10,000 at once, info beside them",
        shown,
        String::new(),
        "no error, p99 <= 50 ms",
        reached,
    );
    Ok(())
}
