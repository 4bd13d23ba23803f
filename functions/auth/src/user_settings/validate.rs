//! What settings may be, and what of a change goes to the sidecar.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use causeway_api::settings::{
    AppearancePatch, BrowserPatch, Language, LocalizationPatch, TextEditorPatch, UserSettingsPatch,
};
use causeway_internal::accounts::ChangeSettings;
use serde_json::{Map, Value, json};

use super::key;

/// What the text editor may be asked to open, in bytes.
pub(super) const EDITOR_SIZES: RangeInclusive<u64> = 65_536..=104_857_600;

/// What a change comes to, or what is wrong with it in one sentence.
pub(super) fn changes(patch: UserSettingsPatch) -> Result<ChangeSettings, &'static str> {
    let mut changes = ChangeSettings::default();
    appearance(patch.appearance.unwrap_or_default(), &mut changes)?;
    localization(patch.localization.unwrap_or_default(), &mut changes)?;
    browser(patch.browser.unwrap_or_default(), &mut changes)?;
    text_editor(&patch.text_editor.unwrap_or_default(), &mut changes)?;
    Ok(changes)
}

fn appearance(patch: AppearancePatch, changes: &mut ChangeSettings) -> Result<(), &'static str> {
    if let Some(theme) = patch.theme_id {
        let theme = theme.as_deref().map(str::trim).filter(|theme| !theme.is_empty());
        set(changes, key::THEME_ID, theme.ok_or("Theme ID cannot be empty")?);
    }
    if let Some(themes) = patch.custom_themes {
        let themes = themes.unwrap_or_default();
        if !themes.iter().all(is_theme) {
            return Err("A custom theme needs an id, a name, a mode (light or dark) and a primary color");
        }
        set_or_clear(changes, key::CUSTOM_THEMES, Some(themes).filter(|themes| !themes.is_empty()));
    }
    Ok(())
}

fn localization(patch: LocalizationPatch, changes: &mut ChangeSettings) -> Result<(), &'static str> {
    if let Some(language) = patch.language {
        set_or_clear(changes, key::LANGUAGE, language.map(Language::as_str));
    }
    if let Some(locale) = patch.regional_locale {
        let locale = locale.as_deref().map(str::trim).filter(|locale| !locale.is_empty());
        if !locale.is_none_or(is_locale) {
            return Err("Regional locale must be \"browser\" or a locale such as en-GB");
        }
        set_or_clear(changes, key::REGIONAL_LOCALE, locale);
    }
    Ok(())
}

fn browser(patch: BrowserPatch, changes: &mut ChangeSettings) -> Result<(), &'static str> {
    if let Some(include) = patch.quick_nav_include_dot_directories {
        set(changes, key::DOT_DIRECTORIES, include);
    }
    if let Some(visibility) = patch.quick_bar_shortcut_hint_visibility {
        set(changes, key::HINT_VISIBILITY, visibility.as_str());
    }
    if let Some(mode) = patch.file_browser_view_mode {
        let mode = one_of(&mode, VIEW_MODES).ok_or("File browser view mode must be list or details")?;
        set(changes, key::VIEW_MODE, mode);
    }
    if let Some(mode) = patch.pane_mode {
        set(changes, key::PANE_MODE, one_of(&mode, PANE_MODES).ok_or("Pane mode must be single or dual")?);
    }
    if let Some(connection) = patch.selected_connection_id {
        let connection = connection.as_deref().map(str::trim).filter(|connection| !connection.is_empty());
        set_or_clear(changes, key::SELECTED_CONNECTION, connection);
    }
    if let Some(associations) = patch.viewer_associations {
        let associations = associations.unwrap_or_default();
        let tidy: Option<BTreeMap<_, _>> =
            associations.iter().map(|(kind, viewer)| tidy_association(kind, viewer)).collect();
        let tidy = tidy.ok_or("Viewer associations need a file type and a viewer each")?;
        set_or_clear(changes, key::VIEWER_ASSOCIATIONS, Some(tidy).filter(|tidy| !tidy.is_empty()));
    }
    Ok(())
}

fn text_editor(patch: &TextEditorPatch, changes: &mut ChangeSettings) -> Result<(), &'static str> {
    let Some(size) = patch.max_file_size_bytes else { return Ok(()) };
    let size = u64::try_from(size).ok().filter(|size| EDITOR_SIZES.contains(size));
    set(
        changes,
        key::EDITOR_MAX_SIZE,
        size.ok_or("Maximum file size must be between 65536 and 104857600 bytes")?,
    );
    Ok(())
}

fn set(changes: &mut ChangeSettings, key: &str, value: impl Into<Value>) {
    changes.set.insert(key.to_owned(), value.into());
}

/// Sets a value; a missing one clears the key, so that the default holds again.
fn set_or_clear<T: serde::Serialize>(changes: &mut ChangeSettings, key: &str, value: Option<T>) {
    match value {
        Some(value) => set(changes, key, json!(value)),
        None => changes.clear.push(key.to_owned()),
    }
}

/// Ways to show a directory.
pub(super) const VIEW_MODES: &[&str] = &["list", "details"];
/// How many directories are shown at once.
pub(super) const PANE_MODES: &[&str] = &["single", "dual"];

/// The one of `known` that a text means, whatever its case.
pub(super) fn one_of(text: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let text = text.trim();
    known.iter().copied().find(|known| known.eq_ignore_ascii_case(text))
}

/// Whether an object has what every theme has.
pub(super) fn is_theme(theme: &Map<String, Value>) -> bool {
    let is_filled =
        |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    is_filled(theme.get("id"))
        && is_filled(theme.get("name"))
        && matches!(theme.get("mode").and_then(Value::as_str), Some("light" | "dark"))
        && is_filled(theme.get("primary").and_then(|primary| primary.get("main")))
}

/// Whether a text is `browser`, or two or three letters and any number of `-` with 2 to 8 letters or digits.
pub(super) fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_subtag =
        |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text == "browser" || (is_language && parts.all(is_subtag))
}

/// An association as it is kept; `None` when either side is blank.
pub(super) fn tidy_association(kind: &str, viewer: &str) -> Option<(String, String)> {
    let (kind, viewer) = (kind.trim().to_lowercase(), viewer.trim());
    (!kind.is_empty() && !viewer.is_empty()).then(|| (kind, viewer.to_owned()))
}
