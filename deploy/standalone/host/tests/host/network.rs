//! The sidecar as an address on the network, and everybody else.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use causeway_host::{Host, HostConfig, Limits, SidecarRoute};
use http::StatusCode;
use tokio::net::TcpListener;

use crate::harness::{app, config, get, usual};

/// A sidecar on a free port.
async fn sidecar(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address.to_string()
}

async fn host(address: &str, limits: Limits) -> Host {
    let variables = [("sidecar_url".to_owned(), format!("http://{address}"))].into();
    Host::start(app(), HostConfig { variables, limits, ..config() }, SidecarRoute::Network)
        .await
        .expect("it starts")
}

#[tokio::test]
async fn the_same_component_reaches_a_sidecar_over_tcp() {
    let address = sidecar(Router::new().route("/hello", on_get(|| async { "hello over tcp" }))).await;
    let host = host(&address, Limits::default()).await;
    for _ in 0..3 {
        let answer = get(&host, &format!("/probe/relay?to={address}/hello")).await;
        assert_eq!(answer, (StatusCode::OK, "hello over tcp".to_owned()));
    }
}

#[tokio::test]
async fn only_listed_hosts_are_reached() {
    let address = sidecar(Router::new().route("/hello", on_get(|| async { "hello" }))).await;
    let other_port = address.replace("127.0.0.1", "localhost");
    let host = host(&address, Limits::default()).await;
    assert_eq!(get(&host, &format!("/probe/fetch?to={address}/hello")).await.1, "200");
    for denied in [other_port.as_str(), "127.0.0.1:1", "example.com", "sidecar.internal", "127.0.0.1"] {
        let (status, body) = get(&host, &format!("/probe/fetch?to={denied}/hello")).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{denied}");
        assert!(body.contains("HttpRequestDenied"), "{denied}: {body}");
    }
    // In one process, too, the name must be listed.
    let (_, body) = get(&usual().await, &format!("/probe/fetch?to={address}/hello")).await;
    assert!(body.contains("HttpRequestDenied"), "{body}");
}

#[tokio::test]
async fn a_sidecar_that_is_not_there_is_a_failed_call() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let (status, body) =
        get(&host(&address, Limits::default()).await, &format!("/probe/fetch?to={address}/")).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(body.contains("ConnectionRefused"), "{body}");
}

#[tokio::test]
async fn a_sidecar_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("bound").to_string();
    let limits = Limits { first_byte_timeout: Duration::from_millis(300), ..Limits::default() };
    let host = host(&address, limits).await;
    let started = Instant::now();
    let (status, body) = get(&host, &format!("/probe/fetch?to={address}/")).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(body.contains("Timeout"), "{body}");
    assert!(started.elapsed() < Duration::from_secs(3));
}
