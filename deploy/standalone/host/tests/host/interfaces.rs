//! Key-value stores, variables, files and logs.

use std::sync::{Arc, Mutex};

use causeway_host::{HostConfig, LogLine, LogSink, MAX_LOG_LINE, Mount};
use http::StatusCode;

use crate::harness::{config, eventually, get, start, usual};

#[tokio::test]
async fn a_value_is_kept_in_its_store_and_across_starts() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = || HostConfig { key_value_path: Some(dir.path().join("kv.db")), ..config() };
    let host = start(config(), axum::Router::new()).await;
    let ask = async |query: &str| get(&host, &format!("/probe/key-value?{query}")).await.1;
    assert_eq!(ask("store=default&do=get&key=a").await, "nothing");
    assert_eq!(ask("store=default&do=set&key=a&value=one").await, "set");
    assert_eq!(ask("store=default&do=set&key=a&value=two").await, "set");
    assert_eq!(ask("store=default&do=set&key=b&value=three").await, "set");
    assert_eq!(ask("store=default&do=get&key=a").await, "two");
    assert_eq!(ask("store=cache&do=get&key=a").await, "nothing");
    assert_eq!(ask("store=default&do=exists&key=b").await, "true");
    assert_eq!(ask("store=default&do=keys").await, "a,b");
    assert_eq!(ask("store=default&do=delete&key=b").await, "deleted");
    assert_eq!(ask("store=default&do=keys").await, "a");
    drop(host);

    let host = start(config(), axum::Router::new()).await;
    assert_eq!(get(&host, "/probe/key-value?store=default&do=get&key=a").await.1, "two");
}

#[tokio::test]
async fn a_store_that_the_manifest_does_not_name_stays_closed() {
    let host = usual().await;
    for path in ["/probe/key-value?store=other&do=get&key=a", "/solo/key-value?store=default&do=get&key=a"] {
        let (status, body) = get(&host, path).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
        assert!(body.contains("AccessDenied"), "{body}");
    }
}

#[tokio::test]
async fn a_variable_comes_from_the_manifest_or_from_the_configuration() {
    assert_eq!(get(&usual().await, "/probe/variable?name=hello").await.1, "hello world");
    let overridden =
        HostConfig { variables: [("greeting".to_owned(), "moon".to_owned())].into(), ..config() };
    let host = start(overridden, axum::Router::new()).await;
    assert_eq!(get(&host, "/probe/variable?name=hello").await.1, "hello moon");
    let (status, body) = get(&host, "/probe/variable?name=greeting").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "the application's variables are not the component's");
    assert!(body.contains("Undefined"), "{body}");
}

#[tokio::test]
async fn a_mounted_directory_can_be_read_but_not_written() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("index.html"), "<h1>").expect("written");
    std::fs::write(dir.path().join("../outside.txt"), "secret").ok();
    let mount = Mount {
        component: Some("probe".to_owned()),
        destination: "/web".to_owned(),
        source: dir.path().to_owned(),
    };
    let host = start(HostConfig { mounts: vec![mount], ..config() }, axum::Router::new()).await;
    assert_eq!(get(&host, "/probe/file?path=/web/index.html").await, (StatusCode::OK, "<h1>".to_owned()));
    for path in ["/web/new.txt", "/web/../outside.txt", "/etc/passwd", "/new.txt"] {
        assert_eq!(get(&host, &format!("/probe/file?path={path}")).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get(&host, "/solo/file?path=/web/index.html").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn output_becomes_lines_of_bounded_length() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let sink = LogSink::new(move |LogLine { component, is_error, text }| {
        kept.lock().expect("no panic").push((component.to_owned(), is_error, text.to_owned()));
    });
    let host = start(HostConfig { log_sink: Some(sink), ..config() }, axum::Router::new()).await;
    assert_eq!(get(&host, "/solo/say?bytes=20000&text=trouble").await.1, "said");
    // The unfinished last line comes when the instance ends.
    eventually("the last line", || lines.lock().expect("no panic").iter().any(|(_, _, text)| text == "end"))
        .await;
    let lines = lines.lock().expect("no panic");
    assert!(lines.contains(&("solo".to_owned(), true, "trouble".to_owned())));
    let out: Vec<_> = lines.iter().filter(|(_, is_error, text)| !is_error && text.starts_with('o')).collect();
    assert_eq!(out.iter().map(|(_, _, text)| text.len()).sum::<usize>(), 20_000);
    assert!(out.iter().all(|(_, _, text)| text.len() <= MAX_LOG_LINE));
}
