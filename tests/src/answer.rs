//! What came back, and what must hold of it.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    asked: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Words of the server behind or of the host, which no refusal may carry: NT status names and numbers, UNC paths,
/// directories of the machine, panics, SQL, the internal address.
const LEAKS: [&str; 14] = [
    "NT_STATUS",
    "NTSTATUS",
    "STATUS_",
    "0xc0",
    "0xC0",
    "\\\\127.",
    "\\\\\\\\",
    "/tmp/",
    "/work/",
    "/root/",
    "panicked",
    "SELECT ",
    "sidecar.internal",
    "/internal/v1",
];

impl Answer {
    pub(crate) fn new(asked: String, status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        let answer = Self { asked, status, headers, body };
        answer.check_what_holds_everywhere();
        answer
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header's value; `""` when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Demands a status.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status(), status, "{}\n{}", self.asked, self.start_of_body());
        self
    }

    /// Demands a status and a sentence in `detail`.
    #[track_caller]
    pub fn refused(self, status: u16, detail: &str) {
        let answer = self.expect(status);
        assert_eq!(answer.detail(), detail, "{}", answer.asked);
    }

    /// Demands a status and some sentence in `detail` that contains a word.
    #[track_caller]
    pub fn refused_with(self, status: u16, word: &str) {
        let answer = self.expect(status);
        let detail = answer.detail();
        assert!(detail.contains(word), "{}: {detail:?} does not contain {word:?}", answer.asked);
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            "application/json",
            "{}\n{}",
            self.asked,
            self.start_of_body()
        );
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|fault| panic!("{}: {fault}\n{}", self.asked, self.start_of_body()))
    }

    /// The sentence in `detail`.
    #[track_caller]
    pub fn detail(&self) -> String {
        let json = self.json();
        match &json["detail"] {
            Value::String(sentence) if !sentence.trim().is_empty() => sentence.clone(),
            other => panic!("{}: `detail` is {other}, not a sentence", self.asked),
        }
    }

    fn start_of_body(&self) -> String {
        self.text().chars().take(600).collect()
    }

    /// Request id, security headers, nothing of the server behind.
    #[track_caller]
    fn check_what_holds_everywhere(&self) {
        let asked = &self.asked;
        let status = self.status();
        let id = self.header("x-request-id");
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{asked} ({status}): x-request-id is {id:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{asked} ({status})");
        assert_eq!(self.header("referrer-policy"), "no-referrer", "{asked} ({status})");
        if asked.contains(" /api/") {
            assert!(
                !self.header("content-security-policy").is_empty(),
                "{asked} ({status}): no content policy"
            );
        }
        if status >= 400 && !self.body.is_empty() {
            let text = self.text();
            assert_eq!(self.header("content-type"), "application/json", "{asked} ({status}): {text}");
            for leak in LEAKS {
                assert!(!text.contains(leak), "{asked} ({status}) tells {leak:?}: {text}");
            }
        }
    }
}
