//! Locks a second: taken, kept alive, given back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causeway_tests::Share;
use serde_json::Value;

use crate::rig::{Rig, percentile};
use crate::table::{Table, milliseconds};

/// Clients at the same time.
const CLIENTS: usize = 32;

/// Files of each of them.
const FILES: usize = 60;

/// Files of a client that is alone.
const FILES_ALONE: usize = 300;

/// Signs of life for each lock.
const HEARTBEATS: usize = 4;

/// 99 of 100 operations of a single client may take this long: somebody waits for a lock that he has clicked on.
const ALONE_WITHIN: Duration = Duration::from_millis(50);

/// The same of one among many.
const AMONG_MANY_WITHIN: Duration = Duration::from_millis(500);

/// One client and many, by the browser's routes: those of the companion do the same after they have read a token. First
/// all locks are taken, each on a file of its own, then all are kept alive, then all are given back.
pub(crate) async fn locks(rig: &Rig, table: &mut Table) -> Result<()> {
    for (clients, files, within) in [(1, FILES_ALONE, ALONE_WITHIN), (CLIENTS, FILES, AMONG_MANY_WITHIN)] {
        let mut holders = Vec::with_capacity(clients);
        for client in 0..clients {
            let paths: Vec<_> =
                (0..files).map(|number| format!("locked/{client:02}-{number:03}.txt")).collect();
            for path in &paths {
                rig.folder().write(path, "");
            }
            let paths = paths.iter().map(|path| rig.folder().at(path));
            let held = paths.map(|path| Held { path, lock: Value::Null }).collect();
            let share = rig.share();
            // Connections are made before anything is measured.
            ensure!(share.lock_status(rig.folder().path()).try_send().await?.status() == 200, "no status");
            holders.push(Holder { share, held });
        }
        for (kind, times) in [(Kind::Acquire, 1), (Kind::Heartbeat, HEARTBEATS), (Kind::Release, 1)] {
            let start = Instant::now();
            let tasks: Vec<_> =
                holders.drain(..).map(|holder| tokio::spawn(holder.work(kind, times))).collect();
            let mut all = Vec::new();
            for task in tasks {
                let (holder, times) = task.await.context("a client died")??;
                holders.push(holder);
                all.extend(times);
            }
            let rate = f64::from(u32::try_from(all.len())?) / start.elapsed().as_secs_f64();
            let (half, most) = (percentile(&mut all, 50), percentile(&mut all, 99));
            let shown = format!("{rate:.0}/s, p50 {}, p99 {}", milliseconds(half), milliseconds(most));
            let who = if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") };
            let aim = format!("p99 <= {} ms", within.as_millis());
            table.add(
                &format!("{} of a lock, {who}", kind.name()),
                shown,
                String::new(),
                &aim,
                most <= within,
            );
        }
    }
    Ok(())
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Acquire,
    Heartbeat,
    Release,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Heartbeat => "heartbeat",
            Self::Release => "release",
        }
    }
}

/// A client with files of its own.
struct Holder {
    share: Share,
    held: Vec<Held>,
}

/// A file, and what its lock was answered with.
struct Held {
    path: String,
    lock: Value,
}

impl Holder {
    /// Does something so many times to each file, one after the other, and says how long each took.
    async fn work(mut self, kind: Kind, times: usize) -> Result<(Self, Vec<Duration>)> {
        let mut took = Vec::with_capacity(self.held.len() * times);
        for _ in 0..times {
            for Held { path, lock } in &mut self.held {
                let ask = match kind {
                    Kind::Acquire => self.share.browser_lock(path),
                    Kind::Heartbeat => self.share.browser_heartbeat(path, lock),
                    Kind::Release => self.share.browser_unlock(path, lock),
                };
                let start = Instant::now();
                let answer = ask.try_send().await?;
                took.push(start.elapsed());
                ensure!(answer.status() == 200, "{}: {}", answer.status(), answer.text());
                if matches!(kind, Kind::Acquire) {
                    *lock = answer.json();
                }
            }
        }
        Ok((self, took))
    }
}
