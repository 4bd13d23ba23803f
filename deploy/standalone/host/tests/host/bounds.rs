//! What a component may use, and what happens when it uses more.

use std::time::{Duration, Instant};

use causeway_host::{ComponentLimits, HostConfig, Limits};
use http::StatusCode;

use crate::harness::{config, get, read, request, start, usual};

const FAULT: &str = r#"{"detail":"Internal Server Error"}"#;

#[tokio::test]
async fn what_a_component_breaks_costs_one_request() {
    let host = usual().await;
    for deed in ["panic", "hog"] {
        for component in ["solo", "probe"] {
            let (status, body) = get(&host, &format!("/{component}/{deed}")).await;
            assert_eq!(
                (status, body.as_str()),
                (StatusCode::INTERNAL_SERVER_ERROR, FAULT),
                "{component} {deed}"
            );
            assert_eq!(get(&host, &format!("/{component}/seen")).await.0, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn memory_is_bounded_per_component() {
    let host = usual().await;
    let started = Instant::now();
    assert_eq!(get(&host, "/solo/hog").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_endless_loop_ends_and_does_not_stop_others() {
    let host = usual().await;
    let loops: Vec<_> = (0..8)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { get(&host, "/solo/loop").await })
        })
        .collect();
    // More loops than threads: others still get their turn.
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(&host, "/probe/seen").await.0, StatusCode::OK);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    for looping in loops {
        let (status, _) = looping.await.expect("no panic");
        assert!(
            matches!(status, StatusCode::INTERNAL_SERVER_ERROR | StatusCode::GATEWAY_TIMEOUT),
            "{status}"
        );
    }
    assert_eq!(get(&host, "/solo/seen").await.0, StatusCode::OK);
}

#[tokio::test]
async fn work_within_the_budget_is_done() {
    let host = usual().await;
    assert_eq!(get(&host, "/solo/busy?ms=100").await, (StatusCode::OK, "done".to_owned()));
    assert_eq!(get(&host, "/solo/busy?ms=2000").await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let host = usual().await;
    assert_eq!(get(&host, "/solo/sleep?ms=200").await, (StatusCode::OK, "slept".to_owned()));
    let started = Instant::now();
    let (status, body) = get(&host, "/solo/sleep?ms=60000").await;
    assert_eq!((status, body.as_str()), (StatusCode::GATEWAY_TIMEOUT, r#"{"detail":"Gateway Timeout"}"#));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_request_counts_until_its_body_has_ended() {
    let limits =
        Limits { concurrent_requests: 2, queue_wait: Duration::from_millis(100), ..Limits::default() };
    let host = start(HostConfig { limits, ..config() }, axum::Router::new()).await;
    // Heads have come, bodies have not been read.
    let first = host.handle(request("/probe/write?pieces=4&ms=0")).await;
    let second = host.handle(request("/probe/write?pieces=4&ms=0")).await;
    let refused = host.handle(request("/probe/seen")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    // One ends by being read, the other by being dropped.
    assert_eq!(read(first).await.1.len(), 4 * 65_536);
    assert_eq!(get(&host, "/probe/seen").await.0, StatusCode::OK);
    drop(second);
    let both = tokio::join!(get(&host, "/probe/sleep?ms=50"), get(&host, "/probe/sleep?ms=50"));
    assert_eq!((both.0.0, both.1.0), (StatusCode::OK, StatusCode::OK));
}

#[tokio::test]
async fn a_component_s_own_bound_leaves_the_others_alone() {
    let solo = ComponentLimits { concurrent_requests: Some(1), ..ComponentLimits::isolated() };
    let limits = Limits { queue_wait: Duration::from_millis(100), ..Limits::default() };
    let component_limits = [("solo".to_owned(), solo)].into();
    let host = start(HostConfig { limits, component_limits, ..config() }, axum::Router::new()).await;
    let held = host.handle(request("/solo/write?pieces=4&ms=0")).await;
    assert_eq!(get(&host, "/solo/seen").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&host, "/probe/seen").await.0, StatusCode::OK);
    drop(held);
    assert_eq!(get(&host, "/solo/seen").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_waiting_request_gets_its_turn() {
    let limits = Limits { concurrent_requests: 1, queue_wait: Duration::from_secs(5), ..Limits::default() };
    let host = start(HostConfig { limits, ..config() }, axum::Router::new()).await;
    let answers = futures::future::join_all((0..10).map(|_| get(&host, "/probe/sleep?ms=20"))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
}
