//! Small forms, whole in memory: `application/x-www-form-urlencoded` (WHATWG URL 5) and `multipart/form-data`
//! (RFC 7578). Uploads are not read here: the sidecar reads them where the bytes arrive.

use std::collections::BTreeMap;

use crate::Query;

/// More parts than this are a mistake or an attack.
const MAX_PARTS: usize = 64;

/// The text fields of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

/// A form that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// It is neither kind of form.
    NoForm,
    /// It is one, but broken.
    Malformed,
}

impl Form {
    /// Reads a form of the kind that the header `content-type` names.
    pub fn parse(content_type: &str, body: &[u8]) -> Result<Self, FormError> {
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Self::url_encoded(body),
            "multipart/form-data" => {
                let boundary = parameter(parameters, "boundary").ok_or(FormError::Malformed)?;
                Self::multipart(&boundary, body)
            }
            _ => Err(FormError::NoForm),
        }
    }

    /// The value of a field; of several of one name the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn url_encoded(body: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(body).map_err(|_| FormError::Malformed)?;
        let fields = Query::parse(text).map_err(|_| FormError::Malformed)?;
        Ok(Self(fields.into_pairs().into_iter().collect()))
    }

    fn multipart(boundary: &str, body: &[u8]) -> Result<Self, FormError> {
        // RFC 2046 5.1.1: 1 to 70 characters.
        if boundary.is_empty() || boundary.len() > 70 {
            return Err(FormError::Malformed);
        }
        let delimiter = format!("--{boundary}");
        let separator = format!("\r\n{delimiter}");
        let start = find(body, delimiter.as_bytes()).ok_or(FormError::Malformed)?;
        let mut rest = &body[start + delimiter.len()..];
        let mut fields = BTreeMap::new();
        for _ in 0..MAX_PARTS {
            if rest.starts_with(b"--") {
                return Ok(Self(fields));
            }
            // Blanks may follow a delimiter.
            let line_end = find(rest, b"\r\n").ok_or(FormError::Malformed)?;
            if !rest[..line_end].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                return Err(FormError::Malformed);
            }
            let part_end =
                find(&rest[line_end..], separator.as_bytes()).ok_or(FormError::Malformed)? + line_end;
            if let Some((name, value)) = text_field(&rest[line_end + 2..part_end.max(line_end + 2)])? {
                fields.insert(name, value);
            }
            rest = &rest[part_end + separator.len()..];
        }
        Err(FormError::Malformed)
    }
}

/// Name and value of a part; `None` for a file, which no small form has.
fn text_field(part: &[u8]) -> Result<Option<(String, String)>, FormError> {
    let headers_end = find(part, b"\r\n\r\n").ok_or(FormError::Malformed)?;
    let headers = std::str::from_utf8(&part[..headers_end]).map_err(|_| FormError::Malformed)?;
    let disposition = headers.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let (kind, parameters) =
        disposition.and_then(|value| value.split_once(';')).ok_or(FormError::Malformed)?;
    let name = parameter(parameters, "name").ok_or(FormError::Malformed)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(FormError::Malformed);
    }
    if parameter(parameters, "filename").is_some() {
        return Ok(None);
    }
    let value = std::str::from_utf8(&part[headers_end + 4..]).map_err(|_| FormError::Malformed)?;
    Ok(Some((name, value.to_owned())))
}

/// A parameter of a header value, quotes taken off (RFC 9110 5.6.6).
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim().to_owned(), &after[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// The content of a quoted string whose opening quote is gone, and what follows its closing one.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Form, FormError};

    fn multipart(boundary: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let part = |(name, value): &(&str, &str)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts: Vec<_> = fields.iter().map(part).collect();
        format!("{}--{boundary}--\r\n", parts.concat()).into_bytes()
    }

    #[test]
    fn both_kinds_of_form_say_the_same() {
        let encoded =
            Form::parse("application/x-www-form-urlencoded", b"username=a+b&password=%C3%BC%26").unwrap();
        let body = multipart("----x1", &[("username", "a b"), ("password", "ü&")]);
        let parts = Form::parse("Multipart/Form-Data; charset=utf-8; boundary=\"----x1\"", &body).unwrap();
        assert_eq!(encoded, parts);
        assert_eq!(parts.get("password"), Some("ü&"));
        assert_eq!(parts.get("absent"), None);
    }

    #[test]
    fn empty_values_files_and_preambles_are_understood() {
        let body = b"preamble\r\n--b  \r\ncontent-disposition:form-data;name=username\r\n\r\n\r\n--b\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"x\"\r\nContent-Type: a/b\r\n\r\n\xff\r\n--b--";
        let form = Form::parse("multipart/form-data; boundary=b", body).unwrap();
        assert_eq!((form.get("username"), form.get("f")), (Some(""), None));
    }

    #[test]
    fn what_is_no_form_or_a_broken_one_is_said_so() {
        assert_eq!(Form::parse("application/json", b"{}"), Err(FormError::NoForm));
        assert_eq!(Form::parse("", b""), Err(FormError::NoForm));
        assert_eq!(Form::parse("multipart/form-data", b"--b--"), Err(FormError::Malformed));
        let whole = multipart("b", &[("username", "admin")]);
        for end in 0..whole.len() - 4 {
            let cut = Form::parse("multipart/form-data; boundary=b", &whole[..end]);
            assert_eq!(cut, Err(FormError::Malformed), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(head in "[ -~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Form::parse(&head, &body);
            let _ = Form::parse(&format!("multipart/form-data; {head}"), &body);
            let _ = Form::parse("multipart/form-data; boundary=b", &[b"--b", body.as_slice(), b"\r\n--b--"].concat());
        }

        #[test]
        fn any_text_survives_a_multipart_form(username in "[^\u{0}]{0,40}", password in ".{0,40}") {
            let body = multipart("----boundary7", &[("username", &username), ("password", &password)]);
            let form = Form::parse("multipart/form-data; boundary=----boundary7", &body).unwrap();
            prop_assert_eq!(form.get("username"), Some(username.as_str()));
            prop_assert_eq!(form.get("password"), Some(password.as_str()));
        }
    }
}
