//! Clients that say nothing, little, or too slowly, and those that are slow and honest.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request as AxumRequest;
use axum::routing::{get as on_get, put};
use causeway_host::{ComponentLimits, HostConfig, Limits};
use futures::{StreamExt as _, stream};
use http::StatusCode;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::harness::{PATIENCE, Served, config, get, raw, start};

async fn serve(limits: Limits, solo: ComponentLimits, sidecar: Router) -> Served {
    let component_limits = [("solo".to_owned(), solo)].into();
    let host = start(HostConfig { limits, component_limits, ..config() }, sidecar).await;
    Served::new(host, Router::new()).await
}

async fn serve_within(limits: Limits) -> Served {
    serve(limits, ComponentLimits::default(), Router::new()).await
}

async fn status(served: &Served, path: &str) -> StatusCode {
    let answer = tokio::time::timeout(PATIENCE, reqwest::get(served.url(path))).await.expect("in time");
    answer.expect("an answer").status()
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_dropped() {
    let limits = Limits { header_read_timeout: Duration::from_millis(300), ..Limits::default() };
    let served = serve_within(limits).await;
    let started = Instant::now();
    raw(&served, b"GET /probe/seen HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    assert!(started.elapsed() < Duration::from_secs(5));
    served.stopped().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_dropped() {
    let limits =
        Limits { body_idle_timeout: Duration::from_millis(500), concurrent_requests: 1, ..Limits::default() };
    let served = serve_within(limits).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    // More than all buffers on the way can hold.
    stream.write_all(b"GET /probe/write?pieces=2000&ms=0 HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
    stream.readable().await.expect("the answer begins");
    // Its place comes back although it neither reads nor goes.
    let answer =
        tokio::time::timeout(PATIENCE, reqwest::get(served.url("/probe/seen"))).await.expect("in time");
    assert_eq!(answer.expect("an answer").status(), 200);
    drop(stream);
    served.stopped().await;
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let limits = Limits { header_read_timeout: Duration::from_millis(300), ..Limits::default() };
    let served = serve_within(limits).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // Nothing, the beginning of what tells the version, an HTTP/2 connection without a stream, and one that is kept.
    for bytes in [&b""[..], b"PRI * HT", preface, b"GET /probe/seen HTTP/1.1\r\nhost: a\r\n\r\n"] {
        raw(&served, bytes).await;
    }
    // One at work is not.
    assert_eq!(status(&served, "/probe/sleep?ms=1500").await, StatusCode::OK);
    served.stopped().await;
}

/// Sends a request head, then a byte of its body each 50 ms, until the server has had enough; returns the answer.
fn trickle(served: &Served, head: &str) -> JoinHandle<String> {
    let (address, head) = (served.address, head.to_owned());
    tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(head.as_bytes()).await.expect("sent");
        let (mut reading, mut writing) = stream.split();
        let mut answer = String::new();
        let sending = async {
            while writing.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = reading.read_to_string(&mut answer) => {}
            () = sending => {}
        }
        answer
    })
}

#[tokio::test]
async fn small_bodies_that_trickle_in_take_no_place() {
    let limits =
        Limits { concurrent_requests: 1, body_start_timeout: Duration::from_secs(2), ..Limits::default() };
    let served = serve_within(limits).await;
    let trickles: Vec<_> = ["content-length: 400", "transfer-encoding: chunked\r\ncontent-type: text/plain"]
        .iter()
        .cycle()
        .take(16)
        .map(|framing| {
            // A chunk of 256 bytes, of which the trickle sends one at a time.
            let chunk = if framing.starts_with("transfer") { "100\r\n" } else { "" };
            trickle(&served, &format!("POST /probe/echo HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{chunk}"))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(status(&served, "/probe/seen").await, StatusCode::OK);
    for trickle in trickles {
        let answer = tokio::time::timeout(PATIENCE, trickle).await.expect("in time").expect("no panic");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains(r#"{"detail":"The request body did not arrive in time"}"#), "{answer}");
    }
    served.stopped().await;
}

/// A sidecar that counts what it is sent.
fn counting() -> Router {
    Router::new().route(
        "/file",
        put(|request: AxumRequest| async move {
            let mut body = request.into_body();
            let mut length = 0;
            while let Some(Ok(frame)) = body.frame().await {
                length += frame.data_ref().map_or(0, bytes::Bytes::len);
            }
            length.to_string()
        }),
    )
}

#[tokio::test]
async fn an_upload_that_becomes_a_trickle_gives_its_place_back() {
    let limits = Limits {
        body_idle_timeout: Duration::from_secs(1),
        body_start_timeout: Duration::from_secs(1),
        concurrent_requests: 1,
        queue_wait: PATIENCE,
        ..Limits::default()
    };
    let served = serve(limits, ComponentLimits::default(), counting()).await;
    // More than is waited for at the beginning, so that it takes a place.
    let head = format!(
        "PUT /probe/upload?to=sidecar.internal/file HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n{}",
        "x".repeat(20_000)
    );
    let trickle = trickle(&served, &head);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(status(&served, "/probe/seen").await, StatusCode::OK);
    trickle.abort();
    served.stopped().await;
}

#[tokio::test]
async fn an_honest_slow_upload_goes_on() {
    let limits = Limits { body_idle_timeout: Duration::from_secs(2), ..Limits::default() };
    let served = serve(limits, ComponentLimits::default(), counting()).await;
    // Three times as long as a body may stand still.
    let pieces = stream::iter(0..60).then(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::convert::Infallible>(vec![0; 1600])
    });
    let answer = reqwest::Client::new()
        .put(served.url("/probe/upload?to=sidecar.internal/file"))
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.text().await.expect("text"), (60 * 1600).to_string());
    served.stopped().await;
}

#[tokio::test]
async fn slow_clients_of_one_function_leave_the_others_alone() {
    let solo = ComponentLimits { concurrent_requests: Some(4), ..ComponentLimits::default() };
    let limits = Limits { queue_wait: Duration::from_millis(300), ..Limits::default() };
    let served = serve(limits, solo, counting()).await;
    let head = format!(
        "PUT /solo/upload?to=sidecar.internal/file HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n{}",
        "x".repeat(20_000)
    );
    let uploads: Vec<_> = (0..8).map(|_| trickle(&served, &head)).collect();
    // All of its places are taken, by half of them.
    let deadline = Instant::now() + PATIENCE;
    while status(&served, "/solo/seen").await != StatusCode::SERVICE_UNAVAILABLE {
        assert!(Instant::now() < deadline, "slow uploads take no place");
    }
    for _ in 0..20 {
        assert_eq!(status(&served, "/probe/seen").await, StatusCode::OK);
    }
    for upload in &uploads {
        upload.abort();
    }
    // With the clients their places come back.
    while status(&served, "/solo/seen").await != StatusCode::OK {
        assert!(Instant::now() < deadline, "the places do not come back");
    }
    served.stopped().await;
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_a_large_download() {
    const LENGTH: usize = 24 << 20;
    const SLOWLY: Duration = Duration::from_secs(15);
    let sidecar = Router::new().route("/large", on_get(|| async { Body::from(vec![7; LENGTH]) }));
    let limits = Limits { body_idle_timeout: Duration::from_secs(4), ..Limits::default() };
    let served = serve(limits, ComponentLimits::default(), sidecar).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let request =
        b"GET /probe/relay?to=sidecar.internal/large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    // About 100 KB/s: the queues of the system, left alone, would take writes further apart than the limit.
    let (mut piece, mut received) = (vec![0; 10_000], 0);
    let began = Instant::now();
    while began.elapsed() < SLOWLY {
        received += stream.read(&mut piece).await.expect("it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(received < LENGTH / 4, "this was to be slow");
    received += stream.read_to_end(&mut Vec::new()).await.expect("it goes on");
    assert!(received > LENGTH, "with its head it is all there: {received}");
    served.stopped().await;
}

#[tokio::test]
async fn a_stream_of_http2_whose_window_stays_closed_gives_its_place_back() {
    let limits = Limits {
        body_idle_timeout: Duration::from_millis(500),
        concurrent_requests: 1,
        queue_wait: PATIENCE,
        ..Limits::default()
    };
    let served = serve_within(limits).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let path = b"/probe/write?pieces=4&ms=0";
    // SETTINGS with SETTINGS_INITIAL_WINDOW_SIZE 0 (RFC 9113 6.5.2), then HEADERS that end stream and headers: GET and
    // http of the static table, :path and :authority as literals (RFC 7541 6.1, 6.2.2).
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0".to_vec();
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).expect("short")];
    block.extend_from_slice(path);
    block.extend_from_slice(b"\x01\x01a");
    bytes.extend_from_slice(&[0, 0, u8::try_from(block.len()).expect("short"), 1, 5, 0, 0, 0, 1]);
    bytes.extend_from_slice(&block);
    stream.write_all(&bytes).await.expect("sent");
    // The frames until the head of the answer: it is at work, and its body cannot leave.
    loop {
        let mut head = [0; 9];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut head))
            .await
            .expect("in time")
            .expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.expect("its payload");
        if head[3] == 1 {
            break;
        }
    }
    assert_eq!(status(&served, "/probe/seen").await, StatusCode::OK);
    drop(stream);
    served.stopped().await;
}

#[tokio::test]
async fn a_call_waits_no_longer_than_its_component_may() {
    let sidecar = Router::new().route("/hang", on_get(std::future::pending::<()>));
    let solo = ComponentLimits { longest_call: Duration::from_millis(300), ..ComponentLimits::default() };
    let component_limits = [("solo".to_owned(), solo)].into();
    let host = start(HostConfig { component_limits, ..config() }, sidecar).await;
    let (answered, text) = get(&host, "/solo/fetch?to=sidecar.internal/hang").await;
    assert_eq!(answered, StatusCode::BAD_GATEWAY, "{text}");
    // Another component's bound is its own.
    let other =
        tokio::time::timeout(Duration::from_secs(2), get(&host, "/probe/fetch?to=sidecar.internal/hang"));
    assert!(other.await.is_err());
}
