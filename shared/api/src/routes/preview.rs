//! `/api/viewer/…`

use crate::files::PdfVariant;
use crate::{Answer, Component, Endpoint, Method, Parameter, Route};

/// What the `preview` function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Serves a file for viewing.
    View,
    /// Serves a file for keeping.
    Download,
}

/// Beyond those of every route that goes to a share: a precondition fails, a range lies outside the file.
const REFUSALS: &[u16] = &[400, 403, 404, 412, 416, 502, 503, 504];

/// Those, and an operation token that has to be renewed.
const OF_AN_EDITED_FILE: &[u16] = &[400, 403, 404, 409, 412, 416, 502, 503, 504];

const ANSWERS: &[Answer] = &[
    Answer::file(200, "The file."),
    Answer::file(206, "The ranges asked for; several as `multipart/byteranges`."),
    Answer::empty(304, "The client's copy is current."),
];

const PATH: Parameter =
    Parameter::required::<String>("path", "Path of the file, relative to the connection.");
const RANGE: Parameter = Parameter::header("Range", "Byte ranges (RFC 9110 14.2).");
const IF_RANGE: Parameter =
    Parameter::header("If-Range", "Entity tag or date: the ranges only if the file is still that one.");
const IF_MATCH: Parameter = Parameter::header("If-Match", "Entity tags of which the file must have one.");
const IF_NONE_MATCH: Parameter =
    Parameter::header("If-None-Match", "Entity tags of copies that the client has.");
const IF_MODIFIED_SINCE: Parameter = Parameter::header("If-Modified-Since", "Date of the client's copy.");
const IF_UNMODIFIED_SINCE: Parameter =
    Parameter::header("If-Unmodified-Since", "Date after which the file must not have changed.");

/// Its routes.
pub static ENDPOINTS: &[Endpoint<Operation>] = &[
    Endpoint {
        operation: Operation::View,
        route: Route::new(Component::Preview, Method::Get, "/api/viewer/{connection_id}/file", "view_file")
            .about("A file for viewing in the browser.")
            .takes(&[
                PATH,
                Parameter::optional::<PdfVariant>(
                    "pdf_variant",
                    "Which form of a PDF; `original` when absent.",
                ),
                Parameter::optional::<u32>("screen_width", "Width of the screen in pixels, 320 to 16384."),
                Parameter::optional::<u32>("screen_height", "Height of the screen in pixels, 320 to 16384."),
                Parameter::optional::<u32>(
                    "screen_zoom_percent",
                    "Magnification to prepare for, 100 to 400; 200 when absent.",
                ),
                Parameter::optional::<i64>(
                    "viewport_width",
                    "Width in device pixels to fit into; none or 0 for no limit.",
                ),
                Parameter::optional::<i64>(
                    "viewport_height",
                    "Height in device pixels to fit into; none or 0 for no limit.",
                ),
                Parameter::optional::<bool>("no_resizing", "Whether the picture keeps its size."),
                RANGE,
                IF_RANGE,
                IF_MATCH,
                IF_NONE_MATCH,
                IF_MODIFIED_SINCE,
                IF_UNMODIFIED_SINCE,
            ])
            .answers(ANSWERS)
            .refuses(REFUSALS),
    },
    Endpoint {
        operation: Operation::Download,
        route: Route::new(
            Component::Preview,
            Method::Get,
            "/api/viewer/{connection_id}/download",
            "download_file",
        )
        .about("A file for keeping, byte for byte.")
        .for_operations_too()
        .takes(&[
            PATH,
            Parameter::OPERATION_ID,
            Parameter::LOCK_ID,
            Parameter::LOCK_CAPABILITY,
            RANGE,
            IF_RANGE,
            IF_MATCH,
            IF_NONE_MATCH,
            IF_MODIFIED_SINCE,
            IF_UNMODIFIED_SINCE,
        ])
        .answers(ANSWERS)
        .refuses(OF_AN_EDITED_FILE),
    },
];
