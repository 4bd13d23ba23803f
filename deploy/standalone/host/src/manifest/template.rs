//! `{{ name }}` templates.

use std::collections::BTreeMap;
use std::fmt;

/// A text with `{{ name }}` places for variables of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `{{` without its `}}`.
    #[error("`{0}` has `{{{{` without `}}}}`")]
    Unclosed(String),
    /// What stands between the braces is not the name of a variable.
    #[error("`{0}` is not a variable name (lower case letters, digits, single underscores)")]
    Name(String),
}

impl Template {
    /// Reads a text; anything outside `{{ … }}` stands for itself.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let after = &rest[open + 2..];
            let close = after.find("}}").ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
            let name = after[..close].trim();
            if !is_variable_name(name) {
                return Err(TemplateError::Name(name.to_owned()));
            }
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = &after[close + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The names of the variables in the template.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// The text with values put in; `Err` names the first variable without a value.
    pub fn resolve(&self, values: &BTreeMap<String, String>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Variable(name) => text.push_str(values.get(name).ok_or_else(|| name.clone())?),
            }
        }
        Ok(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(literal) => f.write_str(literal),
            Part::Variable(name) => write!(f, "{{{{ {name} }}}}"),
        })
    }
}

/// Whether a name is lower snake case, as Spin wants variables.
pub(super) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
