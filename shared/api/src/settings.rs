//! A user's own settings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All settings of a user, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserSettings {
    /// Looks.
    pub appearance: Appearance,
    /// Language.
    pub localization: Localization,
    /// The file browser.
    pub browser: Browser,
    /// The text editor.
    pub text_editor: TextEditor,
}

/// Looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Appearance {
    /// Theme.
    pub theme_id: String,
    /// Themes of the user's own making: `id`, `name`, `mode`, `primary.main` and whatever else a theme has.
    pub custom_themes: Vec<Map<String, Value>>,
}

/// Language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Localization {
    /// `browser`, `en` or `en-XA`.
    pub language: String,
    /// `browser` or a locale such as `de-CH`.
    pub regional_locale: String,
}

/// The file browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Browser {
    /// Whether quick navigation offers directories whose names begin with a dot.
    pub quick_nav_include_dot_directories: bool,
    /// `auto`, `always` or `never`.
    pub quick_bar_shortcut_hint_visibility: String,
    /// `list` or `details`.
    pub file_browser_view_mode: String,
    /// `single` or `dual`.
    pub pane_mode: String,
    /// The connection that opens first.
    pub selected_connection_id: Option<String>,
    /// Which viewer opens which kind of file.
    pub viewer_associations: BTreeMap<String, String>,
}

/// The text editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextEditor {
    /// The largest file that it opens, in bytes.
    pub max_file_size_bytes: u64,
}

/// Changes to settings. Only what is there changes; `null` has the meaning that the field's description gives it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct UserSettingsPatch {
    /// Looks.
    #[serde(default)]
    pub appearance: Option<AppearancePatch>,
    /// Language.
    #[serde(default)]
    pub localization: Option<LocalizationPatch>,
    /// The file browser.
    #[serde(default)]
    pub browser: Option<BrowserPatch>,
    /// The text editor.
    #[serde(default)]
    pub text_editor: Option<TextEditorPatch>,
}

/// Changes to the looks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct AppearancePatch {
    /// Theme, not blank.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub theme_id: Option<Option<String>>,
    /// Themes of the user's own making; null clears them.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub custom_themes: Option<Option<Vec<Map<String, Value>>>>,
}

/// Changes to the language.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct LocalizationPatch {
    /// `browser`, `en` or `en-XA`; null means `browser`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub language: Option<Option<Language>>,
    /// `browser` or a locale; null or blank means `browser`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub regional_locale: Option<Option<String>>,
}

/// A language that the browser app speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Language {
    /// That of the browser.
    #[serde(rename = "browser")]
    Browser,
    /// English.
    #[serde(rename = "en")]
    English,
    /// English with accents, for tests of translations.
    #[serde(rename = "en-XA")]
    PseudoEnglish,
}

impl Language {
    /// Its tag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::English => "en",
            Self::PseudoEnglish => "en-XA",
        }
    }
}

/// When the quick bar shows shortcuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HintVisibility {
    /// When there is room.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl HintVisibility {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// Changes to the file browser; null changes nothing unless said otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct BrowserPatch {
    /// Whether quick navigation offers directories whose names begin with a dot.
    #[serde(default)]
    pub quick_nav_include_dot_directories: Option<bool>,
    /// When the quick bar shows shortcuts.
    #[serde(default)]
    pub quick_bar_shortcut_hint_visibility: Option<HintVisibility>,
    /// `list` or `details`.
    #[serde(default)]
    pub file_browser_view_mode: Option<String>,
    /// `single` or `dual`.
    #[serde(default)]
    pub pane_mode: Option<String>,
    /// The connection that opens first; null or blank means none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub selected_connection_id: Option<Option<String>>,
    /// Which viewer opens which kind of file; replaces all, null clears all.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub viewer_associations: Option<Option<BTreeMap<String, String>>>,
}

/// Changes to the text editor.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct TextEditorPatch {
    /// The largest file that it opens, in bytes; null changes nothing.
    #[serde(default)]
    pub max_file_size_bytes: Option<i64>,
}

/// Keeps "absent" and "null" apart: a field that is there is `Some`, whatever its value.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
