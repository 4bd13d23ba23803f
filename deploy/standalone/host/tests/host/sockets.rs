//! The host on a socket: limits of connections, routes of the program around it, the end.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use causeway_host::{HostConfig, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, Served, config, start, usual};

/// Sends bytes as they are and reads until the server closes.
async fn raw(served: &Served, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    // The server may answer and close before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn routes_of_the_program_come_first() {
    let extra = Router::new().route("/probe/seen", on_get(|| async { "from the program" }));
    let served = Served::new(usual().await, extra).await;
    let get = async |path: &str| {
        reqwest::get(served.url(path)).await.expect("an answer").text().await.expect("text")
    };
    assert_eq!(get("/probe/seen").await, "from the program");
    assert_eq!(get("/probe/sleep?ms=1").await, "slept");
    assert_eq!(get("/nothing").await, r#"{"detail":"Not Found"}"#);
    served.stopped().await;
}

#[tokio::test]
async fn a_websocket_of_the_program_shares_the_port() {
    use axum::extract::ws::{WebSocket, WebSocketUpgrade};
    async fn echo(mut socket: WebSocket) {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    let extra = Router::new()
        .route("/api/ws", on_get(|upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(echo) }));
    let served = Served::new(usual().await, extra).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let handshake = "GET /api/ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("in time").expect("a head"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    // "hi" in one text frame with a mask of zeros, and back without a mask (RFC 6455 5.2).
    stream.write_all(b"\x81\x82\0\0\0\0hi").await.expect("sent");
    let mut frame = [0; 4];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut frame)).await.expect("in time").expect("a frame");
    assert_eq!(&frame, b"\x81\x02hi");
    drop(stream);
    served.stopped().await;
}

#[tokio::test]
async fn http2_without_encryption_is_understood() {
    let served = Served::new(usual().await, Router::new()).await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    // The connection preface and an empty SETTINGS frame (RFC 9113 3.4).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    let mut head = [0; 9];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("in time").expect("a frame");
    assert_eq!(head[3], 4, "the server answers with its SETTINGS");
    drop(stream);
    served.stopped().await;
}

#[tokio::test]
async fn a_header_section_that_is_too_large_is_refused() {
    let limits = Limits { header_bytes: 4096, ..Limits::default() };
    let served =
        Served::new(start(HostConfig { limits, ..config() }, Router::new()).await, Router::new()).await;
    let request = format!(
        "GET /probe/seen HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-large: {}\r\n\r\n",
        "x".repeat(5000)
    );
    assert!(raw(&served, request.as_bytes()).await.starts_with("HTTP/1.1 431"), "refused by the host");
    let huge = format!("GET /probe/seen HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n", "x".repeat(2 << 20));
    assert!(raw(&served, huge.as_bytes()).await.starts_with("HTTP/1.1 431"), "refused by the parser");
    served.stopped().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_dropped() {
    let limits = Limits { header_read_timeout: Duration::from_millis(300), ..Limits::default() };
    let served =
        Served::new(start(HostConfig { limits, ..config() }, Router::new()).await, Router::new()).await;
    let started = Instant::now();
    raw(&served, b"GET /probe/seen HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
    assert!(started.elapsed() < Duration::from_secs(5));
    served.stopped().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_dropped() {
    let limits =
        Limits { body_idle_timeout: Duration::from_millis(500), concurrent_requests: 1, ..Limits::default() };
    let served =
        Served::new(start(HostConfig { limits, ..config() }, Router::new()).await, Router::new()).await;
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
async fn a_running_exchange_ends_before_the_server_does() {
    let served = Served::new(usual().await, Router::new()).await;
    let url = served.url("/probe/write?pieces=10&ms=50");
    let client = tokio::spawn(async move { reqwest::get(url).await?.bytes().await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    served.stop();
    let body = client.await.expect("no panic").expect("the whole body");
    assert_eq!(body.len(), 10 * 65_536);
    served.stopped().await;
}

#[tokio::test]
async fn the_drain_is_bounded() {
    let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
    let served =
        Served::new(start(HostConfig { limits, ..config() }, Router::new()).await, Router::new()).await;
    let url = served.url("/probe/sleep?ms=60000");
    let client = tokio::spawn(reqwest::get(url));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    served.stopped().await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(client.await.expect("no panic").is_err());
}
