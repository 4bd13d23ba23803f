//! Deep links, as the browser app composes them:
//! `sambee://open?server=…&token=…&connId=…&path=…[&theme=…][&forcePicker=1]`.
//!
//! Any web page can make the desktop open such a link, so that nothing in it is believed: the server must be trusted
//! first ([`crate::trust`]), and the token is the only proof.

use reqwest::Url;

use crate::secret::Secret;
use crate::server_address::{AddressError, ServerAddress};

/// Longer links are nobody's: a path has at most some kilobytes, a token a few hundred characters.
const LONGEST_LINK: usize = 32 * 1024;

/// The longest id of a connection that is passed on; a UUID has 36 characters.
const LONGEST_CONNECTION_ID: usize = 64;

/// Whose links are opened: the contract's, and our own name for the same.
const SCHEMES: [&str; 2] = ["sambee", "causeway"];

/// What is wrong with a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is no link at all.
    #[error("this is not a link that the companion can open")]
    NotALink,
    /// It is too long.
    #[error("the link is longer than any real one")]
    TooLong,
    /// It is for another program.
    #[error("the link is for {0:?}, not for the companion")]
    Scheme(String),
    /// It asks for something else than opening a file.
    #[error("the link asks for {0:?}; the companion only knows how to open files")]
    Action(String),
    /// Something is missing or empty.
    #[error("the link has no {0}")]
    Missing(&'static str),
    /// Something is there twice, and nobody knows which is meant.
    #[error("the link names two values for {0}")]
    Twice(&'static str),
    /// Something cannot be what it should be.
    #[error("the {0} in the link is not one")]
    Malformed(&'static str),
    /// The server's address is wrong.
    #[error("the server in the link is wrong: {0}")]
    Server(#[from] AddressError),
}

/// What a link asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeepLink {
    /// The server to talk to.
    pub server: ServerAddress,
    /// The token to exchange, good once.
    pub token: Secret,
    /// The connection.
    pub connection: String,
    /// The file, relative to the connection.
    pub path: String,
    /// Whether the person wants to choose the program.
    pub choose_program: bool,
}

impl DeepLink {
    /// Takes a link apart and checks every part of it.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > LONGEST_LINK {
            return Err(LinkError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| LinkError::NotALink)?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(LinkError::Scheme(url.scheme().to_owned()));
        }
        let action = url.host_str().unwrap_or_default();
        if !action.eq_ignore_ascii_case("open") || !matches!(url.path(), "" | "/") {
            return Err(LinkError::Action(format!("{action}{}", url.path())));
        }
        let value = |key: &str, name: &'static str| single(&url, key, name);
        let server = value("server", "server")?.ok_or(LinkError::Missing("server"))?;
        let token = value("token", "token")?.ok_or(LinkError::Missing("token"))?;
        let connection = value("connId", "connection")?.ok_or(LinkError::Missing("connection"))?;
        let path = value("path", "path")?.ok_or(LinkError::Missing("path"))?;
        let choose_program = value("forcePicker", "choice of program")?;

        let in_token = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !token.chars().all(in_token) {
            return Err(LinkError::Malformed("token"));
        }
        let in_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if connection.len() > LONGEST_CONNECTION_ID || !connection.chars().all(in_id) {
            return Err(LinkError::Malformed("connection"));
        }
        if path.chars().any(char::is_control) {
            return Err(LinkError::Malformed("path"));
        }
        Ok(Self {
            server: ServerAddress::parse(&server)?,
            token: Secret::new(token),
            connection,
            path,
            choose_program: choose_program.is_some_and(|value| matches!(value.as_str(), "1" | "true")),
        })
    }
}

/// The one non-empty value of a key.
fn single(url: &Url, key: &str, name: &'static str) -> Result<Option<String>, LinkError> {
    let mut values = url.query_pairs().filter(|(found, _)| found == key).map(|(_, value)| value.into_owned());
    let first = values.next();
    if values.next().is_some() {
        return Err(LinkError::Twice(name));
    }
    Ok(first.filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DeepLink, LinkError};

    const GOOD: &str = "sambee://open?server=https%3A%2F%2Ffiles.example.org&token=eyJ0.eyJz-_x.abc\
                        &connId=ea06db0f-c73c-4f64-b4d6-cc2ce24bd436&path=docs%2FPlan%20B%20%26%20C.odt";

    #[test]
    fn a_link_of_the_browser_app_is_understood() {
        let link = DeepLink::parse(GOOD).expect("a link");
        assert_eq!(link.server.origin(), "https://files.example.org");
        assert_eq!(link.token.reveal(), "eyJ0.eyJz-_x.abc");
        assert_eq!(link.connection, "ea06db0f-c73c-4f64-b4d6-cc2ce24bd436");
        assert_eq!(link.path, "docs/Plan B & C.odt");
        assert!(!link.choose_program);
    }

    #[test]
    fn theme_and_picker_are_tolerated() {
        // The theme is standard base64 and not encoded for a query.
        let link =
            DeepLink::parse(&format!("{GOOD}&theme=eyJpZCI6Im+/x==&forcePicker=1&other=2")).expect("a link");
        assert!(link.choose_program);
        assert!(!DeepLink::parse(&format!("{GOOD}&forcePicker=0")).expect("a link").choose_program);
    }

    #[test]
    fn our_own_scheme_and_a_slash_mean_the_same() {
        for changed in [GOOD.replacen("sambee", "causeway", 1), GOOD.replacen("open?", "open/?", 1)] {
            assert_eq!(DeepLink::parse(&changed), DeepLink::parse(GOOD), "{changed}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let cases = [
            ("nonsense", LinkError::NotALink),
            ("https://open?server=x", LinkError::Scheme("https".to_owned())),
            ("sambee://close?server=x", LinkError::Action("close".to_owned())),
            ("sambee://open/etc?server=x", LinkError::Action("open/etc".to_owned())),
            ("sambee://open", LinkError::Missing("server")),
            ("sambee://open?server=https://a.example&token=", LinkError::Missing("token")),
            ("sambee://open?server=https://a.example&token=t", LinkError::Missing("connection")),
            ("sambee://open?server=https://a.example&token=t&connId=c&path=", LinkError::Missing("path")),
            (
                "sambee://open?server=https://a.example&token=t%20x&connId=c&path=p",
                LinkError::Malformed("token"),
            ),
            (
                "sambee://open?server=https://a.example&token=t&connId=..&path=p",
                LinkError::Malformed("connection"),
            ),
            (
                "sambee://open?server=https://a.example&token=t&connId=c&path=a%0Ab",
                LinkError::Malformed("path"),
            ),
            (
                "sambee://open?server=https://a.example&server=https://b.example&token=t&connId=c&path=p",
                LinkError::Twice("server"),
            ),
        ];
        for (text, fault) in cases {
            assert_eq!(DeepLink::parse(text), Err(fault), "{text}");
        }
        assert!(matches!(
            DeepLink::parse("sambee://open?server=file%3A%2F%2F%2Fetc&token=t&connId=c&path=p"),
            Err(LinkError::Server(_))
        ));
        assert_eq!(DeepLink::parse(&format!("{GOOD}&x={}", "y".repeat(40_000))), Err(LinkError::TooLong));
    }

    #[test]
    fn a_printed_link_does_not_show_the_token() {
        let link = DeepLink::parse(GOOD).expect("a link");
        assert!(!format!("{link:?}").contains("eyJ0"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", query in ".*") {
            let _ = DeepLink::parse(&text);
            let _ = DeepLink::parse(&format!("sambee://open?{query}"));
        }

        #[test]
        fn what_the_browser_encodes_comes_out_again(path in "[^\\x00-\\x1f\\x7f-\\u{9f}]{1,60}") {
            prop_assume!(!path.is_empty());
            let encoded = percent_encoding::utf8_percent_encode(&path, percent_encoding::NON_ALPHANUMERIC);
            let text = format!("sambee://open?server=https%3A%2F%2Fa.example&token=t&connId=c&path={encoded}");
            prop_assert_eq!(DeepLink::parse(&text).expect("a link").path, path);
        }
    }
}
