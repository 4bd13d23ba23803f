//! The TOML shapes of the manifest, and the check that turns them into a [`Manifest`].

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde::Deserialize;

use super::template::is_variable_name;
use super::{Component, FileMount, HttpRoute, Manifest, ManifestError, RoutePattern, Template, Variable};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawManifest {
    spin_manifest_version: u32,
    application: RawApplication,
    #[serde(default)]
    variables: BTreeMap<String, RawVariable>,
    trigger: RawTriggers,
    #[serde(default)]
    component: BTreeMap<String, RawComponent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    name: String,
    version: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVariable {
    default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTriggers {
    http: Vec<RawHttpTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttpTrigger {
    route: RawRoute,
    component: String,
    #[serde(rename = "id")]
    _id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawRoute {
    Pattern(String),
    Private(RawPrivateRoute),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrivateRoute {
    private: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    source: toml::Value,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<toml::Value>,
    #[serde(default, rename = "exclude_files")]
    _exclude_files: Vec<String>,
    #[serde(default)]
    sqlite_databases: Vec<String>,
    #[serde(default)]
    ai_models: Vec<String>,
    #[serde(default)]
    dependencies: toml::Table,
    #[serde(default, rename = "build")]
    _build: toml::Table,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
}

impl RawManifest {
    pub(super) fn read(text: &str) -> Result<Self, ManifestError> {
        Ok(toml::from_str(text)?)
    }

    /// Checks everything and reports all faults at once.
    pub(super) fn check(self) -> Result<Manifest, Vec<String>> {
        let mut faults = Vec::new();
        if self.spin_manifest_version != 2 {
            faults.push(format!("spin_manifest_version is {}, only 2 is known", self.spin_manifest_version));
        }
        let variables = self
            .variables
            .into_iter()
            .map(|(name, raw)| (name.clone(), raw.check(&name, &mut faults)))
            .collect::<BTreeMap<_, _>>();
        let mut routes = Vec::new();
        let mut seen = HashSet::new();
        for raw in self.trigger.http {
            if !self.component.contains_key(&raw.component) {
                faults.push(format!("a trigger names component `{}`, which is not there", raw.component));
            }
            match raw.route {
                RawRoute::Private(RawPrivateRoute { private: true }) => {}
                RawRoute::Private(_) => faults.push(format!(
                    "the route of component `{}` is neither a pattern nor `{{ private = true }}`",
                    raw.component
                )),
                RawRoute::Pattern(text) => match RoutePattern::parse(&text) {
                    Ok(pattern) => {
                        if !seen.insert(pattern.as_str().to_owned()) {
                            faults.push(format!("route `{pattern}` is given twice"));
                        }
                        routes.push(HttpRoute { pattern, component: raw.component });
                    }
                    Err(fault) => faults.push(fault),
                },
            }
        }
        let components = self
            .component
            .into_iter()
            .map(|(id, raw)| (id.clone(), raw.check(&id, &variables, &mut faults)))
            .collect();
        if faults.is_empty() {
            Ok(Manifest {
                name: self.application.name,
                version: self.application.version,
                variables,
                routes,
                components,
            })
        } else {
            Err(faults)
        }
    }
}

impl RawVariable {
    fn check(self, name: &str, faults: &mut Vec<String>) -> Variable {
        if !is_variable_name(name) {
            faults.push(format!("variable `{name}` is not in lower snake case"));
        }
        match (&self.default, self.required) {
            (None, false) => faults.push(format!("variable `{name}` needs `default` or `required = true`")),
            (Some(_), true) => faults.push(format!("variable `{name}` is required and has a default")),
            _ => {}
        }
        Variable { default: self.default, secret: self.secret }
    }
}

impl RawComponent {
    fn check(self, id: &str, variables: &BTreeMap<String, Variable>, faults: &mut Vec<String>) -> Component {
        if !is_kebab_case(id) {
            faults.push(format!("component id `{id}` is not in kebab case"));
        }
        let mut fault = |text: String| faults.push(format!("component `{id}`: {text}"));
        for (key, used) in [
            ("sqlite_databases", !self.sqlite_databases.is_empty()),
            ("ai_models", !self.ai_models.is_empty()),
            ("dependencies", !self.dependencies.is_empty()),
        ] {
            if used {
                fault(format!("`{key}` is not provided by this host"));
            }
        }
        let source = if let toml::Value::String(path) = self.source {
            PathBuf::from(path)
        } else {
            fault("`source` must be the path of a file, remote sources are not fetched".to_owned());
            PathBuf::new()
        };
        let mut template = |place: &str, text: &str| match Template::parse(text) {
            Ok(template) => {
                for name in template.variables() {
                    if !variables.contains_key(name) {
                        fault(format!("{place} uses the variable `{name}`, which is not declared"));
                    }
                }
                Some(template)
            }
            Err(error) => {
                fault(format!("{place}: {error}"));
                None
            }
        };
        let allowed_outbound_hosts = self
            .allowed_outbound_hosts
            .iter()
            .filter_map(|text| template("allowed_outbound_hosts", text))
            .collect();
        let component_variables = self
            .variables
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), template(&format!("variable `{name}`"), text)?)))
            .collect();
        for name in self.variables.keys().filter(|name| !is_variable_name(name)) {
            fault(format!("variable `{name}` is not in lower snake case"));
        }
        let files = self
            .files
            .into_iter()
            .filter_map(|value| match file_mount(value) {
                Ok(mount) => Some(mount),
                Err(text) => {
                    fault(text);
                    None
                }
            })
            .collect();
        Component {
            source,
            allowed_outbound_hosts,
            key_value_stores: self.key_value_stores,
            variables: component_variables,
            environment: self.environment,
            files,
        }
    }
}

fn file_mount(value: toml::Value) -> Result<FileMount, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RawMount {
        source: PathBuf,
        destination: String,
    }
    if value.is_str() {
        return Err(
            "`files` needs entries with `source` and `destination`, patterns are not expanded".to_owned()
        );
    }
    let raw: RawMount = value.try_into().map_err(|error| format!("`files`: {error}"))?;
    if !raw.destination.starts_with('/') {
        return Err(format!("`files` destination `{}` is not absolute", raw.destination));
    }
    Ok(FileMount { source: raw.source, destination: raw.destination })
}

/// Whether an id is made of letters and digits in words joined by single hyphens, each beginning with a letter.
fn is_kebab_case(id: &str) -> bool {
    id.split('-').all(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(|c| c.is_ascii_alphanumeric())
    })
}
