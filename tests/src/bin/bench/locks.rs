//! Locks a second: taken, kept alive, given back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causeway_tests::{Ask, Share};
use serde_json::Value;

use crate::rig::{Rig, percentile};
use crate::table::{Table, milliseconds};

/// Clients at the same time.
const CLIENTS: usize = 32;

/// How long is measured.
const FOR: Duration = Duration::from_secs(6);

/// Left out at the beginning, while connections are made.
const WARM_UP: Duration = Duration::from_secs(1);

/// Signs of life for each lock that is taken and given back.
const HEARTBEATS: usize = 4;

/// 99 of 100 operations of a single client may take this long: somebody waits for a lock that he has clicked on.
const ALONE_WITHIN: Duration = Duration::from_millis(50);

/// The same of one among many.
const AMONG_MANY_WITHIN: Duration = Duration::from_millis(500);

/// What is measured.
const KINDS: [&str; 3] = ["acquire", "heartbeat", "release"];

/// What one client has measured, by kind.
type Times = [Vec<Duration>; KINDS.len()];

/// One client and many, each with a file of its own, by the browser's routes: those of the companion do the same after
/// they have read a token.
pub(crate) async fn locks(rig: &Rig, table: &mut Table) -> Result<()> {
    for number in 0..CLIENTS {
        rig.folder().write(&file(number), "");
    }
    for (clients, within) in [(1, ALONE_WITHIN), (CLIENTS, AMONG_MANY_WITHIN)] {
        let begin = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|number| tokio::spawn(edit(rig.share(), rig.folder().at(&file(number)), begin)))
            .collect();
        let mut all = Times::default();
        for task in tasks {
            let times = task.await.context("a client died")??;
            for (all, own) in all.iter_mut().zip(times) {
                all.extend(own);
            }
        }
        for (kind, times) in KINDS.iter().zip(&mut all) {
            let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
            // Each kind has only a part of the time, so that its rate is that of the clients while they do nothing else.
            let busy = times.iter().sum::<Duration>().as_secs_f64() / f64::from(u32::try_from(clients)?);
            let (half, most) = (percentile(times, 50), percentile(times, 99));
            let rate = f64::from(count) / busy;
            let shown = format!("{rate:.0}/s, p50 {}, p99 {}", milliseconds(half), milliseconds(most));
            let who = if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") };
            let aim = format!("p99 <= {} ms", within.as_millis());
            table.add(&format!("{kind} of a lock, {who}"), shown, String::new(), &aim, most <= within);
        }
    }
    Ok(())
}

fn file(number: usize) -> String {
    format!("locked {number:02}.txt")
}

/// Takes a lock, keeps it alive, gives it back, and again.
async fn edit(share: Share, path: String, begin: Instant) -> Result<Times> {
    let mut times = Times::default();
    while begin.elapsed() < WARM_UP + FOR {
        let lock = timed(share.browser_lock(&path), begin, &mut times[0]).await?;
        for _ in 0..HEARTBEATS {
            timed(share.browser_heartbeat(&path, &lock), begin, &mut times[1]).await?;
        }
        timed(share.browser_unlock(&path, &lock), begin, &mut times[2]).await?;
    }
    Ok(times)
}

async fn timed(ask: Ask, begin: Instant, times: &mut Vec<Duration>) -> Result<Value> {
    let start = Instant::now();
    let answer = ask.try_send().await?;
    let time = start.elapsed();
    ensure!(answer.status() == 200, "{}: {}", answer.status(), answer.text());
    if begin.elapsed() > WARM_UP {
        times.push(time);
    }
    Ok(answer.json())
}
