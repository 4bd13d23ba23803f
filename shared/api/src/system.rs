//! The server itself.

use causeway_internal::accounts::LogSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// That the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Always `healthy`.
    pub status: String,
}

/// Which browser app the server serves. A browser app compares it with what it was built as; `unknown` compares equal
/// to everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Version, or `unknown`.
    pub version: String,
    /// When it was built, or `unknown`.
    pub build_time: String,
    /// Commit it was built from, or `unknown`.
    pub git_commit: String,
}

/// What the browser may log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogConfig {
    /// To its console.
    pub logging_enabled: bool,
    /// From which level on: `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    pub logging_level: String,
    /// To the server.
    pub tracing_enabled: bool,
    /// From which level on.
    pub tracing_level: String,
    /// Of which components; empty means all.
    pub tracing_components: Vec<String>,
}

impl From<LogSettings> for LogConfig {
    fn from(settings: LogSettings) -> Self {
        let LogSettings {
            logging_enabled,
            logging_level,
            tracing_enabled,
            tracing_level,
            tracing_components,
        } = settings;
        Self { logging_enabled, logging_level, tracing_enabled, tracing_level, tracing_components }
    }
}
