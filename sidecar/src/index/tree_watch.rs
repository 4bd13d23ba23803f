//! The watch over the whole tree of a connection: kept in force as long as its index lives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use causeway_smb::{ShareError, ShareErrorKind, SharePool, Watch, WatchEvent, WatchFilter, WatchOptions};
use rand::Rng as _;
use tokio::sync::mpsc;

use super::keeper::Word;
use super::news::{Halves, News};
use crate::metrics::Metrics;

/// Before the first new attempt; doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// Between two attempts with a password that was refused: accounts are locked after a few.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// By then Samba has its ear at the kernel, which it is told of the entries of the watched directory itself: it gets it
/// from another process of it, and may do so after the watch is in force.
const SETTLED: Duration = Duration::from_secs(2);

/// For how long the second half of a rename may follow the first one. They come in one answer, or in two right after
/// each other.
const HALVES_APART: Duration = Duration::from_secs(2);

/// A watch that lasted for so long did not fail at once.
const LASTED: Duration = Duration::from_mins(1);

/// Tells of directories that come and go, for ever; ends when nobody listens.
///
/// The first word is that the watch is in force, or that it is not for now. Each time that it is in force again after it
/// was not, it says so, because something may have been missed.
pub(super) async fn run(
    pool: SharePool,
    prefix: SharePath,
    words: mpsc::Sender<Word>,
    metrics: Arc<Metrics>,
) {
    let options = WatchOptions {
        filter: WatchFilter::DirectoryNames,
        recursive: true,
        buffer: WatchOptions::DEFAULT_BUFFER,
    };
    let mut failures = 0_u32;
    let mut is_first = true;
    let mut was_lost = false;
    loop {
        let started = Instant::now();
        let failure = match pool.watch(&prefix, options).await {
            Ok(mut watch) => {
                if std::mem::replace(&mut was_lost, true) {
                    metrics.directory_watch_reconnects.count();
                }
                if words.send(Word::Watching).await.is_err() {
                    return;
                }
                is_first = false;
                match follow(&mut watch, &words, &metrics).await {
                    Some(error) => error,
                    None => return,
                }
            }
            Err(error) => {
                metrics.directory_watch_failures.count();
                if std::mem::take(&mut is_first) && words.send(Word::NotWatching).await.is_err() {
                    return;
                }
                error
            }
        };
        failures = if started.elapsed() > LASTED { 1 } else { failures.saturating_add(1) };
        let pause = pause_after(failures, failure.kind());
        tracing::debug!(error = ?failure, ?pause, "the tree of a share is not watched");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = words.closed() => return,
        }
    }
}

/// Tells what a watch reports until it ends; why it did, or `None` when nobody listens.
async fn follow(watch: &mut Watch, words: &mpsc::Sender<Word>, metrics: &Metrics) -> Option<ShareError> {
    let mut halves = Halves::default();
    let settled = tokio::time::sleep(SETTLED);
    tokio::pin!(settled);
    let mut is_settled = false;
    loop {
        let apart = if halves.are_open() { HALVES_APART } else { Duration::MAX };
        let word = tokio::select! {
            biased;
            // Ahead of a server that reports without a pause.
            () = &mut settled, if !is_settled => {
                is_settled = true;
                Word::Settled
            }
            event = tokio::time::timeout(apart, watch.next()) => Word::News(match event {
                Ok(Ok(WatchEvent::Changed(changes))) => halves.take(changes),
                Ok(Ok(WatchEvent::Overflow)) => {
                    metrics.directory_watch_overflows.count();
                    // Everything is looked at, what is left of a rename included.
                    halves = Halves::default();
                    vec![News::Missed]
                }
                Ok(Err(error)) => return Some(error),
                Err(_) => halves.let_go(),
            }),
        };
        words.send(word).await.ok()?;
    }
}

/// How long to wait after so many failures in a row, of which this is the last. Never the same for two who failed at the
/// same moment.
pub(super) fn pause_after(failures: u32, kind: ShareErrorKind) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let pause = match kind {
        ShareErrorKind::LogonRefused => REFUSED_PAUSE,
        _ => doubled.min(LONGEST_PAUSE),
    };
    pause.mul_f64(rand::rng().random_range(0.8..1.2))
}
