//! The headers that keep an answer from being more than it is meant to be.

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// JSON of the API, errors among it.
    ApiJson,
    /// Bytes of a file on a share, or made from one. Anybody who may write to the share has chosen them.
    ShareContent,
    /// Our own page at `/`: state of the server and explorer of the API. Scripts and styles are files of their own.
    Explorer,
    /// A browser app served from a directory that the operator chose. Its own content policy is not ours to guess.
    WebApp,
}

/// Headers to add to an answer, names in lower-case.
///
/// Content of shares is fetched by the browser app with its token, as an array buffer or text, which none of these
/// headers touches. They bite when a file is opened as a document: a sandbox without origin, script, form or network.
pub const fn security_headers(surface: Surface) -> &'static [(&'static str, &'static str)] {
    match surface {
        Surface::ApiJson => API_JSON,
        Surface::ShareContent => SHARE_CONTENT,
        Surface::Explorer => EXPLORER,
        Surface::WebApp => WEB_APP,
    }
}

type Headers = &'static [(&'static str, &'static str)];

const NO_SNIFFING: (&str, &str) = ("x-content-type-options", "nosniff");
const NO_REFERRER: (&str, &str) = ("referrer-policy", "no-referrer");
const SAME_ORIGIN_RESOURCE: (&str, &str) = ("cross-origin-resource-policy", "same-origin");
const NO_FRAMES: (&str, &str) = ("x-frame-options", "DENY");

const API_JSON: Headers = &[
    NO_SNIFFING,
    NO_REFERRER,
    SAME_ORIGIN_RESOURCE,
    NO_FRAMES,
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    // Answers are for one user and true for a moment.
    ("cache-control", "no-store"),
];

const SHARE_CONTENT: Headers = &[
    NO_SNIFFING,
    NO_REFERRER,
    SAME_ORIGIN_RESOURCE,
    NO_FRAMES,
    (
        "content-security-policy",
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    ),
    // The user's own browser may keep it, and asks with the entity tag before it shows it again.
    ("cache-control", "private, no-cache"),
];

const EXPLORER: Headers = &[
    NO_SNIFFING,
    NO_REFERRER,
    SAME_ORIGIN_RESOURCE,
    NO_FRAMES,
    ("cross-origin-opener-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

const WEB_APP: Headers = &[
    NO_SNIFFING,
    NO_REFERRER,
    SAME_ORIGIN_RESOURCE,
    ("x-frame-options", "SAMEORIGIN"),
    ("content-security-policy", "frame-ancestors 'self'"),
];
