//! What administrators say about the histories of files: `/api/admin/settings/file-search`.

use causeway_history::FileSearchPolicy;
use causeway_internal::history::StoredPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::FieldError;

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicySource {
    /// An administrator has set them.
    Database,
    /// Nobody has.
    Default,
}

/// What the histories of files keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileSearchSettings {
    /// The settings.
    pub settings: FileSearchPolicy,
    /// Where they come from.
    pub source: PolicySource,
}

impl From<StoredPolicy> for FileSearchSettings {
    fn from(stored: StoredPolicy) -> Self {
        let source = if stored.is_default { PolicySource::Default } else { PolicySource::Database };
        Self { settings: stored.policy, source }
    }
}

/// Changes what the histories of files keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct FileSearchSettingsChange {
    /// The new settings as a whole: what is missing gets its default.
    #[serde(default)]
    pub settings: Option<FileSearchPolicy>,
    /// Whether the default settings are to hold again. Not together with new ones.
    #[serde(default)]
    pub reset_to_default: bool,
}

/// What is to become of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyChange {
    /// Nothing.
    None,
    /// The default ones are to hold again.
    Reset,
    /// These are to hold.
    Set(FileSearchPolicy),
}

impl FileSearchSettingsChange {
    /// Checks what a type cannot say.
    pub fn checked(self) -> Result<PolicyChange, Vec<FieldError>> {
        match (self.settings, self.reset_to_default) {
            (None, false) => Ok(PolicyChange::None),
            (None, true) => Ok(PolicyChange::Reset),
            (Some(settings), true) => Err(vec![value_error(
                &["body"],
                "settings cannot be changed and reset in one request",
                json!({ "settings": settings, "reset_to_default": true }),
            )]),
            (Some(settings), false) => match settings.checked() {
                Ok(policy) => Ok(PolicyChange::Set(policy)),
                // The settings are not sent back: they may be large.
                Err(error) => Err(vec![value_error(&["body", "settings"], &error.to_string(), Value::Null)]),
            },
        }
    }
}

fn value_error(loc: &[&str], text: &str, input: Value) -> FieldError {
    FieldError::new("value_error", loc, format!("Value error, {text}"), input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FileSearchSettingsChange, PolicyChange};

    fn change(body: serde_json::Value) -> Result<PolicyChange, Vec<crate::FieldError>> {
        serde_json::from_value::<FileSearchSettingsChange>(body).unwrap().checked()
    }

    #[test]
    fn settings_are_set_or_reset_or_left_alone() {
        assert_eq!(change(json!({})).unwrap(), PolicyChange::None);
        assert_eq!(change(json!({ "settings": null })).unwrap(), PolicyChange::None);
        assert_eq!(change(json!({ "reset_to_default": true })).unwrap(), PolicyChange::Reset);
        let set = change(json!({ "settings": { "result_limit": 5, "excluded_extensions": ["A"] } })).unwrap();
        let PolicyChange::Set(policy) = set else { panic!("{set:?}") };
        assert_eq!((policy.result_limit, policy.retention_limit), (5, 50));
        assert_eq!(policy.excluded_extensions, [".a"]);
        for wrong in [
            json!({ "settings": {}, "reset_to_default": true }),
            json!({ "settings": { "result_limit": 51 } }),
            json!({ "settings": { "excluded_extensions": ["a*"] } }),
        ] {
            assert_eq!(change(wrong.clone()).unwrap_err()[0].kind, "value_error", "{wrong}");
        }
    }
}
