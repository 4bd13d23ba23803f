//! Settings as they are kept, defaults filled in. What no rule allows any more reads as its default.

use std::collections::BTreeMap;

use causeway_api::settings::{Appearance, Browser, Language, Localization, TextEditor, UserSettings};
use serde_json::Value;

use super::key;
use super::validate::{EDITOR_SIZES, PANE_MODES, VIEW_MODES, is_locale, is_theme, one_of, tidy_association};

const DEFAULT_THEME: &str = "sambee-light";
const DEFAULT_EDITOR_SIZE: u64 = 52_428_800;

/// All settings.
pub(super) fn merged(stored: &BTreeMap<String, Value>) -> UserSettings {
    let text = |key: &str| stored.get(key).and_then(Value::as_str);
    let filled = |key: &str| text(key).filter(|text| !text.trim().is_empty());
    let chosen = |key: &str, known: &'static [&'static str], default: &str| {
        text(key).and_then(|text| one_of(text, known)).unwrap_or(default).to_owned()
    };
    UserSettings {
        appearance: Appearance {
            theme_id: filled(key::THEME_ID).unwrap_or(DEFAULT_THEME).to_owned(),
            custom_themes: themes(stored.get(key::CUSTOM_THEMES)),
        },
        localization: Localization {
            language: language(stored.get(key::LANGUAGE)).as_str().to_owned(),
            regional_locale: text(key::REGIONAL_LOCALE)
                .filter(|text| is_locale(text))
                .unwrap_or("browser")
                .to_owned(),
        },
        browser: Browser {
            quick_nav_include_dot_directories: stored
                .get(key::DOT_DIRECTORIES)
                .and_then(Value::as_bool)
                .unwrap_or(false),
            quick_bar_shortcut_hint_visibility: chosen(
                key::HINT_VISIBILITY,
                &["auto", "always", "never"],
                "auto",
            ),
            file_browser_view_mode: chosen(key::VIEW_MODE, VIEW_MODES, "list"),
            pane_mode: chosen(key::PANE_MODE, PANE_MODES, "single"),
            selected_connection_id: filled(key::SELECTED_CONNECTION).map(str::to_owned),
            viewer_associations: associations(stored.get(key::VIEWER_ASSOCIATIONS)),
        },
        text_editor: TextEditor {
            max_file_size_bytes: stored
                .get(key::EDITOR_MAX_SIZE)
                .and_then(Value::as_u64)
                .filter(|size| EDITOR_SIZES.contains(size))
                .unwrap_or(DEFAULT_EDITOR_SIZE),
        },
    }
}

fn themes(stored: Option<&Value>) -> Vec<serde_json::Map<String, Value>> {
    let themes = stored.and_then(Value::as_array).into_iter().flatten();
    themes.filter_map(Value::as_object).filter(|theme| is_theme(theme)).cloned().collect()
}

fn language(stored: Option<&Value>) -> Language {
    stored.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or(Language::Browser)
}

fn associations(stored: Option<&Value>) -> BTreeMap<String, String> {
    let stored = stored.and_then(Value::as_object).into_iter().flatten();
    stored.filter_map(|(kind, viewer)| tidy_association(kind, viewer.as_str()?)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use causeway_api::settings::{UserSettings, UserSettingsPatch};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::validate::changes;
    use super::merged;

    /// What the sidecar does with a change.
    fn apply(stored: &mut BTreeMap<String, Value>, patch: Value) -> Result<UserSettings, &'static str> {
        let changes = changes(serde_json::from_value::<UserSettingsPatch>(patch).unwrap())?;
        stored.extend(changes.set);
        stored.retain(|key, _| !changes.clear.contains(key));
        Ok(merged(stored))
    }

    #[test]
    fn a_new_user_has_the_defaults() {
        let defaults = json!({
            "appearance": { "theme_id": "sambee-light", "custom_themes": [] },
            "localization": { "language": "browser", "regional_locale": "browser" },
            "browser": {
                "quick_nav_include_dot_directories": false,
                "quick_bar_shortcut_hint_visibility": "auto",
                "file_browser_view_mode": "list",
                "pane_mode": "single",
                "selected_connection_id": null,
                "viewer_associations": {},
            },
            "text_editor": { "max_file_size_bytes": 52_428_800 },
        });
        assert_eq!(serde_json::to_value(merged(&BTreeMap::new())).unwrap(), defaults);
        assert_eq!(serde_json::to_value(apply(&mut BTreeMap::new(), json!({})).unwrap()).unwrap(), defaults);
    }

    #[test]
    fn settings_change_one_by_one_and_come_back() {
        let mut stored = BTreeMap::new();
        let theme =
            json!({ "id": "t", "name": "T", "mode": "dark", "primary": { "main": "#fff" }, "extra": [1] });
        let settings = apply(
            &mut stored,
            json!({
                "appearance": { "theme_id": " t ", "custom_themes": [theme] },
                "localization": { "language": "en-XA", "regional_locale": "de-CH" },
                "browser": { "pane_mode": "DUAL", "selected_connection_id": " x ",
                    "viewer_associations": { " PDF ": "native" } },
                "text_editor": { "max_file_size_bytes": 65_536 },
                "unknown": 1,
            }),
        );
        let settings = settings.unwrap();
        assert_eq!(settings.appearance.theme_id, "t");
        assert_eq!(Value::from(settings.appearance.custom_themes[0].clone()), theme);
        assert_eq!(settings.browser.viewer_associations["pdf"], "native");
        assert_eq!(settings.browser.pane_mode, "dual");

        let cleared = json!({
            "appearance": { "custom_themes": null },
            "localization": { "language": null, "regional_locale": " " },
            "browser": { "pane_mode": null, "selected_connection_id": null, "viewer_associations": {} },
        });
        let settings = apply(&mut stored, cleared).unwrap();
        assert_eq!(settings.localization.language, "browser");
        assert_eq!(settings.localization.regional_locale, "browser");
        assert_eq!(settings.browser.pane_mode, "dual", "null leaves it");
        assert_eq!(settings.browser.selected_connection_id, None);
        assert!(
            settings.browser.viewer_associations.is_empty() && settings.appearance.custom_themes.is_empty()
        );
        assert_eq!(settings.appearance.theme_id, "t");
    }

    #[test]
    fn what_no_rule_allows_changes_nothing() {
        for patch in [
            json!({ "appearance": { "theme_id": " " } }),
            json!({ "appearance": { "theme_id": null } }),
            json!({ "appearance": { "custom_themes": [{ "id": "x" }] } }),
            json!({ "localization": { "regional_locale": "d" } }),
            json!({ "localization": { "regional_locale": "de-" } }),
            json!({ "browser": { "file_browser_view_mode": "tiles" } }),
            json!({ "browser": { "pane_mode": "triple" } }),
            json!({ "browser": { "viewer_associations": { "": "x" } } }),
            json!({ "browser": { "viewer_associations": { "pdf": " " } } }),
            json!({ "text_editor": { "max_file_size_bytes": 65_535 } }),
            json!({ "text_editor": { "max_file_size_bytes": -1 } }),
        ] {
            let mut stored = BTreeMap::new();
            assert!(apply(&mut stored, patch.clone()).is_err(), "{patch}");
            assert!(stored.is_empty());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_stored_reads_as_settings(key in "[a-z_.]{0,40}", text in ".*", number: i64) {
            for value in [json!(text), json!(number), json!([text]), json!({ "id": text }), Value::Null] {
                let mut stored: BTreeMap<_, _> = super::super::validate::changes(UserSettingsPatch::default())
                    .map(|changes| changes.set).unwrap();
                for known in ["appearance.theme_id", "appearance.custom_themes", "localization.language",
                    "localization.regional_locale", "browser.pane_mode", "browser.viewer_associations",
                    "text_editor.max_file_size_bytes", key.as_str()] {
                    stored.insert(known.to_owned(), value.clone());
                }
                let settings = merged(&stored);
                prop_assert!((65_536..=104_857_600).contains(&settings.text_editor.max_file_size_bytes));
                prop_assert!(!settings.appearance.theme_id.trim().is_empty());
            }
        }
    }
}
