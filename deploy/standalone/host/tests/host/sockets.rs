//! The host on a socket: limits of connections, routes of the program around it, the end.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use causeway_host::{HostConfig, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, Served, config, raw, start, usual};

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
async fn a_request_that_may_be_read_in_two_ways_is_refused() {
    let served = Served::new(usual().await, Router::new().route("/extra", on_get(|| async { "seen" }))).await;
    for (head, detail) in [
        ("GET /probe/seen HTTP/1.1\r\n", "There is no Host header"),
        ("GET http://a/probe/seen HTTP/1.1\r\n", "There is no Host header"),
        ("GET /extra HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "There is more than one Host header"),
        (
            "GET /probe/seen HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\r\nauthorization: Bearer b\r\n",
            "There is more than one Authorization header",
        ),
    ] {
        let answer = raw(&served, format!("{head}connection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head}: {answer}");
        assert!(answer.ends_with(&format!(r#"{{"detail":"{detail}"}}"#)), "{head}: {answer}");
    }
    // Two lengths are no request at all (the same one twice is taken as one, RFC 9110 8.6); HTTP/1.0 knows no Host.
    let torn = b"POST /probe/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n";
    assert!(raw(&served, torn).await.starts_with("HTTP/1.1 400"));
    assert!(raw(&served, b"GET /probe/seen HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200"));
    served.stopped().await;
}

#[tokio::test]
async fn a_websocket_counts_among_the_connections() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let extra = Router::new().route(
        "/api/ws",
        on_get(|upgrade: axum::extract::ws::WebSocketUpgrade| async move {
            upgrade.on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
        }),
    );
    let host = start(HostConfig { limits, ..config() }, Router::new()).await;
    let served = Served::new(host, extra).await;
    let mut socket = TcpStream::connect(served.address).await.expect("connected");
    let handshake = "GET /api/ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(handshake.as_bytes()).await.expect("sent");
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.expect("a head");
    assert_eq!(&head, b"HTTP/1.1 101");
    let request = b"GET /probe/seen HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut other = Box::pin(raw(&served, request));
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut other).await.is_err(), "no place is free");
    drop(socket);
    assert!(other.await.starts_with("HTTP/1.1 200"));
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

#[tokio::test]
async fn peers_with_nothing_under_way_do_not_hold_up_the_end() {
    let served = Served::new(usual().await, Router::new()).await;
    let silent = TcpStream::connect(served.address).await.expect("connected");
    let mut waiting = TcpStream::connect(served.address).await.expect("connected");
    waiting.write_all(b"GET /probe/seen HTTP/1.1\r\nhost: a\r\n\r\n").await.expect("sent");
    let mut multiplexed = TcpStream::connect(served.address).await.expect("connected");
    multiplexed.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    for stream in [&waiting, &multiplexed] {
        tokio::time::timeout(PATIENCE, stream.readable()).await.expect("in time").expect("an answer");
    }
    // None of them answers a goodbye. The drain that busy ones are given is ten seconds.
    let began = Instant::now();
    served.stopped().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop((silent, waiting, multiplexed));
}
