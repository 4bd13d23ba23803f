//! One component that does, on request, what the functions host must allow, bound or stop.
//!
//! The last part of the route names the deed, the query its parameters: `/probe/sleep?ms=200`. The test that asks
//! knows what to expect; nothing here is part of the product.

// Nothing of it makes sense outside a host of components; natively the crate is empty.
#![cfg(target_family = "wasm")]

mod deeds;
mod relay;

use std::sync::atomic::{AtomicU64, Ordering};

use spin_sdk::http::{Request, body::IncomingBodyExt as _};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response};
use spin_sdk::wasip3::{wit_future, wit_stream};

/// Requests that this instance has seen.
static SEEN: AtomicU64 = AtomicU64::new(0);

#[http_service]
async fn handle(mut request: Request) -> Result<Response, spin_sdk::http::Error> {
    let seen = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
    let deed = request
        .headers()
        .get("spin-path-info")
        .and_then(|path| path.to_str().ok())
        .and_then(|path| path.split('/').nth(1))
        .unwrap_or_default()
        .to_owned();
    let query = Query(request.uri().query().unwrap_or_default().to_owned());
    Ok(match deed.as_str() {
        "head" => deeds::head(&request),
        "echo" => {
            let body = request.into_body().bytes().await?;
            answer(200, body.to_vec())
        }
        "seen" => answer(200, seen.to_string()),
        "key-value" => deeds::key_value(&query).await,
        "variable" => deeds::variable(&query.get("name")).await,
        "file" => deeds::file(&query.get("path")),
        "say" => deeds::say(&query),
        "panic" => deeds::fall(),
        "hog" => deeds::hog(),
        "loop" => deeds::spin(),
        "busy" => deeds::busy(query.number("ms")),
        "sleep" => deeds::sleep(query.number("ms")).await,
        "memory" => answer(200, deeds::memory_pages().to_string()),
        "write" => deeds::write(query.number("pieces"), query.number("ms")),
        "relay" => relay::download(&query.get("to")).await?,
        "upload" => {
            let raw = request.body_mut().take_unstarted().ok_or(ErrorCode::InternalError(None))?;
            relay::upload(raw, &query.get("to")).await?
        }
        "fetch" => relay::fetch(&query.get("to")).await,
        _ => answer(404, "no such deed"),
    })
}

/// The parameters of a request; percent-coding is not undone.
struct Query(String);

impl Query {
    fn get(&self, name: &str) -> String {
        self.0
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or_default()
    }
}

/// A response with a body that is already there.
fn answer(status: u16, body: impl Into<Vec<u8>>) -> Response {
    let body = body.into();
    let (mut writer, contents) = wit_stream::new();
    let (trailers, trailers_read) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(contents), trailers_read);
    // An unknown status would be a fault of this file.
    let _ = response.set_status_code(status);
    spin_sdk::wasip3::spawn(async move {
        let _ = writer.write_all(body).await;
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    response
}
