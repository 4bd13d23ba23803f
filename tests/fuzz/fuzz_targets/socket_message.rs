//! Whatever a client says is a message or none; one that is understood holds what was said, and nothing else.
#![no_main]

use causeway_socket_messages::{Address, Incoming, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str)| {
    let (text, connection_id, path) = input;
    if let Ok(message) = read(text) {
        assert!(text.trim_start().starts_with('{'));
        let said: serde_json::Value = serde_json::from_str(text).expect("what is understood is JSON");
        let action = said.get("action").and_then(|action| action.as_str());
        let (expected, address) = match message {
            Incoming::Subscribe(address) => ("subscribe", Some(address)),
            Incoming::Unsubscribe(address) => ("unsubscribe", Some(address)),
            Incoming::Ping => ("ping", None),
        };
        assert_eq!(action, Some(expected));
        if let Some(Address { connection_id, path }) = address {
            let field = |name: &str| said.get(name).and_then(|field| field.as_str());
            assert_eq!(field("connection_id"), Some(connection_id.as_str()));
            assert_eq!(field("path").unwrap_or_default(), path);
        }
    }

    let said = serde_json::json!({"action": "unsubscribe", "connection_id": connection_id, "path": path});
    let address = Address { connection_id: connection_id.to_owned(), path: path.to_owned() };
    assert_eq!(read(&said.to_string()), Ok(Incoming::Unsubscribe(address)));
});
