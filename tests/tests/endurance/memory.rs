//! Memory stays flat, however much streams through.

use std::fs::File;

use causeway_tests::{Pattern, World, WorldOptions, drain};

const GIB: u64 = 1024 * 1024 * 1024;

/// What the product may need at most, in bytes, all its processes together.
const AT_MOST: u64 = 150 * 1000 * 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_downloads_and_two_uploads_of_a_gibibyte_at_once() {
    let world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("memory");
    // Holes cost no disk and read as zeros.
    for number in 0..4 {
        let file = File::create(folder.on_disk(&format!("down-{number}.bin"))).expect("a file");
        file.set_len(GIB).expect("a sparse file");
    }
    let share = world.editor().on(world.connection());
    let downloads = (0..4).map(|number| {
        let ask = share.download(&folder.at(&format!("down-{number}.bin")));
        tokio::spawn(
            async move { drain(ask.stream().await.expect("an answer")).await.expect("the whole file") },
        )
    });
    let pattern = Pattern::new(1);
    let uploads = [
        share.put(&folder.at("up-raw.bin"), pattern.reader(GIB)),
        share.upload(&folder.at("up-form.bin"), pattern.reader(GIB)),
    ];
    let uploads = uploads.map(|ask| {
        tokio::spawn(async move {
            let answer = ask.send().await;
            assert!(matches!(answer.status(), 200 | 201), "{}: {}", answer.status(), answer.text());
        })
    });
    for download in downloads.collect::<Vec<_>>() {
        assert_eq!(download.await.expect("a download"), GIB);
    }
    for upload in uploads {
        upload.await.expect("an upload");
    }
    for name in ["up-raw.bin", "up-form.bin"] {
        assert!(pattern.is_file(&folder.on_disk(name), GIB).expect("the file"), "{name}");
    }
    let (mut peak, mut shared) = (0, Vec::new());
    for process in world.product().processes() {
        peak += process.peak_memory().expect("a figure");
        shared.push(process.file_memory().expect("a figure"));
    }
    // They are one program, whose pages are in memory once.
    let total = peak - shared.iter().sum::<u64>() + shared.iter().max().expect("a process");
    println!("peak memory: {} MB in {} processes", total / 1_000_000, shared.len());
    assert!(total < AT_MOST, "{} MB of {}", total / 1_000_000, AT_MOST / 1_000_000);
}
