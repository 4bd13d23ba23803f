//! What clients say over `/api/ws`: a text frame, read as one of the contract's messages.
//!
//! The text is of anybody who has a token, so reading it never panics and takes no more than what it holds.

use serde::Deserialize;

/// A message of a client, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Tell me of changes of this directory.
    Subscribe(Address),
    /// Tell me no more.
    Unsubscribe(Address),
    /// Are you there?
    Ping,
}

/// A directory by the strings of a client.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    /// As it was sent.
    pub connection_id: String,
    /// As it was sent; empty when there was none.
    pub path: String,
}

/// A message that is none, for its sender.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON, not an object, or its fields are of other types.
    #[error("Messages must be JSON objects with an action")]
    NoAction,
    /// There is no such action.
    #[error("The action is not known")]
    UnknownAction,
    /// A subscription without a connection.
    #[error("The connection_id is missing")]
    NoConnection,
}

#[derive(Deserialize)]
struct Wire {
    action: String,
    connection_id: Option<String>,
    path: Option<String>,
}

/// Reads a text frame. Fields that are not known are left out of account.
pub fn read(text: &str) -> Result<Incoming, Malformed> {
    // An array would be taken for the fields in their order.
    let is_object = text.trim_start().starts_with('{');
    let wire: Wire = Some(text)
        .filter(|_| is_object)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or(Malformed::NoAction)?;
    let address = || {
        let connection_id = wire.connection_id.ok_or(Malformed::NoConnection)?;
        Ok(Address { connection_id, path: wire.path.unwrap_or_default() })
    };
    match wire.action.as_str() {
        "subscribe" => address().map(Incoming::Subscribe),
        "unsubscribe" => address().map(Incoming::Unsubscribe),
        "ping" => Ok(Incoming::Ping),
        _ => Err(Malformed::UnknownAction),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_messages_of_the_contract_are_understood() {
        let address = |path: &str| Address { connection_id: "c".to_owned(), path: path.to_owned() };
        for (text, expected) in [
            (
                r#"{"action":"subscribe","connection_id":"c","path":"a/b"}"#,
                Ok(Incoming::Subscribe(address("a/b"))),
            ),
            (r#"{"action":"subscribe","connection_id":"c"}"#, Ok(Incoming::Subscribe(address("")))),
            (
                r#"{"action":"subscribe","connection_id":"c","path":null}"#,
                Ok(Incoming::Subscribe(address(""))),
            ),
            (r#" {"path":"/x/","connection_id":"c","action":"unsubscribe","more":1}"#, {
                Ok(Incoming::Unsubscribe(address("/x/")))
            }),
            (r#"{"action":"ping"}"#, Ok(Incoming::Ping)),
            (r#"{"action":"nonsense"}"#, Err(Malformed::UnknownAction)),
            (r#"{"action":"subscribe"}"#, Err(Malformed::NoConnection)),
            (r#"{"action":"subscribe","connection_id":7}"#, Err(Malformed::NoAction)),
            ("{}", Err(Malformed::NoAction)),
            ("[]", Err(Malformed::NoAction)),
            (r#"["subscribe","c",""]"#, Err(Malformed::NoAction)),
            ("this is not json", Err(Malformed::NoAction)),
            ("", Err(Malformed::NoAction)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_strings_come_through_as_they_are(connection_id: String, path: String) {
            let text = serde_json::json!({"action": "subscribe", "connection_id": connection_id, "path": path});
            prop_assert_eq!(read(&text.to_string()), Ok(Incoming::Subscribe(Address { connection_id, path })));
        }

        #[test]
        fn no_text_is_too_much(text: String) {
            let _ = read(&text);
        }
    }
}
