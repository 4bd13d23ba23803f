//! Where the desktop companion is to be had, and whether the one that asks is new enough.

use causeway_tests::{Answer, ProductOptions, World, WorldOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::companion_api::missing;

/// Answers every request with that status and body.
async fn feed(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).await.is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let is_known = head.starts_with("get /feeds/latest.json?channel=stable http/1.1")
                && head.contains("accept: application/json");
            let status = if is_known { status } else { "400 Bad Request" };
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/feeds/latest.json?channel=stable")
}

const RELEASE: &str = r#"{"version": "1.2.0", "published_at": "2026-11-01T00:00:00Z", "notes": "New.",
    "assets": {"linux-x64": "https://dl.example/companion.AppImage#x", "amiga": "https://dl.example/amiga"}}"#;

async fn downloads(environment: &[(&str, &str)]) -> Answer {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let product = ProductOptions { environment: environment.collect(), ..ProductOptions::default() };
    let world = World::start(WorldOptions { product, ..WorldOptions::default() }).await.expect("a world");
    world.editor().get("/api/companion/downloads").send().await
}

#[tokio::test]
async fn the_companion_is_found_where_the_configuration_or_its_feed_says() {
    const FEED: &str = "CAUSEWAY_COMPANION_FEED_URL";
    let release = |source: &str| {
        json!({
            "source": source, "version": "1.2.0", "published_at": "2026-11-01T00:00:00Z", "notes": "New.",
            "assets": {"linux-x64": "https://dl.example/companion.AppImage"},
        })
    };
    let found = downloads(&[(FEED, &feed("200 OK", RELEASE).await)]).await;
    assert_eq!(found.expect(200).json(), release("feed"));
    // A feed that nobody could ask does not matter then.
    let pinned = downloads(&[("CAUSEWAY_COMPANION_RELEASE", RELEASE), (FEED, "http://127.0.0.1:9/x")]).await;
    assert_eq!(pinned.expect(200).json(), release("pin"));
    for (url, told) in [
        (feed("503 Service Unavailable", "").await, "feed failed with HTTP 503."),
        (feed("302 Found", "").await, "feed failed with HTTP 302."),
        (feed("200 OK", "<html>").await, "feed returned invalid JSON."),
        (feed("200 OK", "{\"version\": \"1\"}").await, "feed has no assets."),
        ("http://127.0.0.1:9/x".to_owned(), "feed is unreachable: "),
    ] {
        downloads(&[(FEED, &url)]).await.refused_with(502, told);
    }
}

#[tokio::test]
async fn a_companion_is_told_whether_it_is_new_enough_and_gets_through() {
    let world = World::shared().await;
    let probe = "/api/companion/proxy-auth-check";
    assert_eq!(world.viewer().get(probe).send().await.expect(200).json(), json!({"status": "ok"}));
    let answer = world.anonymous().get(probe).send().await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    answer.refused(401, "Not authenticated");
    let check = "/api/companion/version-check";
    for (version, compatible) in [("0.1.0", true), ("1.0", true), ("0.0.9", false), ("1.0.0-beta", false)] {
        let answer = world.anonymous().get(check).query("companion_version", version).send().await;
        let expected =
            json!({"compatible": compatible, "min_companion_version": "0.1.0", "latest_version": "0.1.0"});
        assert_eq!(answer.expect(200).json(), expected, "{version}");
    }
    let lacking = world.anonymous().get(check).query("version", "1.0.0").send().await.expect(422);
    assert_eq!(lacking.json()["detail"], missing("query", &["companion_version"], &Value::Null));
    let unknown = world.editor().get("/api/companion/downloads").send().await;
    unknown.refused(502, "This server does not know where the companion is to be had.");
}
