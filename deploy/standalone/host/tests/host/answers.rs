//! What components see of a request, and clients of an answer.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::Value;

use crate::harness::{Served, get, read, request, usual};

async fn head_of(path: &str, headers: &[(&str, &str)]) -> Value {
    let mut request = request(path);
    for (name, value) in headers {
        request.headers_mut().append(
            http::HeaderName::try_from(*name).expect("a name"),
            http::HeaderValue::try_from(*value).expect("a value"),
        );
    }
    let (status, body) = read(usual().await.handle(request).await).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).expect("the probe tells JSON")
}

#[tokio::test]
async fn a_component_sees_an_absolute_address_and_the_headers_of_spin() {
    let head = head_of("/probe/head/more/?a=b%20c", &[]).await;
    assert_eq!(head["uri"], "http://nas.example/probe/head/more/?a=b%20c");
    let headers = &head["headers"];
    assert_eq!(headers["spin-full-url"], "http://nas.example/probe/head/more/?a=b%20c");
    assert_eq!(headers["spin-path-info"], "/head/more/");
    assert_eq!(headers["spin-matched-route"], "/probe/...");
    assert_eq!(headers["spin-raw-component-route"], "/probe/...");
    assert_eq!(headers["spin-component-route"], "/probe");
    assert_eq!(headers["spin-base-path"], "/");
    assert_eq!(headers["spin-client-addr"], "127.0.0.1:0");
}

#[tokio::test]
async fn named_parameters_become_headers() {
    let head = head_of("/user/anna/head", &[]).await;
    assert_eq!(head["headers"]["spin-path-match-user-id"], "anna");
    assert_eq!(head["headers"]["spin-matched-route"], "/user/:user_id/...");
}

#[tokio::test]
async fn a_client_cannot_forge_the_headers_of_spin() {
    let forged =
        [("spin-path-match-role", "admin"), ("spin-client-addr", "10.0.0.1:1"), ("Spin-Path-Info", "/panic")];
    let head = head_of("/probe/head", &forged).await;
    assert_eq!(head["headers"]["spin-path-match-role"], Value::Null);
    assert_eq!(head["headers"]["spin-client-addr"], "127.0.0.1:0");
    assert_eq!(head["headers"]["spin-path-info"], "/head");
}

#[tokio::test]
async fn an_address_without_a_route_is_not_found() {
    let host = usual().await;
    for path in ["/", "/probex/head", "/prob", "/user"] {
        let (status, body) = get(&host, path).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#), "{path}");
    }
}

#[tokio::test]
async fn a_body_arrives_and_comes_back() {
    let body = "0123456789".repeat(50_000);
    let request = Request::post("/probe/echo").header("host", "nas.example").body(Body::from(body.clone()));
    let (status, echoed) = read(usual().await.handle(request.expect("a proper request")).await).await;
    assert_eq!(status, StatusCode::OK);
    assert!(echoed == body, "{} bytes came back", echoed.len());
}

#[tokio::test]
async fn a_second_host_header_is_refused() {
    let mut request = request("/probe/head");
    request.headers_mut().append("host", "other.example".parse().expect("a value"));
    let (status, _) = read(usual().await.handle(request).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_instance_is_used_again_unless_it_must_not() {
    let host = usual().await;
    let mut most = 0;
    for _ in 0..5 {
        let (_, seen) = get(&host, "/probe/seen").await;
        most = most.max(seen.parse::<u64>().expect("a number"));
        assert_eq!(get(&host, "/solo/seen").await.1, "1");
    }
    assert!(most > 1, "no instance saw a second request");
}

#[tokio::test]
async fn the_client_s_address_is_that_of_its_connection() {
    let served = Served::new(usual().await, axum::Router::new()).await;
    let head: Value = serde_json::from_str(
        &reqwest::get(served.url("/probe/head")).await.expect("an answer").text().await.expect("a body"),
    )
    .expect("JSON");
    let address = head["headers"]["spin-client-addr"].as_str().expect("an address");
    assert!(address.starts_with("127.0.0.1:") && address != "127.0.0.1:0", "{address}");
    served.stopped().await;
}
