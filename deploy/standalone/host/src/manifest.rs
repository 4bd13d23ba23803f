//! `spin.toml`, manifest version 2, as far as the functions need it.
//!
//! Unknown keys are refused like Spin refuses them, so that a manifest that runs here also runs there. What Spin
//! knows and this host cannot honour (SQLite databases, AI models, service chaining, remote components) is refused
//! too, by name, rather than ignored.

mod route;
mod schema;
mod template;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use route::RoutePattern;
pub use template::{Template, TemplateError};

/// A checked application manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// `application.name`.
    pub name: String,
    /// `application.version`, when given.
    pub version: Option<String>,
    /// `[variables]`: the application's variables by lower-snake name.
    pub variables: BTreeMap<String, Variable>,
    /// `[[trigger.http]]` with a public route, in the order of the file.
    pub routes: Vec<HttpRoute>,
    /// `[component.<id>]` by kebab-case id.
    pub components: BTreeMap<String, Component>,
}

/// One application variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The value without an override; `None` makes a value required.
    pub default: Option<String>,
    /// Whether the value must not be shown.
    pub secret: bool,
}

/// One route and the component that answers it.
#[derive(Debug, Clone)]
pub struct HttpRoute {
    /// The parsed pattern.
    pub pattern: RoutePattern,
    /// Id of a component in [`Manifest::components`].
    pub component: String,
}

/// One component.
#[derive(Debug, Clone)]
pub struct Component {
    /// Path of the `.wasm` file, relative to the manifest.
    pub source: PathBuf,
    /// Entries of `allowed_outbound_hosts`, before variables are put in.
    pub allowed_outbound_hosts: Vec<Template>,
    /// Labels of the key-value stores that the component may open.
    pub key_value_stores: Vec<String>,
    /// The component's variables, before the application's are put in.
    pub variables: BTreeMap<String, Template>,
    /// Environment of the component.
    pub environment: BTreeMap<String, String>,
    /// Directories that the component sees, read-only.
    pub files: Vec<FileMount>,
}

/// One `files` entry with a source and a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMount {
    /// Directory on the host, relative to the manifest.
    pub source: PathBuf,
    /// Absolute path in the component.
    pub destination: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not TOML, or has a key that is not known at that place, or a value of the wrong type.
    #[error("spin.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// The text reads, but says things that cannot be; all faults at once.
    #[error("spin.toml has {} fault(s): {}", .0.len(), .0.join("; "))]
    Invalid(Vec<String>),
}

impl Manifest {
    /// Reads and checks the text of a `spin.toml`.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        schema::RawManifest::read(text)?.check().map_err(ManifestError::Invalid)
    }
}
