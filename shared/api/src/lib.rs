//! The public HTTP API: route table, request and response types, OpenAPI document.
