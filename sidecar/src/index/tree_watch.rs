//! The watch over the whole tree of a connection: kept in force as long as its index lives.

use std::time::{Duration, Instant};

use causeway_paths::SharePath;
use causeway_smb::{ShareErrorKind, SharePool, WatchEvent, WatchFilter, WatchOptions};
use rand::Rng as _;
use tokio::sync::mpsc;

use super::keeper::Word;
use super::news::{self, News};

/// Before the first new attempt; doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// Between two attempts with a password that was refused: accounts are locked after a few.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// A watch that lasted for so long did not fail at once.
const LASTED: Duration = Duration::from_mins(1);

/// Tells of directories that come and go, for ever; ends when nobody listens.
///
/// The first word is that the watch is in force, or that it is not for now. Each time that it is in force again after it
/// was not, it says so, because something may have been missed.
pub(super) async fn run(pool: SharePool, prefix: SharePath, words: mpsc::Sender<Word>) {
    let options = WatchOptions {
        filter: WatchFilter::DirectoryNames,
        recursive: true,
        buffer: WatchOptions::DEFAULT_BUFFER,
    };
    let mut failures = 0_u32;
    let mut is_first = true;
    loop {
        let started = Instant::now();
        let failure = match pool.watch(&prefix, options).await {
            Ok(mut watch) => {
                if words.send(Word::Watching).await.is_err() {
                    return;
                }
                is_first = false;
                loop {
                    let news = match watch.next().await {
                        Ok(WatchEvent::Changed(changes)) => news::from_watch(changes),
                        Ok(WatchEvent::Overflow) => vec![News::Missed],
                        Err(error) => break error,
                    };
                    if words.send(Word::News(news)).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
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
