//! Memory and query times of a million directories while more are added: `cargo run --release --example million`.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use causeway_directory_index::{DirectoryIndex, Query, snapshot};
use causeway_paths::{CaseRule, SharePath};

const WORDS: [&str; 24] = [
    "Project",
    "Archive",
    "Invoices",
    "alpha",
    "bravo",
    "Charlie",
    "Photos",
    "2024",
    "2025",
    "2026",
    "Backup",
    "client",
    "Résumés",
    "drafts",
    "final",
    "Marketing",
    "src",
    "build",
    "Documents",
    "Reports",
    "Q1",
    "Q2",
    "shared",
    "old",
];

fn name(number: usize) -> String {
    let first = WORDS[number % WORDS.len()];
    let second = WORDS[number / 7 % WORDS.len()];
    format!("{first} {second} {}", number % 1000)
}

/// Directories of a thousand in breadth-first order, three levels.
fn listing(number: usize) -> (SharePath, Vec<String>) {
    let names = (0..100).map(|child| name(number * 100 + child)).collect();
    let parent = match number {
        0 => String::new(),
        1..=100 => name(number - 1),
        _ => format!(
            "{}/{}",
            name((number - 101) / 100),
            name((number - 101) / 100 * 100 + 100 + (number - 101) % 100)
        ),
    };
    (SharePath::parse(&parent).unwrap_or_default(), names)
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
    kilobytes.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or_default() / 1000
}

/// Of this thread: what remains of a measurement on a busy machine.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default(),
    )
}

fn main() {
    let before = resident();
    let mut index = DirectoryIndex::new(CaseRule::Insensitive);
    let start = Instant::now();
    let mut number = 0;
    while index.len() < 1_000_000 {
        let (parent, names) = listing(number);
        let _ = index.add_children(&parent, &names);
        number += 1;
    }
    println!("{} directories added in {:?}", index.len(), start.elapsed());
    println!("{} MB by its own count, {} MB resident", index.bytes() / 1_000_000, resident() - before);

    let start = Instant::now();
    let header = snapshot::Header { connection: [0; 16], revision: 0, taken_at: 0 };
    let bytes = snapshot::encode(&index, &header);
    println!("snapshot of {} MB written in {:?}", bytes.len() / 1_000_000, start.elapsed());
    let start = Instant::now();
    let read = snapshot::decode(&bytes, CaseRule::Insensitive).map(|(_, index)| index.len());
    println!("and read ({read:?}) in {:?}", start.elapsed());
    drop(bytes);

    let (index, done) = (RwLock::new(index), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (parent, names) = listing(number);
                number += 1;
                if let Ok(mut index) = index.write() {
                    let _ = index.add_children(&parent, &names);
                }
                // As many as a server would tell at best.
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let queries = [
            "e",
            "ch",
            "charlie",
            "project charlie",
            "alpha/project",
            "resumes",
            "nothing like it",
            "q1 2026 final 77",
            "a b c",
            "Archive 2024 3",
            "/",
            "s/",
            "2",
            "charlie/",
        ];
        let mut all = Vec::new();
        for text in queries {
            let Some(query) = Query::parse(text) else { continue };
            let mut times: Vec<Duration> = Vec::new();
            let busy = processor_time();
            let mut total = 0;
            for _ in 0..100 {
                let start = Instant::now();
                if let Ok(index) = index.read() {
                    total = index.search(&query, false).total;
                }
                times.push(start.elapsed());
            }
            times.sort_unstable();
            let busy = processor_time().saturating_sub(busy) / 100;
            println!(
                "{text:>20}: {total:>7} found, p50 {:>8.2?}, p99 {:>8.2?}, on the processor {busy:.2?}",
                times[50], times[98]
            );
            all.extend(times);
        }
        all.sort_unstable();
        println!("all: p50 {:.2?}, p99 {:.2?}", all[all.len() / 2], all[all.len() * 99 / 100]);
        done.store(true, Ordering::Relaxed);
    });
    println!(
        "{} directories at the end, {} MB resident",
        index.read().map_or(0, |index| index.len()),
        resident() - before
    );
}
