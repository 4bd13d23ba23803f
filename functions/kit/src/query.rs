//! The query of a request.

use std::str::FromStr;

use causeway_api::FieldError;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Problem;

/// More parameters than this are a mistake or an attack; each costs an allocation.
const MAX_PARAMETERS: usize = 256;

/// The parameters of a query, decoded, in order, repeated ones kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d` with percent-encoding and `+` for blanks (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    ///
    /// 400 when it is no UTF-8 once decoded, or has more parameters than any route takes.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut parameters = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(Problem::bad_request("The request has too many parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decode(name)?, decode(value)?));
        }
        Ok(Self(parameters))
    }

    /// Names and values in order.
    pub(crate) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The last value of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of that name, which must be there (422).
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.text(name).ok_or_else(|| Problem::invalid(FieldError::missing(&["query", name], Value::Null)))
    }

    /// A yes or no: `true`, `1`, `yes`, `on`, `y`, `t` and their opposites in any case; otherwise 422.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "y" | "t" => Ok(true),
            "false" | "0" | "no" | "off" | "n" | "f" => Ok(false),
            _ => Err(mistake(
                "bool_parsing",
                name,
                "Input should be a valid boolean, unable to interpret input",
                text,
            )),
        }
    }

    /// A number, if it is there; 422 when it is none.
    pub fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let message = "Input should be a valid integer, unable to parse string as an integer";
        text.trim().parse().map(Some).map_err(|_| mistake("int_parsing", name, message, text))
    }

    /// One of the names of an enumeration, if it is there; 422 when it is another.
    pub fn choice<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| choice(name, text)).transpose()
    }

    /// Any number of names of an enumeration; 422 when one is another.
    pub fn choices<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, Problem> {
        self.all(name).map(|text| choice(name, text)).collect()
    }
}

fn choice<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Problem> {
    serde_json::from_value(Value::from(text)).map_err(|error| mistake("enum", name, &error.to_string(), text))
}

fn mistake(kind: &str, name: &str, message: &str, text: &str) -> Problem {
    Problem::invalid(FieldError::new(kind, &["query", name], message, Value::from(text)))
}

/// Decodes a name or a value of a form.
fn decode(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Problem::bad_request("The request's parameters are not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::Query;

    #[test]
    fn a_query_is_read_like_a_form() {
        let query = Query::parse("path=a%2Fb+c&overwrite=YES&n=12&role=admin&role=viewer&&flag").unwrap();
        assert_eq!(query.required("path").unwrap(), "a/b c");
        assert!(query.flag("overwrite", false).unwrap());
        assert_eq!(query.number::<u32>("n").unwrap(), Some(12));
        assert_eq!(query.all("role").collect::<Vec<_>>(), ["admin", "viewer"]);
        assert_eq!(query.text("flag"), Some(""));
        assert!(query.flag("flag", true).is_err());
        assert_eq!(query.required("absent").unwrap_err().status(), 422);
        assert_eq!(Query::parse("path=%ff").unwrap_err().status(), 400);
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_reader(text in ".*") {
            let _ = Query::parse(&text);
        }

        #[test]
        fn what_a_browser_encodes_comes_back(value in ".*") {
            let encoded = utf8_percent_encode(&value, NON_ALPHANUMERIC);
            let query = Query::parse(&format!("v={encoded}")).unwrap();
            prop_assert_eq!(query.text("v"), Some(value.as_str()));
        }
    }
}
