//! Finding directories: how fast a share is read, and how fast a million directories are searched meanwhile.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use causeway_directory_index::{DirectoryIndex, Query};
use causeway_paths::{CaseRule, SharePath};
use serde_json::json;

use crate::rig::{Rig, percentile};
use crate::table::{Table, milliseconds};

/// Directories of the share that is scanned: 20 with 20 each with 49 each.
const SCANNED: u32 = 20 + 20 * 20 + 20 * 20 * 49;

/// The slowest scan that is good enough, in directories per second: a million in a quarter of an hour.
const SCAN_RATE: f64 = 1000.0;

/// How often the scan is asked whether it is done.
const POLL: Duration = Duration::from_millis(20);

/// Directories of the index that is searched.
const INDEXED: usize = 1_000_000;

/// Bytes that it may take.
const INDEX_BYTES: usize = 200_000_000;

/// Searches of each kind.
const SEARCHES: usize = 100;

/// All but one of a hundred searches are answered within this.
const SEARCH_WITHIN: Duration = Duration::from_millis(20);

/// What people look for: one name, several words, a part of a path, nothing that exists, two letters.
const QUERIES: [&str; 6] =
    ["charlie", "project charlie", "alpha/project", "resumes", "nothing like it", "ch"];

/// Words of which names are made.
const WORDS: [&str; 16] = [
    "Project",
    "Archive",
    "Invoices",
    "alpha",
    "bravo",
    "Charlie",
    "Photos",
    "2024",
    "2025",
    "Backup",
    "client",
    "Résumés",
    "drafts",
    "final",
    "Marketing",
    "src",
];

/// Has the product read a share of 20,000 directories.
pub(crate) async fn scan(rig: &Rig, table: &mut Table) -> Result<()> {
    for (first, second) in (0..20).flat_map(|first| (0..20).map(move |second| (first, second))) {
        for third in 0..49 {
            rig.folder().make_directory(&format!("tree/first {first}/second {second}/third {third}"));
        }
    }
    let share = rig.share_below("tree").await;
    let start = Instant::now();
    let answer = loop {
        let answer = share.directories("").try_send().await?.json();
        if answer["cache_state"] == json!("ready") {
            break answer;
        }
        ensure!(start.elapsed() < Duration::from_mins(5), "the scan does not end: {answer}");
        tokio::time::sleep(POLL).await;
    };
    let time = start.elapsed();
    ensure!(answer["directory_count"] == json!(SCANNED), "{answer}");
    let rate = f64::from(SCANNED) / time.as_secs_f64();
    let shown = format!("{rate:.0} a second");
    table.add("scan of 20,000 directories", shown, String::new(), ">= 1,000 a second", rate >= SCAN_RATE);

    let mut times = Vec::new();
    for _ in 0..SEARCHES {
        let start = Instant::now();
        let answer = share.directories("second 7").try_send().await?;
        times.push(start.elapsed());
        ensure!(answer.status() == 200, "{}", answer.text());
    }
    let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
    let shown = format!("p50 {}, p99 {}", milliseconds(p50), milliseconds(p99));
    table.add("search of 20,000 directories", shown, String::new(), "p99 < 20 ms", p99 < SEARCH_WITHIN);
    Ok(())
}

/// Searches a million directories while a thread adds more, as fast as the best scan would.
pub(crate) fn search(table: &mut Table) -> Result<()> {
    let mut index = DirectoryIndex::new(CaseRule::Insensitive);
    let mut batch = 0;
    while index.len() < INDEXED {
        add_batch(&mut index, batch)?;
        batch += 1;
    }
    let bytes = index.bytes();
    let shown = format!("{} MB", bytes / 1_000_000);
    table.add("index of 1,000,000 directories", shown, String::new(), "< 200 MB", bytes < INDEX_BYTES);

    let (index, done) = (RwLock::new(index), AtomicBool::new(false));
    let mut times = std::thread::scope(|scope| {
        let adding = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if let Ok(mut index) = index.write() {
                    add_batch(&mut index, batch)?;
                }
                batch += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            anyhow::Ok(())
        });
        let mut times = Vec::new();
        for query in QUERIES.iter().filter_map(|text| Query::parse(text)) {
            for _ in 0..SEARCHES {
                let start = Instant::now();
                if let Ok(index) = index.read() {
                    std::hint::black_box(index.search(&query, false));
                }
                times.push(start.elapsed());
            }
        }
        done.store(true, Ordering::Relaxed);
        adding.join().map_or_else(|_| anyhow::bail!("adding panicked"), |added| added.map(|()| times))
    })?;
    let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
    let shown = format!("p50 {}, p99 {}", milliseconds(p50), milliseconds(p99));
    let what = "search of 1,000,000 directories while more are added";
    table.add(what, shown, String::new(), "p99 < 20 ms", p99 < SEARCH_WITHIN);
    Ok(())
}

/// Adds what one listing shows: a hundred directories, of which the first ones hold the later ones.
fn add_batch(index: &mut DirectoryIndex, batch: usize) -> Result<()> {
    let parent = match batch {
        0 => String::new(),
        1..=100 => name(batch - 1),
        _ => format!("{}/{}", name((batch - 101) / 100), name(100 + batch - 101)),
    };
    let names: Vec<String> = (0..100).map(|child| name(batch * 100 + child)).collect();
    index.add_children(&SharePath::parse(&parent)?, &names)?;
    Ok(())
}

fn name(number: usize) -> String {
    let (first, second) = (WORDS[number % WORDS.len()], WORDS[number / 5 % WORDS.len()]);
    format!("{first} {second} {number}")
}
