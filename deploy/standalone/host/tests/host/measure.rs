//! Figures rather than rules: `cargo test -p causeway-host --release --test host measure -- --ignored --nocapture`.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::routing::{get as on_get, put};
use bytes::Bytes;
use causeway_host::{Host, SidecarRoute};
use futures::stream;
use http_body_util::BodyExt as _;

use crate::harness::{Served, app, config, get, read, request, start};

const CHUNK: usize = 256 << 10;
const GIB: usize = 1 << 30;

/// Resident memory of this process in MiB.
fn resident() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
        })
        .map_or(0, |kib: u64| kib / 1024)
}

/// CPU seconds that this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn sidecar() -> Router {
    let chunk = Bytes::from(vec![7; CHUNK]);
    Router::new()
        .route("/small", on_get(|| async { "small" }))
        .route(
            "/gib",
            on_get(move || {
                let chunk = chunk.clone();
                async move {
                    Body::from_stream(stream::iter(
                        (0..GIB / CHUNK).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
                    ))
                }
            }),
        )
        .route(
            "/file",
            put(|body: Body| async move {
                let mut body = body;
                let mut length = 0;
                while let Some(Ok(frame)) = body.frame().await {
                    length += frame.data_ref().map_or(0, Bytes::len);
                }
                length.to_string()
            }),
        )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes its time, and its figures mean something on an idle machine only"]
async fn measure() {
    drop(start(config(), sidecar()).await);
    let app = app();
    let started = Instant::now();
    let host = Host::start(app, config(), SidecarRoute::InProcess(sidecar())).await.expect("it starts");
    let ready = started.elapsed();
    get(&host, "/probe/seen").await;
    println!(
        "start from a warm cache {ready:?}, first answer after {:?}, resident {} MiB",
        started.elapsed(),
        resident()
    );

    for path in ["/probe/seen", "/solo/seen", "/probe/fetch?to=sidecar.internal/small"] {
        const REQUESTS: usize = 20_000;
        let (began, used) = (Instant::now(), cpu());
        let workers = (0..16).map(|_| {
            let host = host.clone();
            tokio::spawn(async move {
                for _ in 0..REQUESTS / 16 {
                    read(host.handle(request(path)).await).await;
                }
            })
        });
        futures::future::join_all(workers).await;
        println!(
            "{path}: {:.0} requests/s, {:.1} us of CPU each",
            20_000.0 / began.elapsed().as_secs_f64(),
            (cpu() - used) * 1e6 / 20_000.0
        );
    }
    println!("resident {} MiB", resident());

    let served = Served::new(host, Router::new()).await;
    for parallel in [1, 4] {
        let (began, used) = (Instant::now(), cpu());
        let downloads = (0..parallel).map(|_| {
            let url = served.url("/probe/relay?to=sidecar.internal/gib");
            // A client outside of this process, so that its CPU does not count.
            tokio::process::Command::new("curl").args(["-sS", "-o", "/dev/null", &url]).status()
        });
        for status in futures::future::join_all(downloads).await {
            assert!(status.expect("curl runs").success());
        }
        println!(
            "{parallel} downloads: {:.2} GiB/s, {:.2} s of CPU per GiB, resident {} MiB",
            f64::from(parallel) / began.elapsed().as_secs_f64(),
            (cpu() - used) / f64::from(parallel),
            resident()
        );
    }
    let (began, used) = (Instant::now(), cpu());
    let url = served.url("/probe/upload?to=sidecar.internal/file");
    let upload = format!("head -c {GIB} /dev/zero | curl -sS -T - -H 'Expect:' '{url}'");
    let output = tokio::process::Command::new("sh").args(["-c", &upload]).output().await.expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), GIB.to_string());
    println!(
        "1 upload: {:.2} GiB/s, {:.2} s of CPU, resident {} MiB",
        1.0 / began.elapsed().as_secs_f64(),
        cpu() - used,
        resident()
    );
    served.stopped().await;
}
