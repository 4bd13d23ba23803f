//! Bodies: handed on without a copy, cancelled with their clients, ended when they stall.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request as AxumRequest;
use axum::routing::{get as on_get, put};
use bytes::Bytes;
use causeway_host::{HostConfig, Limits};
use futures::{StreamExt as _, stream};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;

use crate::harness::{Flag, Served, config, get, read, request, start};

/// Chunks like those that the sidecar reads from a share.
const CHUNK: usize = 256 << 10;

fn chunks(count: usize) -> Vec<Bytes> {
    (0..count)
        .map(|number| Bytes::from(vec![u8::try_from(number % 251).unwrap_or_default(); CHUNK]))
        .collect()
}

fn body(chunks: Vec<Bytes>) -> Body {
    Body::from_stream(stream::iter(chunks).map(Ok::<_, std::convert::Infallible>))
}

/// Where the bytes lie in memory.
fn places(chunks: &[Bytes]) -> Vec<*const u8> {
    chunks.iter().map(|chunk| chunk.as_ptr()).collect()
}

async fn frames(mut body: Body) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.extend(frame.expect("a whole body").into_data().ok());
    }
    frames
}

#[tokio::test]
async fn a_download_is_handed_on_without_a_copy() {
    let sent = chunks(64);
    let expected = places(&sent);
    let sidecar = Router::new().route(
        "/large",
        on_get(move || {
            let sent = sent.clone();
            async move { ([("x-version", "7")], body(sent)) }
        }),
    );
    let host = start(config(), sidecar).await;
    let response = host.handle(request("/probe/relay?to=sidecar.internal/large")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-version"], "7");
    assert_eq!(response.headers()["x-probe"], "relayed");
    let received = frames(response.into_body()).await;
    // Not equal bytes but the same bytes: they never were in the component's memory.
    assert_eq!(places(&received), expected);
}

#[tokio::test]
async fn an_upload_is_handed_on_without_a_copy() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    let sidecar = Router::new().route(
        "/file",
        put(move |request: AxumRequest| async move {
            let got = frames(request.into_body()).await;
            let length: usize = got.iter().map(Bytes::len).sum();
            *kept.lock().expect("no panic") = got;
            length.to_string()
        }),
    );
    let host = start(config(), sidecar).await;
    let sent = chunks(64);
    let expected = places(&sent);
    let request = Request::put("/probe/upload?to=sidecar.internal/file")
        .header("host", "nas.example")
        .header("content-length", 64 * CHUNK)
        .body(body(sent));
    let (status, length) = read(host.handle(request.expect("a proper request")).await).await;
    assert_eq!((status, length), (StatusCode::OK, (64 * CHUNK).to_string()));
    assert_eq!(places(&received.lock().expect("no panic")), expected);
}

/// A sidecar whose `/hang` never answers and whose `/drip` sends for ever, a chunk each 20 ms.
fn endless_sidecar(entered: &Flag, hang_dropped: &Flag, drip_dropped: &Flag) -> Router {
    let (entered, hang_dropped, drip_dropped) = (entered.clone(), hang_dropped.clone(), drip_dropped.clone());
    Router::new()
        .route(
            "/hang",
            on_get(move || {
                let guard = hang_dropped.guard();
                drop(entered.guard());
                async move {
                    std::future::pending::<()>().await;
                    drop(guard);
                }
            }),
        )
        .route(
            "/drip",
            on_get(move || {
                let guard = drip_dropped.guard();
                async move {
                    Body::from_stream(stream::unfold(guard, |guard| async move {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'd'; 1024])), guard))
                    }))
                }
            }),
        )
}

#[tokio::test]
async fn a_client_that_goes_before_the_head_takes_the_outbound_call_with_it() {
    let (entered, dropped, _) = (Flag::default(), Flag::default(), Flag::default());
    let host = start(config(), endless_sidecar(&entered, &dropped, &Flag::default())).await;
    let served = Served::new(host, Router::new()).await;
    let client = tokio::spawn(reqwest::get(served.url("/probe/fetch?to=sidecar.internal/hang")));
    entered.wait("the call reaches the sidecar").await;
    assert!(!dropped.is_set());
    client.abort();
    dropped.wait("the call is cancelled").await;
    served.stopped().await;
}

#[tokio::test]
async fn a_client_that_goes_does_not_disturb_the_others_in_its_instance() {
    let (entered, dropped) = (Flag::default(), Flag::default());
    let host = start(config(), endless_sidecar(&entered, &dropped, &Flag::default())).await;
    let neighbour = tokio::spawn({
        let host = host.clone();
        async move { get(&host, "/probe/sleep?ms=1500").await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let hanging = tokio::spawn({
        let host = host.clone();
        async move { get(&host, "/probe/fetch?to=sidecar.internal/hang").await }
    });
    entered.wait("the call reaches the sidecar").await;
    let gone = Instant::now();
    hanging.abort();
    dropped.wait("the call is cancelled").await;
    assert!(gone.elapsed() < Duration::from_secs(1), "it waited for its neighbour: {:?}", gone.elapsed());
    assert_eq!(neighbour.await.expect("no panic"), (StatusCode::OK, "slept".to_owned()));
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_takes_the_body_with_it() {
    let dropped = Flag::default();
    let host = start(config(), endless_sidecar(&Flag::default(), &Flag::default(), &dropped)).await;
    let served = Served::new(host, Router::new()).await;
    let mut response =
        reqwest::get(served.url("/probe/relay?to=sidecar.internal/drip")).await.expect("a head");
    assert!(response.chunk().await.expect("a piece").is_some());
    assert!(!dropped.is_set());
    drop(response);
    dropped.wait("the body is dropped").await;
    served.stopped().await;
}

#[tokio::test]
async fn a_body_that_moves_may_take_longer_than_any_deadline() {
    let host = start(config(), Router::new()).await;
    // The deadline of `solo` is a second and its CPU budget 300 ms; the writing takes two.
    let started = Instant::now();
    let (status, text) = get(&host, "/solo/write?pieces=40&ms=50").await;
    assert_eq!((status, text.len()), (StatusCode::OK, 40 * 65_536));
    assert!(started.elapsed() > Duration::from_secs(2));
}

#[tokio::test]
async fn an_upload_that_moves_may_take_longer_than_the_deadline() {
    let sidecar = Router::new().route(
        "/file",
        put(|request: AxumRequest| async move {
            frames(request.into_body()).await.iter().map(Bytes::len).sum::<usize>().to_string()
        }),
    );
    let host = start(config(), sidecar).await;
    let slow = stream::iter(chunks(20)).then(|chunk| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::convert::Infallible>(chunk)
    });
    let request = Request::put("/solo/upload?to=sidecar.internal/file")
        .header("host", "nas.example")
        .body(Body::from_stream(slow))
        .expect("a proper request");
    let (status, length) = read(host.handle(request).await).await;
    assert_eq!((status, length), (StatusCode::OK, (20 * CHUNK).to_string()));
}

#[tokio::test]
async fn a_body_that_stalls_is_ended_with_an_error() {
    let dropped = Flag::default();
    let kept = dropped.clone();
    let sidecar = Router::new().route(
        "/stall",
        on_get(move || {
            let guard = kept.guard();
            async move {
                Body::from_stream(stream::unfold((0, guard), |(count, guard)| async move {
                    if count == 2 {
                        std::future::pending::<()>().await;
                    }
                    Some((
                        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"piece")),
                        (count + 1, guard),
                    ))
                }))
            }
        }),
    );
    let limits = Limits { body_idle_timeout: Duration::from_millis(300), ..Limits::default() };
    let host = start(HostConfig { limits, ..config() }, sidecar).await;
    let response = host.handle(request("/probe/relay?to=sidecar.internal/stall")).await;
    let outcome = response.into_body().collect().await;
    assert!(outcome.is_err(), "a cut body must not look like a whole one");
    dropped.wait("the body is dropped").await;
}

#[tokio::test]
async fn a_body_that_breaks_off_does_not_look_whole() {
    let sidecar = Router::new().route(
        "/broken",
        on_get(|| async {
            let pieces = [Ok(Bytes::from_static(b"piece")), Err(std::io::Error::other("the server is gone"))];
            Body::from_stream(stream::iter(pieces).then(|piece| async move {
                // Time for the head to leave before the end comes.
                tokio::time::sleep(Duration::from_millis(50)).await;
                piece
            }))
        }),
    );
    let served = Served::new(start(config(), sidecar).await, Router::new()).await;
    let response = reqwest::get(served.url("/probe/relay?to=sidecar.internal/broken")).await.expect("a head");
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    served.stopped().await;
}

#[tokio::test]
async fn a_panic_in_the_sidecar_is_a_failed_call() {
    async fn fall() -> &'static str {
        panic!("told to panic")
    }
    let sidecar = Router::new().route("/panic", on_get(fall));
    let host = start(config(), Router::new().fallback_service(sidecar)).await;
    let (status, text) = get(&host, "/probe/fetch?to=sidecar.internal/panic").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{text}");
    assert_eq!(get(&host, "/probe/fetch?to=sidecar.internal/other").await.1, "404");
}
