//! `/api/health` and what else is about the server itself.

use serde_json::{Map, Value};

use crate::system::{Health, LogConfig, Version};
use crate::{Answer, Component, Endpoint, Method, Route};

/// What the `system` function does. What no route names, it answers with the browser app or a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has its summary in the table below")]
pub enum Operation {
    GetHealth,
    GetVersion,
    GetLogConfig,
    GetOpenApi,
}

const fn route(path: &'static str, id: &'static str) -> Route {
    Route::new(Component::System, Method::Get, path, id)
}

/// Its routes.
pub static ENDPOINTS: &[Endpoint<Operation>] = &[
    Endpoint {
        operation: Operation::GetHealth,
        route: route("/api/health", "get_health")
            .about("Whether the server answers")
            .public()
            .answers(&[Answer::json::<Health>(200, "It does")]),
    },
    Endpoint {
        operation: Operation::GetVersion,
        route: route("/api/version", "get_version")
            .about("Which browser app the server serves")
            .public()
            .answers(&[Answer::json::<Version>(200, "The version")]),
    },
    Endpoint {
        operation: Operation::GetLogConfig,
        route: route("/api/logs/config", "get_log_config")
            .about("What the browser may log")
            .answers(&[Answer::json::<LogConfig>(200, "The settings")]),
    },
    Endpoint {
        operation: Operation::GetOpenApi,
        route: route("/api/openapi.json", "get_openapi")
            .about("This document")
            .public()
            .answers(&[Answer::json::<Map<String, Value>>(200, "An OpenAPI 3.1 document")]),
    },
];
