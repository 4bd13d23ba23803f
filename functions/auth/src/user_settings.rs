//! The caller's settings: the function knows keys, defaults and rules; the sidecar keeps values under dotted keys.

mod merge;
mod validate;

use causeway_api::settings::UserSettingsPatch;
use causeway_function_kit::{Answer, Problem, Request};
use causeway_internal::accounts::GetSettings;

/// All settings, defaults filled in.
pub(crate) async fn get(request: &Request) -> Result<Answer, Problem> {
    let stored = request.sidecar()?.call(&GetSettings {}).await?;
    Answer::json(200, &merge::merged(&stored))
}

/// Changes what is there, all or nothing, and answers with all settings afterwards.
pub(crate) async fn change(mut request: Request) -> Result<Answer, Problem> {
    let patch = request.json::<UserSettingsPatch>().await?;
    let changes = validate::changes(patch).map_err(Problem::bad_request)?;
    let stored = request.sidecar()?.call(&changes).await?;
    Answer::json(200, &merge::merged(&stored))
}

/// The keys under which settings are kept.
mod key {
    pub(super) const THEME_ID: &str = "appearance.theme_id";
    pub(super) const CUSTOM_THEMES: &str = "appearance.custom_themes";
    pub(super) const LANGUAGE: &str = "localization.language";
    pub(super) const REGIONAL_LOCALE: &str = "localization.regional_locale";
    pub(super) const DOT_DIRECTORIES: &str = "browser.quick_nav_include_dot_directories";
    pub(super) const HINT_VISIBILITY: &str = "browser.quick_bar_shortcut_hint_visibility";
    pub(super) const VIEW_MODE: &str = "browser.file_browser_view_mode";
    pub(super) const PANE_MODE: &str = "browser.pane_mode";
    pub(super) const SELECTED_CONNECTION: &str = "browser.selected_connection_id";
    pub(super) const VIEWER_ASSOCIATIONS: &str = "browser.viewer_associations";
    pub(super) const EDITOR_MAX_SIZE: &str = "text_editor.max_file_size_bytes";
}
