//! Deeds that need no one else.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use spin_sdk::http::Request;
use spin_sdk::key_value::Store;
use spin_sdk::wasip3::http::types::{Fields, Response};
use spin_sdk::wasip3::{wit_future, wit_stream};

use crate::{Query, answer};

/// Tells what arrived.
pub(crate) fn head(request: &Request) -> Response {
    let headers: Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let head =
        json!({ "method": request.method().as_str(), "uri": request.uri().to_string(), "headers": headers });
    answer(200, head.to_string())
}

/// `do=set|get|delete|exists|keys` on a store.
pub(crate) async fn key_value(query: &Query) -> Response {
    let store = match Store::open(query.get("store")).await {
        Ok(store) => store,
        Err(error) => return answer(403, format!("{error:?}")),
    };
    let key = query.get("key");
    let outcome = match query.get("do").as_str() {
        "set" => store.set(&key, query.get("value")).await.map(|()| "set".to_owned()),
        "get" => store.get(&key).await.map(|value| {
            value.map_or("nothing".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
        }),
        "delete" => store.delete(&key).await.map(|()| "deleted".to_owned()),
        "exists" => store.exists(&key).await.map(|exists| exists.to_string()),
        _ => store.get_keys().await.collect().await.map(|keys| keys.join(",")),
    };
    match outcome {
        Ok(text) => answer(200, text),
        Err(error) => answer(500, format!("{error:?}")),
    }
}

pub(crate) async fn variable(name: &str) -> Response {
    match spin_sdk::variables::get(name).await {
        Ok(value) => answer(200, value),
        Err(error) => answer(404, format!("{error:?}")),
    }
}

/// Reads a file, or tries to write one when there is nothing to read.
pub(crate) fn file(path: &str) -> Response {
    match std::fs::read(path) {
        Ok(content) => answer(200, content),
        Err(error) => match std::fs::write(path, "written") {
            Ok(()) => answer(201, "written"),
            Err(_) => answer(404, error.to_string()),
        },
    }
}

/// Writes a line of so many bytes to each output.
pub(crate) fn say(query: &Query) -> Response {
    let length = usize::try_from(query.number("bytes")).unwrap_or_default();
    println!("{}", "o".repeat(length));
    eprintln!("{}", query.get("text"));
    // An unfinished line.
    print!("end");
    let _ = std::io::stdout().flush();
    answer(200, "said")
}

pub(crate) fn fall() -> Response {
    panic!("told to panic")
}

/// Takes memory until there is none.
pub(crate) fn hog() -> Response {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// Never ends.
pub(crate) fn spin() -> Response {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Works for a while.
pub(crate) fn busy(ms: u64) -> Response {
    let until = Instant::now() + Duration::from_millis(ms);
    while Instant::now() < until {
        std::hint::black_box((0..10_000_u64).sum::<u64>());
    }
    answer(200, "done")
}

pub(crate) async fn sleep(ms: u64) -> Response {
    spin_sdk::time::sleep(Duration::from_millis(ms)).await;
    answer(200, "slept")
}

/// The size of this instance's memory in pages of 64 KiB.
pub(crate) fn memory_pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

/// Writes pieces of 64 KiB with pauses between them, while the response is on its way.
pub(crate) fn write(pieces: u64, ms: u64) -> Response {
    let (mut writer, contents) = wit_stream::new();
    let (trailers, trailers_read) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(contents), trailers_read);
    spin_sdk::wasip3::spawn(async move {
        for _ in 0..pieces {
            if !writer.write_all(vec![b'w'; 64 << 10]).await.is_empty() {
                return;
            }
            spin_sdk::time::sleep(Duration::from_millis(ms)).await;
        }
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    response
}
